package dev.lamina.models.hybrid;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** What kind each layer of a hybrid is. */
public final class LayerTypes {
  /** Attention over all earlier positions. */
  public static final String FULL = "full_attention";

  /** A state that each token changes. */
  public static final String LINEAR = "linear_attention";

  private LayerTypes() {}

  /**
   * Reads which layers attend and which scan, by {@code layer_types} or {@code layers_block_type}
   * and the kinds' names of today or of before; absent, all scan.
   *
   * @param c a model's configuration
   * @param numLayers layers
   * @return {@link #FULL} or {@link #LINEAR} a layer
   * @throws ModelException if malformed, of another length or one is not known
   */
  public static List<String> mambaOrAttention(ModelConfig c, int numLayers) throws ModelException {
    String key = c.has("layer_types") ? "layer_types" : "layers_block_type";
    return parse(c, key, numLayers, List.of(LINEAR, "mamba", FULL, "attention"), i -> LINEAR)
        .stream()
        .map(type -> type.endsWith("attention") && !type.equals(LINEAR) ? FULL : LINEAR)
        .toList();
  }

  /**
   * Reads a list of kinds, one a layer.
   *
   * @param c a model's configuration
   * @param key of the list
   * @param numLayers its length
   * @param known the kinds that are built
   * @param absent a layer's kind if the key is absent
   * @return a kind a layer
   * @throws ModelException if malformed, of another length or one is not known
   */
  public static List<String> parse(
      ModelConfig c, String key, int numLayers, List<String> known, IntFunction<String> absent)
      throws ModelException {
    List<String> types = c.strings(key);
    if (types == null) {
      return IntStream.range(0, numLayers).mapToObj(absent).toList();
    }
    if (types.size() != numLayers) {
      throw c.refuse(key, "a list of num_hidden_layers, " + numLayers);
    }
    if (!known.containsAll(types)) {
      throw c.refuse(key, "only " + String.join(", ", known));
    }
    return types;
  }

  /**
   * Rows that a convolution sees.
   *
   * @param c a model's configuration
   * @param key of the number
   * @param absent value if the key is absent
   * @return at least 2
   * @throws ModelException if it is less, or no number
   */
  public static int taps(ModelConfig c, String key, int absent) throws ModelException {
    return c.integer(key, 2, absent);
  }

  /**
   * Reads which layers have experts, by {@code mlp_layer_types}.
   *
   * @param c a model's configuration
   * @param numLayers layers
   * @param absent which have them if the key is absent
   * @return which have them
   * @throws ModelException if malformed, of another length or one is not known
   */
  public static IntPredicate sparse(ModelConfig c, int numLayers, IntPredicate absent)
      throws ModelException {
    List<String> types =
        parse(
            c,
            "mlp_layer_types",
            numLayers,
            List.of("dense", "sparse"),
            i -> absent.test(i) ? "sparse" : "dense");
    return i -> types.get(i).equals("sparse");
  }
}
