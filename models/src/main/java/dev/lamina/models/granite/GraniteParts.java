package dev.lamina.models.granite;

import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.RouteScore;

/** What Granite's decoders share. */
final class GraniteParts {
  static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.mlp.router", "model.layers.*.block_sparse_moe.router.layer")
          .with("layers.*.mlp.experts.gateUp", "model.layers.*.block_sparse_moe.input_linear")
          .with("layers.*.mlp.experts.down", "model.layers.*.block_sparse_moe.output_linear")
          .with("layers.*.mlp.shared.gateUp", "model.layers.*.shared_mlp.input_linear")
          .with("layers.*.mlp.shared.down", "model.layers.*.shared_mlp.output_linear");

  private GraniteParts() {}

  /** The head, whose logits are divided. */
  static HeadSpec head(ModelConfig c) throws ModelException {
    return new HeadSpec(c.bool("tie_word_embeddings", false))
        .withScale(1 / c.numberAbove("logits_scaling", 0, 1));
  }

  /** A network with gate above up. */
  static MlpSpec network(ModelConfig c, int width) throws ModelException {
    return MlpSpec.gated(width, Activation.parse(c, "hidden_act", "silu"), false).fused();
  }

  /**
   * The experts, gate above up in one stack each.
   *
   * @param experts how many
   * @param shared width of the network that every token has, 0 for none
   */
  static MoeSpec experts(ModelConfig c, int experts, int shared) throws ModelException {
    MlpSpec expert = network(c, c.positiveInt("intermediate_size", 11_008));
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 2, experts);
    MoeSpec mixture = new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, true);
    return shared == 0 ? mixture : mixture.withShared(network(c, shared), false);
  }
}
