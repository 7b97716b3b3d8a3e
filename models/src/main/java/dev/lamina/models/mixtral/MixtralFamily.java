package dev.lamina.models.mixtral;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;

/**
 * Mixtral, which is Mistral with experts, and two that name their experts as it does: MiniMax M2
 * (sigmoid scores, normed queries and keys, a part of each head turned) and Phi-3.5 MoE (layer
 * norms, experts chosen one after the other).
 */
public final class MixtralFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MIXTRAL
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.mlp.selection", "model.layers.*.block_sparse_moe")
          .with("layers.*.mlp.experts.gate", "model.layers.*.block_sparse_moe.experts.w1")
          .with("layers.*.mlp.experts.up", "model.layers.*.block_sparse_moe.experts.w3")
          .with("layers.*.mlp.experts.down", "model.layers.*.block_sparse_moe.experts.w2");

  /** For the service loader. */
  public MixtralFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("minimax_m2", "mixtral", "phimoe");
  }

  /** What the three leave out of a configuration. */
  private record Defaults(
      int headDim, int maxPositions, double eps, double theta, int experts, int chosen) {
    static Defaults of(String modelType) {
      return switch (modelType) {
        case "minimax_m2" -> new Defaults(128, 196_608, 1e-6, 5_000_000, 256, 8);
        case "phimoe" -> new Defaults(0, 131_072, 1e-5, 1_000_000, 16, 2);
        default -> new Defaults(0, 131_072, 1e-5, 1_000_000, 8, 2);
      };
    }
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    String type = c.string("model_type");
    Defaults absent = Defaults.of(type);
    DecoderShape shape =
        DecoderShape.parse(c, new DecoderShape.Defaults(8, absent.headDim, absent.maxPositions));
    MlpSpec expert =
        MlpSpec.gated(
            c.positiveInt("intermediate_size"), Activation.parse(c, "hidden_act", "silu"), false);
    double eps = c.numberAbove("rms_norm_eps", 0, absent.eps);
    Norm norm = type.equals("phimoe") ? Norm.layer(eps, true) : Norm.rms(eps);
    Keys keys = Keys.USUAL.withTheta(absent.theta);
    if (c.has("rotary_dim")) {
      keys = keys.withPartial(c.numberAbove("rotary_dim", 0) / shape.headDim());
    }
    AttentionSpec plain = new AttentionSpec(shape, RopeParameters.parse(c, keys, shape));
    AttentionSpec attention =
        switch (type) {
          case "minimax_m2" -> plain.withQkNorm(new QkNorm(norm, QkNorm.Span.WIDTH, false));
          case "phimoe" -> {
            boolean bias = c.bool("attention_bias", false);
            yield plain.withBias(bias, bias).withWindow(window(c));
          }
          default -> plain.withWindow(window(c));
        };
    return new Decoder(shape, attention, expert, norm)
        .withExperts(experts(c, type, absent, expert), i -> true)
        .withNames(NAMES)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", false))
                .withBias(type.equals("phimoe") && c.bool("lm_head_bias", false)));
  }

  private static int window(ModelConfig c) throws ModelException {
    return c.has("sliding_window") ? c.positiveInt("sliding_window") : 0;
  }

  private static MoeSpec experts(ModelConfig c, String type, Defaults absent, MlpSpec expert)
      throws ModelException {
    int experts = c.positiveInt("num_local_experts", absent.experts);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", absent.chosen, experts);
    MoeSpec softmax = new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, true);
    return switch (type) {
      case "minimax_m2" ->
          new MoeSpec(experts, expert, chosen, RouteScore.SIGMOID, true)
              .withBiasedGroups(c, 1, 1, 1);
      case "phimoe" -> {
        if (chosen != 2) {
          throw c.refuse("num_experts_per_tok", "2, since they are chosen one after the other");
        }
        yield softmax.withSparseMixer(c.numberAbove("router_jitter_noise", -1, 0.01));
      }
      default -> softmax;
    };
  }
}
