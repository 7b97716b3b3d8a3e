package dev.lamina.models.gemma3;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.List;

/** Gemma 3, text: Gemma 2 with normed queries and keys, and a second rotary base for windows. */
public final class Gemma3Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.pre_feedforward_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm");

  /** For the service loader. */
  public Gemma3Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gemma3_text");
  }

  @Override
  public Decoder parse(ModelConfig given) throws ModelException {
    // The text part of the smaller ones that see leaves out what is the default.
    ModelConfig c = given.withAbsent("vocab_size", 262_208).withAbsent("num_attention_heads", 8);
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(4, 256, 131072));
    Norm norm = new Norm(Norm.Kind.RMS_PLUS_ONE, c.numberAbove("rms_norm_eps", 0, 1e-6));
    boolean bias = c.bool("attention_bias", false);
    c.only("use_bidirectional_attention", false);
    RopeParameters far =
        RopeParameters.parseLayerType(c, "full_attention", Keys.USUAL.withTheta(1_000_000), shape);
    // Before rope_parameters, scaling was never meant for windows.
    RopeParameters near =
        c.has("rope_parameters")
            ? RopeParameters.parseLayerType(c, "sliding_attention", Keys.USUAL, shape)
            : RopeParameters.plain(c.numberAbove("rope_local_base_freq", 0, 10_000), shape);
    AttentionSpec all =
        new AttentionSpec(shape, far)
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm))
            .withScale(1 / Math.sqrt(c.numberAbove("query_pre_attn_scalar", 0, 256)))
            .withSoftcap(c.numberOrNull("attn_logit_softcapping", 0));
    LayerWindows windows =
        LayerWindows.ofPattern(
            c, shape.numLayers(), LayerWindows.slidingWindow(c), "sliding_window_pattern", 6);
    return new Decoder(
            shape,
            windows.applied(all, all.withRope(near)),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_activation", "gelu_pytorch_tanh"),
                false),
            norm)
        .withNorms(Placement.AROUND)
        .withEmbeddingScale(Math.sqrt(shape.hiddenSize()))
        .withNames(NAMES)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", true))
                .withSoftcap(c.numberOrNull("final_logit_softcapping", 0)));
  }
}
