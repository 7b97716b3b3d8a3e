package dev.lamina.models.mistral;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.SelectiveLayers.Sharpening;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Mistral: Llama, sliding. Ministral says of each layer whether it does; 3 sharpens queries. */
public final class MistralFamily implements ModelFamily {
  /** For the service loader. */
  public MistralFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("ministral", "ministral3", "mistral");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 0, 131072));
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, shape)).withSharpening(sharpening(c));
    int window = LayerWindows.slidingWindow(c);
    return new Decoder(
            shape,
            LayerWindows.of(c, shape.numLayers(), window, i -> true).applied(attention),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }

  private static @Nullable Sharpening sharpening(ModelConfig c) throws ModelException {
    ModelConfig rope = c.object("rope_parameters");
    if (rope == null || !rope.has("llama_4_scaling_beta")) {
      return null;
    }
    return new Sharpening(
        rope.positiveInt("original_max_position_embeddings"),
        rope.numberAbove("llama_4_scaling_beta", 0),
        0);
  }
}
