package dev.lamina.models.gemma2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.List;

/**
 * Gemma 2: norms around each branch, bounded logits, every other layer slides. VaultGemma norms
 * only before a branch.
 */
public final class Gemma2Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.pre_feedforward_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm");

  /** For the service loader. */
  public Gemma2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gemma2", "vaultgemma");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(4, 256, 8192));
    boolean bias = c.bool("attention_bias", false);
    c.only("use_bidirectional_attention", false);
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, shape))
            .withBias(bias, bias)
            .withScale(1 / Math.sqrt(c.numberAbove("query_pre_attn_scalar", 0, 256)))
            .withSoftcap(c.numberOrNull("attn_logit_softcapping", 50));
    LayerWindows windows =
        LayerWindows.ofPattern(
            c, shape.numLayers(), LayerWindows.slidingWindow(c), "sliding_window_pattern", 2);
    return new Decoder(
            shape,
            windows.applied(attention),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_activation", "gelu_pytorch_tanh"),
                false),
            new Norm(Norm.Kind.RMS_PLUS_ONE, c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withNorms(c.string("model_type").equals("gemma2") ? Placement.AROUND : Placement.BEFORE)
        .withEmbeddingScale(Math.sqrt(shape.hiddenSize()))
        .withNames(NAMES)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", true))
                .withSoftcap(c.numberOrNull("final_logit_softcapping", 30)));
  }
}
