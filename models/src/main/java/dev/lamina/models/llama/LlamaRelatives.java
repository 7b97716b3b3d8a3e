package dev.lamina.models.llama;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import java.util.List;

/** Relatives that depart from Llama by a choice or two that their configuration does not name. */
public final class LlamaRelatives implements ModelFamily {
  /** For the service loader. */
  public LlamaRelatives() {}

  @Override
  public List<String> modelTypes() {
    return List.of("arcee", "cwm", "ernie4_5", "helium", "seed_oss");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, defaults(c));
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, shape)).withBias(bias, bias);
    MlpSpec mlp =
        MlpSpec.gated(
            c.positiveInt("intermediate_size"),
            Activation.parse(c, "hidden_act", "silu"),
            c.bool("mlp_bias", false));
    Decoder llama =
        new Decoder(shape, attention, mlp, Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
            .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
    return switch (c.string("model_type")) {
      case "arcee" ->
          llama.withMlp(
              MlpSpec.plain(mlp.width(), Activation.parse(c, "hidden_act", "relu2"), mlp.biased()));
      case "cwm" -> {
        LayerWindows windows =
            LayerWindows.of(c, shape.numLayers(), LayerWindows.slidingWindow(c), i -> i % 4 != 0);
        yield llama.withAttention(windows.applied(attention));
      }
      case "ernie4_5" -> {
        boolean all = c.bool("use_bias", false);
        yield llama
            .withAttention(attention.withBias(all, all).withRopeStyle(RopeStyle.INTERLEAVED))
            .withMlp(MlpSpec.gated(mlp.width(), mlp.activation(), all))
            .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
      }
      case "helium" ->
          llama.withAttention(attention.withBias(bias, false).withRopeStyle(RopeStyle.INTERLEAVED));
      default ->
          llama.withAttention(
              attention.withBias(
                  c.bool("attention_bias", true), c.bool("attention_out_bias", false)));
    };
  }

  private static DecoderShape.Defaults defaults(ModelConfig c) throws ModelException {
    return switch (c.string("model_type")) {
      case "cwm", "ernie4_5" -> new DecoderShape.Defaults(0, 128, 131072);
      case "helium" -> new DecoderShape.Defaults(0, 128, 4096);
      case "seed_oss" -> new DecoderShape.Defaults(0, 128, 524288);
      default -> new DecoderShape.Defaults(0, 0, 131072);
    };
  }
}
