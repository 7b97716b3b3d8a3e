package dev.lamina.models.gpt2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.ArrayList;
import java.util.List;

/**
 * GPT-2: learned positions, layer norms, matrices stored the other way round. The first GPT norms
 * the stream behind each branch and not at its end.
 */
public final class Gpt2Family implements ModelFamily {
  /** With matrices as a linear layer stores them. */
  static final WeightNames UPRIGHT =
      WeightNames.LLAMA
          .with("embed", "transformer.wte")
          .with("positions", "transformer.wpe")
          .with("layers.*.attn.norm", "transformer.h.*.ln_1")
          .with("layers.*.attn.qkv", "transformer.h.*.attn.c_attn")
          .with("layers.*.attn.o", "transformer.h.*.attn.c_proj")
          .with("layers.*.mlp.norm", "transformer.h.*.ln_2")
          .with("layers.*.mlp.up", "transformer.h.*.mlp.c_fc")
          .with("layers.*.mlp.down", "transformer.h.*.mlp.c_proj")
          .with("norm", "transformer.ln_f");

  private static final WeightNames NAMES =
      UPRIGHT.withTransposed(
          "layers.*.attn.qkv", "layers.*.attn.o", "layers.*.mlp.up", "layers.*.mlp.down");

  private static final WeightNames FIRST =
      NAMES
          .with("embed", "transformer.tokens_embed")
          .with("positions", "transformer.positions_embed");

  /** For the service loader. */
  public Gpt2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gpt2", "openai-gpt");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    boolean first = c.string("model_type").equals("openai-gpt");
    DecoderShape shape =
        DecoderShape.parse(
            c, DecoderShape.Keys.GPT2, new DecoderShape.Defaults(0, 0, first ? 512 : 1024));
    c.only("add_cross_attention", false);
    AttentionSpec attention =
        new AttentionSpec(shape, null).withProjection(Projection.FUSED).withBias(true, true);
    double scale = c.bool("scale_attn_weights", true) ? attention.scale() : 1;
    boolean byLayer = c.bool("scale_attn_by_inverse_layer_idx", false);
    List<AttentionSpec> layers = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      layers.add(attention.withScale(byLayer ? scale / (i + 1) : scale));
    }
    return new Decoder(
            shape,
            layers,
            MlpSpec.plain(
                c.positiveInt("n_inner", 4 * shape.hiddenSize()),
                first ? firstActivation(c) : Activation.parse(c, "activation_function", "gelu_new"),
                true),
            Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), true))
        .withLearnedPositions(0)
        .withNorms(first ? Placement.JOINED : Placement.BEFORE)
        .withFinalNorm(!first)
        .withNames(first ? FIRST : NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }

  /** What it calls gelu is the one by tanh. */
  private static Activation firstActivation(ModelConfig c) throws ModelException {
    Activation named = Activation.parse(c, "afn", "gelu");
    return named == Activation.GELU ? Activation.GELU_TANH : named;
  }
}
