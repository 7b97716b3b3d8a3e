package dev.lamina.models.gemma3n;

import dev.lamina.models.Architecture;
import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.KvGroup;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
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

/**
 * Configuration of a Gemma 3n text model.
 *
 * @param shape its sizes
 * @param attention of each layer
 * @param kvLayers whose keys and values each layer reads
 * @param mlp feed-forward network of each layer
 * @param norm every norm
 * @param perLayer what each layer reads of the tokens themselves
 * @param streams how many there are
 * @param active the stream that layers compute, 0-based
 * @param scalesActive whether what the per-layer branch reads of it is scaled
 * @param laurelRank width of the low-rank branch beside attention
 * @param head how the vocabulary is scored
 */
record Gemma3nConfig(
    DecoderShape shape,
    List<AttentionSpec> attention,
    List<Integer> kvLayers,
    List<MlpSpec> mlp,
    Norm norm,
    PerLayerInputs perLayer,
    int streams,
    int active,
    boolean scalesActive,
    int laurelRank,
    HeadSpec head)
    implements Architecture {
  private static final WeightNames NAMES =
      PerLayerInputs.named(WeightNames.LLAMA)
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.pre_feedforward_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm")
          .with("layers.*.laurel.left", "model.layers.*.laurel.linear_left")
          .with("layers.*.laurel.right", "model.layers.*.laurel.linear_right")
          .with("layers.*.laurel.norm", "model.layers.*.laurel.post_laurel_norm")
          .with("layers.*.streams", "model.layers.*.altup")
          .with("layers.*.streams.predict", "model.layers.*.altup.prediction_coefs")
          .with("layers.*.streams.correct", "model.layers.*.altup.correction_coefs")
          .with("layers.*.streams.router", "model.layers.*.altup.modality_router")
          .with("layers.*.streams.routerNorm", "model.layers.*.altup.router_norm")
          .with("streams.in.*", "model.altup_projections.*")
          .with("streams.out.*", "model.altup_unembed_projections.*");

  static Gemma3nConfig parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(2, 256, 32_768));
    int numLayers = shape.numLayers();
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6));
    boolean bias = c.bool("attention_bias", false);
    Keys far = Keys.USUAL.withTheta(1_000_000);
    RopeParameters near =
        c.has("rope_parameters")
            ? RopeParameters.parseLayerType(c, "sliding_attention", Keys.USUAL, shape)
            : RopeParameters.plain(c.numberAbove("rope_local_base_freq", 0, 10_000), shape);
    AttentionSpec all =
        new AttentionSpec(shape, RopeParameters.parseLayerType(c, "full_attention", far, shape))
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm))
            .withScale(1);
    LayerWindows windows =
        LayerWindows.of(c, numLayers, c.positiveInt("sliding_window", 512), i -> i % 5 != 4);
    int streams = c.positiveInt("altup_num_inputs", 4);
    int active = c.integer("altup_active_idx", 0, 0);
    if (active >= streams) {
      throw c.refuse("altup_active_idx", "less than altup_num_inputs, " + streams);
    }
    return new Gemma3nConfig(
        shape,
        windows.applied(all, all.withRope(near)),
        windows.kvLayers(c, 15),
        networks(c, numLayers),
        norm,
        new PerLayerInputs(
            c.positiveInt("hidden_size_per_layer_input", 256),
            c.positiveInt("vocab_size_per_layer_input", 262_144)),
        streams,
        active,
        c.bool("altup_correct_scale", true),
        c.positiveInt("laurel_rank", 64),
        new HeadSpec(c.bool("tie_word_embeddings", true))
            .withSoftcap(c.numberOrNull("final_logit_softcapping", 30)));
  }

  private static List<MlpSpec> networks(ModelConfig c, int numLayers) throws ModelException {
    Activation activation = Activation.parse(c, "hidden_activation", "gelu_pytorch_tanh");
    List<Integer> widths = c.integers("intermediate_size");
    if (widths.size() > 1 && widths.size() != numLayers || widths.contains(0)) {
      throw c.refuse("intermediate_size", "a width above 0, or a list of " + numLayers);
    }
    List<Double> cut = c.shares("activation_sparsity_pattern", numLayers);
    List<MlpSpec> all = new ArrayList<>();
    for (int i = 0; i < numLayers; i++) {
      int width = widths.isEmpty() ? 16_384 : widths.get(widths.size() == 1 ? 0 : i);
      double share = cut.isEmpty() ? numLayers > 10 && i < 10 ? 0.95 : 0 : cut.get(i);
      all.add(MlpSpec.gated(width, activation, false).withSparsity(share));
    }
    return List.copyOf(all);
  }

  /** A layer's attention reads the keys of another. */
  boolean shares(int layer) {
    return kvLayers.get(layer) != layer;
  }

  @Override
  public List<KvGroup> kvGroups() {
    List<KvGroup.LayerKv> far = new ArrayList<>();
    List<KvGroup.LayerKv> near = new ArrayList<>();
    long window = 0;
    for (int i = 0; i < shape.numLayers(); i++) {
      long reach = attention.get(i).reach();
      if (!shares(i)) {
        (reach == 0 ? far : near)
            .add(new KvGroup.LayerKv(i, shape.numKvHeads(), shape.headDim(), shape.headDim()));
      }
      window = Math.max(window, reach);
    }
    return KvGroup.of(far, near, window);
  }

  @Override
  public WeightNames weightNames() {
    return NAMES;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    new Gemma3nGraph(this, layers).build();
  }
}
