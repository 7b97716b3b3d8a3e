package dev.lamina.models.smollm3;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.ArrayList;
import java.util.List;

/** SmolLM 3: Llama, but some layers see no positions. */
public final class SmolLm3Family implements ModelFamily {
  /** For the service loader. */
  public SmolLm3Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("smollm3");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(4, 0, 32768));
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec turned =
        new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withTheta(2_000_000), shape))
            .withBias(bias, bias);
    int window = c.bool("use_sliding_window", false) ? LayerWindows.slidingWindow(c) : 0;
    List<Boolean> rope =
        c.flags("no_rope_layers", shape.numLayers(), c.positiveInt("no_rope_layer_interval", 4));
    LayerWindows windows = LayerWindows.of(c, shape.numLayers(), window, i -> !rope.get(i));
    List<AttentionSpec> attention = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      AttentionSpec a = rope.get(i) ? turned : turned.withRope(null);
      attention.add(a.withWindow(windows.of(i)));
    }
    return new Decoder(
            shape,
            attention,
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                c.bool("mlp_bias", false)),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
