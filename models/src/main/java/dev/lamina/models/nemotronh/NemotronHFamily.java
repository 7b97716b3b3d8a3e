package dev.lamina.models.nemotronh;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.AttentionBranch;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.Mamba2Mixer;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;

/** Nemotron-H: a layer is a scan, attention without positions, a network or experts. */
public final class NemotronHFamily implements ModelFamily {
  private static final String MIXER = "backbone.layers.*.mixer";

  private static final WeightNames NAMES =
      Mamba2Mixer.named(WeightNames.LLAMA, "layers.*.mixer", MIXER)
          .with("embed", "backbone.embeddings")
          .with("layers.*.mixer.norm", "backbone.layers.*.norm")
          .with("layers.*.mixer.q", MIXER + ".q_proj")
          .with("layers.*.mixer.k", MIXER + ".k_proj")
          .with("layers.*.mixer.v", MIXER + ".v_proj")
          .with("layers.*.mixer.o", MIXER + ".o_proj")
          .with("layers.*.mixer.up", MIXER + ".up_proj")
          .with("layers.*.mixer.down", MIXER + ".down_proj")
          .with("layers.*.mixer.router", MIXER + ".gate")
          .with("layers.*.mixer.selection", MIXER + ".gate")
          .with("layers.*.mixer.experts.*.up", MIXER + ".experts.*.up_proj")
          .with("layers.*.mixer.experts.*.down", MIXER + ".experts.*.down_proj")
          .with("layers.*.mixer.shared.up", MIXER + ".shared_experts.up_proj")
          .with("layers.*.mixer.shared.down", MIXER + ".shared_experts.down_proj")
          .with("layers.*.mixer.latentIn", MIXER + ".fc1_latent_proj")
          .with("layers.*.mixer.latentOut", MIXER + ".fc2_latent_proj")
          .with("norm", "backbone.norm_f");

  /** For the service loader. */
  public NemotronHFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("nemotron_h");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    List<String> types = types(c);
    DecoderShape shape =
        DecoderShape.parse(
            c,
            DecoderShape.Keys.USUAL,
            types.size(),
            new DecoderShape.Defaults(8, c.positiveInt("attention_head_dim", 128), 4096));
    double eps = c.numberAbove("layer_norm_epsilon", 0, 1e-5);
    Activation activation = Activation.parse(c, "mlp_hidden_act", "relu2");
    boolean biased = c.bool("mlp_bias", false);
    AttentionSpec attention = new AttentionSpec(shape, null);
    Mamba2Mixer.Sizes sizes = sizes(c);
    Mamba2Mixer.Options options =
        new Mamba2Mixer.Options(
            c.bool("use_bias", false),
            c.bool("use_conv_bias", true),
            sizes.groups(),
            eps,
            // Not time_step_limit: what the makers bound steps by is the least that training began
            // with.
            c.numberAbove("time_step_min", 0, 0.001),
            Double.POSITIVE_INFINITY);
    Branch network =
        new MlpBranch(
            MlpSpec.plain(c.positiveInt("intermediate_size", 21_504), activation, biased));
    Branch experts = types.contains("moe") ? experts(c, activation, biased) : network;
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      Branch branch =
          switch (types.get(i)) {
            case LayerTypes.LINEAR -> new Mamba2Mixer(i, sizes, options);
            case LayerTypes.FULL -> new AttentionBranch(i, attention);
            case "moe" -> experts;
            default -> network;
          };
      blocks.add(Block.of(i, "mixer", branch));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, Norm.rms(eps), blocks, NAMES, head);
  }

  /** A list of kinds, by their names of today or of before, or a text with a letter a layer. */
  private static List<String> types(ModelConfig c) throws ModelException {
    List<String> types = new ArrayList<>();
    if (c.has("layers_block_type")) {
      List<String> named = c.strings("layers_block_type");
      for (String name : named == null ? List.<String>of() : named) {
        types.add(
            switch (name) {
              case LayerTypes.LINEAR, "mamba" -> LayerTypes.LINEAR;
              case LayerTypes.FULL, "attention" -> LayerTypes.FULL;
              case "mlp", "moe" -> name;
              default ->
                  throw c.refuse(
                      "layers_block_type", "only linear_attention, full_attention, mlp, moe");
            });
      }
      return types;
    }
    for (char letter : c.string("hybrid_override_pattern").toCharArray()) {
      types.add(
          switch (letter) {
            case 'M' -> LayerTypes.LINEAR;
            case '*' -> LayerTypes.FULL;
            case '-' -> "mlp";
            case 'E' -> "moe";
            default -> throw c.refuse("hybrid_override_pattern", "only the letters M, *, - and E");
          });
    }
    return types;
  }

  private static Mamba2Mixer.Sizes sizes(ModelConfig c) throws ModelException {
    int heads = c.positiveInt("mamba_num_heads", 128);
    int groups = c.positiveInt("n_groups", 8);
    if (heads % groups != 0) {
      throw c.refuse("n_groups", "a divisor of mamba_num_heads, " + heads);
    }
    if (Activation.parse(c, "mamba_hidden_act", "silu") != Activation.SILU) {
      throw c.refuse("mamba_hidden_act", "silu");
    }
    return new Mamba2Mixer.Sizes(
        heads,
        c.positiveInt("mamba_head_dim", 64),
        groups,
        c.positiveInt("ssm_state_size", 128),
        LayerTypes.taps(c, "conv_kernel", 4));
  }

  private static Branch experts(ModelConfig c, Activation activation, boolean biased)
      throws ModelException {
    int experts = c.positiveInt("n_routed_experts", 8);
    int shared = c.positiveInt("moe_shared_expert_intermediate_size", 7688);
    MoeSpec mixture =
        new MoeSpec(
                experts,
                MlpSpec.plain(c.positiveInt("moe_intermediate_size", 7688), activation, false),
                MoeSpec.chosen(c, "num_experts_per_tok", 2, experts),
                RouteScore.SIGMOID,
                c.bool("norm_topk_prob", true))
            .withBiasedGroups(c, 1, 1, 1)
            .withShared(MlpSpec.plain(shared, activation, biased), false);
    return new MoeBranch(
        c.has("moe_latent_size")
            ? mixture.withLatent(c.positiveInt("moe_latent_size"), biased)
            : mixture);
  }
}
