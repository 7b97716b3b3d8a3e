package dev.lamina.models.gptj;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Branches;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import java.util.List;

/** GPT-J and CodeGen: parallel branches by one norm, neighbours of a part of each head turned. */
public final class GptJFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "transformer.wte")
          .with("layers.*.attn.norm", "transformer.h.*.ln_1")
          .with("layers.*.attn.qkv", "transformer.h.*.attn.qkv_proj")
          .with("layers.*.attn.q", "transformer.h.*.attn.q_proj")
          .with("layers.*.attn.k", "transformer.h.*.attn.k_proj")
          .with("layers.*.attn.v", "transformer.h.*.attn.v_proj")
          .with("layers.*.attn.o", "transformer.h.*.attn.out_proj")
          .with("layers.*.mlp.up", "transformer.h.*.mlp.fc_in")
          .with("layers.*.mlp.down", "transformer.h.*.mlp.fc_out")
          .with("norm", "transformer.ln_f");

  /** For the service loader. */
  public GptJFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("codegen", "gptj");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape =
        DecoderShape.parse(c, DecoderShape.Keys.GPT2, new DecoderShape.Defaults(0, 0, 2048));
    boolean codegen = c.string("model_type").equals("codegen");
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.plain(10_000, shape, rotaryDims(c, shape)))
            .withRopeStyle(RopeStyle.INTERLEAVED)
            .withProjection(codegen ? Projection.FUSED_BY_QUARTER : Projection.SEPARATE);
    return new Decoder(
            shape,
            attention,
            MlpSpec.plain(
                c.positiveInt("n_inner", 4 * shape.hiddenSize()),
                Activation.parse(c, "activation_function", "gelu_new"),
                true),
            Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), true))
        .withBranches(Branches.PARALLEL)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)).withBias(true));
  }

  private static int rotaryDims(ModelConfig c, DecoderShape shape) throws ModelException {
    int dims = c.has("rotary_dim") ? c.positiveInt("rotary_dim") : Math.min(64, shape.headDim());
    if (dims % 2 != 0 || dims > shape.headDim()) {
      throw c.refuse("rotary_dim", "an even number of at most %d".formatted(shape.headDim()));
    }
    return dims;
  }
}
