package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * How far back each layer sees.
 *
 * @param positions one number a layer, the own position included, 0 = all
 */
public record LayerWindows(List<Integer> positions) {
  private static final int DEFAULT_WINDOW = 4096;

  /** Copies the list. */
  public LayerWindows {
    positions = List.copyOf(positions);
  }

  /**
   * Reads {@code sliding_window}; absent means 4096, null means none, as in transformers.
   *
   * @param config a model's configuration
   * @return positions, 0 = all
   * @throws ModelException if it is malformed
   */
  public static int slidingWindow(ModelConfig config) throws ModelException {
    return config.names("sliding_window") && !config.has("sliding_window")
        ? 0
        : config.positiveInt("sliding_window", DEFAULT_WINDOW);
  }

  /**
   * Reads the keys of Qwen: {@code use_sliding_window}, {@code sliding_window} and, for which
   * layers slide, {@code layer_types} or else {@code max_window_layers}.
   *
   * @param config a model's configuration
   * @param numLayers layers
   * @return the windows
   * @throws ModelException if a key is malformed
   */
  public static LayerWindows ofQwen(ModelConfig config, int numLayers) throws ModelException {
    int window = config.bool("use_sliding_window", false) ? slidingWindow(config) : 0;
    int firstSliding =
        config.has("max_window_layers") ? config.integer("max_window_layers", 0) : 28;
    return of(config, numLayers, window, i -> i >= firstSliding);
  }

  /**
   * Reads {@code layer_types} or, where they are absent, every how many layers one sees all.
   *
   * @param config a model's configuration
   * @param numLayers layers
   * @param window positions a sliding layer sees
   * @param pattern key of the number
   * @param absent the number if the key is absent
   * @return the windows
   * @throws ModelException if a key is malformed
   */
  public static LayerWindows ofPattern(
      ModelConfig config, int numLayers, int window, String pattern, int absent)
      throws ModelException {
    int every = config.positiveInt(pattern, absent);
    return of(config, numLayers, window, i -> (i + 1) % every != 0);
  }

  /**
   * Reads {@code layer_types} or, where they are absent, asks which layers slide.
   *
   * @param config a model's configuration
   * @param numLayers layers
   * @param window positions a sliding layer sees
   * @param absent whether a layer slides if the key is absent
   * @return the windows
   * @throws ModelException if a key is malformed
   */
  public static LayerWindows of(ModelConfig config, int numLayers, int window, IntPredicate absent)
      throws ModelException {
    List<String> types = layerTypes(config, numLayers);
    List<Integer> windows = new ArrayList<>();
    for (int i = 0; i < numLayers; i++) {
      boolean slides = types == null ? absent.test(i) : slides(config, types.get(i));
      windows.add(slides ? window : 0);
    }
    return new LayerWindows(windows);
  }

  /**
   * Reads a list of {@code global} and {@code local}; absent, every other layer slides.
   *
   * @param config a model's configuration
   * @param key of the list
   * @param numLayers layers
   * @param window positions a local layer sees
   * @return the windows
   * @throws ModelException if the key is malformed
   */
  public static LayerWindows ofNamed(ModelConfig config, String key, int numLayers, int window)
      throws ModelException {
    List<String> names = config.strings(key);
    if (names != null
        && (names.size() != numLayers
            || !names.stream().allMatch(n -> n.equals("global") || n.equals("local")))) {
      throw config.refuse(key, "a list of %d, global or local each".formatted(numLayers));
    }
    List<Integer> windows = new ArrayList<>();
    for (int i = 0; i < numLayers; i++) {
      boolean slides = names == null ? i % 2 != 0 : names.get(i).equals("local");
      windows.add(slides ? window : 0);
    }
    return new LayerWindows(windows);
  }

  private static @Nullable List<String> layerTypes(ModelConfig config, int numLayers)
      throws ModelException {
    List<String> types = config.strings("layer_types");
    if (types != null && types.size() != numLayers) {
      throw config.refuse("layer_types", "a list of num_hidden_layers, " + numLayers);
    }
    return types;
  }

  private static boolean slides(ModelConfig config, String type) throws ModelException {
    return switch (type) {
      case "full_attention" -> false;
      case "sliding_attention" -> true;
      default -> throw config.refuse("layer_types", "full_attention or sliding_attention only");
    };
  }

  /**
   * An attention with these windows.
   *
   * @param attention what all layers do
   * @return a spec a layer
   */
  public List<AttentionSpec> applied(AttentionSpec attention) {
    return applied(attention, attention);
  }

  /**
   * Attentions with these windows.
   *
   * @param all what the layers do that see all
   * @param sliding what the others do
   * @return a spec a layer
   */
  public List<AttentionSpec> applied(AttentionSpec all, AttentionSpec sliding) {
    return positions.stream().map(w -> (w == 0 ? all : sliding).withWindow(w)).toList();
  }

  /**
   * Whose keys and values each layer reads: its own, but the last {@code num_kv_shared_layers}
   * those of the last layer before all of them that sees as far.
   *
   * @param config a model's configuration
   * @param absent value if the key is absent
   * @return a layer, 0-based, for each
   * @throws ModelException if the key is malformed or there is no such layer
   */
  public List<Integer> kvLayers(ModelConfig config, int absent) throws ModelException {
    int first = positions.size() - config.integer("num_kv_shared_layers", 0, absent);
    List<Integer> layers = new ArrayList<>();
    for (int i = 0; i < positions.size(); i++) {
      int own = i < first || first <= 0 ? i : positions.subList(0, first).lastIndexOf(of(i));
      if (own < 0) {
        throw config.refuse("num_kv_shared_layers", "a layer of each type before the shared ones");
      }
      layers.add(own);
    }
    return List.copyOf(layers);
  }

  /**
   * The window of a layer.
   *
   * @param layer 0-based
   * @return positions, 0 = all
   */
  public int of(int layer) {
    return positions.get(layer);
  }
}
