package dev.lamina.models.gemma4;

import dev.lamina.models.Architecture;
import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.KvGroup;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.PerLayerInputs;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Configuration of a Gemma 4 text model.
 *
 * @param shape its sizes; the heads are those of sliding layers
 * @param attention of each layer
 * @param kvLayers whose keys and values each layer reads, usually its own
 * @param mlp feed-forward network of each layer
 * @param norm every norm
 * @param perLayer what each layer reads of the tokens themselves, null for nothing
 * @param head how the vocabulary is scored
 */
record Gemma4Config(
    DecoderShape shape,
    List<AttentionSpec> attention,
    List<Integer> kvLayers,
    List<MlpSpec> mlp,
    Norm norm,
    @Nullable PerLayerInputs perLayer,
    HeadSpec head)
    implements Architecture {
  private static final WeightNames NAMES =
      PerLayerInputs.named(WeightNames.LLAMA)
          .with("layers.*", "model.layers.*")
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.pre_feedforward_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm");

  static Gemma4Config parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(4, 256, 131072));
    c.only("enable_moe_block", false);
    if (c.string("use_bidirectional_attention", "none").equals("all")) {
      throw c.refuse("use_bidirectional_attention", "null or \"vision\", the other is not built");
    }
    int numLayers = shape.numLayers();
    LayerWindows windows =
        LayerWindows.ofPattern(
            c, numLayers, c.positiveInt("sliding_window", 512), "_sliding_window_pattern", 6);
    List<Integer> positions = new ArrayList<>(windows.positions());
    // The last layer always sees all.
    positions.set(numLayers - 1, 0);
    windows = new LayerWindows(positions);
    List<Integer> kvLayers = windows.kvLayers(c, 0);
    boolean doubleWide = c.bool("use_double_wide_mlp", false);
    MlpSpec mlp =
        MlpSpec.gated(
            c.positiveInt("intermediate_size"),
            MlpSpec.Activation.parse(c, "hidden_activation", "gelu_pytorch_tanh"),
            false);
    MlpSpec wide = MlpSpec.gated(2 * mlp.width(), mlp.activation(), false);
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6));

    List<AttentionSpec> attention = new ArrayList<>();
    List<MlpSpec> mlps = new ArrayList<>();
    for (int i = 0; i < numLayers; i++) {
      attention.add(attention(c, shape, i, windows.of(i), norm));
      mlps.add(kvLayers.get(i) != i && doubleWide ? wide : mlp);
    }
    int perLayerWidth = c.integer("hidden_size_per_layer_input", 0, 256);
    return new Gemma4Config(
        shape,
        List.copyOf(attention),
        kvLayers,
        List.copyOf(mlps),
        norm,
        perLayerWidth == 0
            ? null
            : new PerLayerInputs(
                perLayerWidth, c.positiveInt("vocab_size_per_layer_input", 262_144)),
        new HeadSpec(c.bool("tie_word_embeddings", true))
            .withSoftcap(c.numberOrNull("final_logit_softcapping", 0)));
  }

  private static AttentionSpec attention(
      ModelConfig c, DecoderShape shape, int layer, int window, Norm norm) throws ModelException {
    boolean all = window == 0;
    boolean keyIsValue = all && c.bool("attention_k_eq_v", false);
    DecoderShape own = heads(c, shape, layer, all, keyIsValue);
    RopeParameters rope =
        all
            ? RopeParameters.parseLayerType(
                c, "full_attention", Keys.USUAL.withTheta(1_000_000), own)
            : RopeParameters.parseLayerType(c, "sliding_attention", Keys.USUAL, own);
    boolean bias = c.bool("attention_bias", false);
    return new AttentionSpec(own, rope)
        .withProjection(keyIsValue ? Projection.KEY_IS_VALUE : Projection.SEPARATE)
        .withBias(bias, bias)
        .withQkNorm(new QkNorm(norm))
        .withScale(1)
        .withWindow(window);
  }

  /** The heads of a layer: by {@code per_layer_config} or, before there was one, by its type. */
  private static DecoderShape heads(
      ModelConfig c, DecoderShape shape, int layer, boolean all, boolean keyIsValue)
      throws ModelException {
    int kvHeads = shape.numKvHeads();
    int headDim = shape.headDim();
    ModelConfig each = c.object("per_layer_config");
    if (each != null) {
      ModelConfig own = each.object(Integer.toString(layer));
      if (own != null) {
        for (String key : own.keys()) {
          if (!key.equals("head_dim") && !key.equals("num_key_value_heads")) {
            throw own.refuse(key, "no such key, only head_dim and num_key_value_heads are built");
          }
        }
        kvHeads = own.positiveInt("num_key_value_heads", kvHeads);
        headDim = own.positiveInt("head_dim", headDim);
      }
    } else if (all) {
      kvHeads = keyIsValue ? c.positiveInt("num_global_key_value_heads", kvHeads) : kvHeads;
      headDim = c.positiveInt("global_head_dim", 512);
    }
    if (shape.numHeads() % kvHeads != 0) {
      throw c.refuse(
          "num_attention_heads",
          "a multiple of the KV heads of layer %d, %d".formatted(layer, kvHeads));
    }
    return shape.withHeads(kvHeads, headDim);
  }

  /** A layer's attention reads the keys of another. */
  boolean shares(int layer) {
    return kvLayers.get(layer) != layer;
  }

  @Override
  public List<KvGroup> kvGroups() {
    List<KvGroup.LayerKv> layers = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      if (!shares(i)) {
        DecoderShape own = attention.get(i).shape();
        layers.add(new KvGroup.LayerKv(i, own.numKvHeads(), own.headDim(), own.headDim()));
      }
    }
    // The last layer sees all.
    return List.of(new KvGroup(layers, 0));
  }

  @Override
  public WeightNames weightNames() {
    return NAMES;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    Gemma4Graph.build(this, layers);
  }
}
