package dev.lamina.models.llama4;

import dev.lamina.models.Architecture;
import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Configuration of a Llama 4 text model.
 *
 * @param shape its sizes
 * @param attention of each layer
 * @param mlp feed-forward network of layers without experts
 * @param experts of layers with experts
 * @param moeLayers layers with experts
 * @param norm every norm but those of queries and keys
 * @param temperature how queries of layers without positions are sharpened
 * @param head how the vocabulary is scored
 */
record Llama4Config(
    DecoderShape shape,
    List<AttentionSpec> attention,
    MlpSpec mlp,
    MoeSpec experts,
    Set<Integer> moeLayers,
    Norm norm,
    Temperature temperature,
    HeadSpec head)
    implements Architecture {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.mlp.gate", "model.layers.*.feed_forward.gate_proj")
          .with("layers.*.mlp.up", "model.layers.*.feed_forward.up_proj")
          .with("layers.*.mlp.down", "model.layers.*.feed_forward.down_proj")
          .with("layers.*.mlp.router", "model.layers.*.feed_forward.router")
          .with("layers.*.mlp.experts", "model.layers.*.feed_forward.experts")
          .with("layers.*.mlp.shared.gate", "model.layers.*.feed_forward.shared_expert.gate_proj")
          .with("layers.*.mlp.shared.up", "model.layers.*.feed_forward.shared_expert.up_proj")
          .with("layers.*.mlp.shared.down", "model.layers.*.feed_forward.shared_expert.down_proj");

  /**
   * How queries are sharpened by their position.
   *
   * @param on whether they are
   * @param span positions that share a factor
   * @param strength weight of the logarithm
   */
  record Temperature(boolean on, double span, double strength) {}

  static Llama4Config parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 128, 131072));
    int numLayers = shape.numLayers();
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    int experts = c.positiveInt("num_local_experts", 16);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 1, experts);
    MlpSpec expert = MlpSpec.gated(c.positiveInt("intermediate_size", 8192), activation, false);
    return new Llama4Config(
        shape,
        attention(c, shape, norm),
        MlpSpec.gated(c.positiveInt("intermediate_size_mlp", 16384), activation, false),
        new MoeSpec(experts, expert, chosen, RouteScore.SIGMOID, false)
            .turned()
            .weighingInput()
            .withShared(expert, false),
        moeLayers(c, numLayers),
        norm,
        new Temperature(
            c.bool("attn_temperature_tuning", true),
            c.numberAbove("floor_scale", 0, 8192),
            c.numberAbove("attn_scale", 0, 0.1)),
        new HeadSpec(c.bool("tie_word_embeddings", false)));
  }

  private static List<AttentionSpec> attention(ModelConfig c, DecoderShape shape, Norm norm)
      throws ModelException {
    int numLayers = shape.numLayers();
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec all = new AttentionSpec(shape, null).withBias(bias, bias);
    QkNorm qkNorm = new QkNorm(norm.plain(), QkNorm.Span.HEAD, true);
    AttentionSpec turned =
        all.withRope(RopeParameters.parse(c, Keys.USUAL.withTheta(500_000), shape))
            .withRopeStyle(RopeStyle.INTERLEAVED)
            .withQkNorm(c.bool("use_qk_norm", true) ? qkNorm : null);
    List<Boolean> rope =
        c.flags("no_rope_layers", numLayers, c.positiveInt("no_rope_layer_interval", 4));
    List<String> types = c.strings("layer_types");
    if (types != null && types.size() != numLayers) {
      throw c.refuse("layer_types", "a list of num_hidden_layers, " + numLayers);
    }
    int chunk = c.positiveInt("attention_chunk_size", 8192);
    List<AttentionSpec> attention = new ArrayList<>();
    for (int i = 0; i < numLayers; i++) {
      String type = rope.get(i) ? "chunked_attention" : "full_attention";
      type = types == null ? type : types.get(i);
      if (!type.equals("chunked_attention") && !type.equals("full_attention")) {
        throw c.refuse("layer_types", "chunked_attention or full_attention only");
      }
      AttentionSpec a = rope.get(i) ? turned : all;
      attention.add(a.withChunk(type.equals("chunked_attention") ? chunk : 0));
    }
    return List.copyOf(attention);
  }

  private static Set<Integer> moeLayers(ModelConfig c, int numLayers) throws ModelException {
    if (c.has("moe_layers")) {
      return Set.copyOf(c.integers("moe_layers"));
    }
    int step = c.positiveInt("interleave_moe_layer_step", 1);
    Set<Integer> layers = new HashSet<>();
    for (int i = step - 1; i < numLayers; i += step) {
      layers.add(i);
    }
    return Set.copyOf(layers);
  }

  @Override
  public List<KvGroup> kvGroups() {
    return KvGroup.groups(attention);
  }

  @Override
  public WeightNames weightNames() {
    return NAMES;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    Llama4Graph.build(this, layers);
  }
}
