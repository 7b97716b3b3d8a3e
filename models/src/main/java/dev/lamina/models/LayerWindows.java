package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

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
   * The same window for every layer.
   *
   * @param numLayers layers
   * @param window positions, 0 = all
   * @return the windows
   */
  public static LayerWindows uniform(int numLayers, int window) {
    return new LayerWindows(Collections.nCopies(numLayers, window));
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
    List<String> types = config.strings("layer_types");
    if (types != null && types.size() != numLayers) {
      throw config.refuse("layer_types", "a list of num_hidden_layers, " + numLayers);
    }
    int firstSliding =
        config.has("max_window_layers") ? config.integer("max_window_layers", 0) : 28;
    List<Integer> windows = new ArrayList<>();
    for (int i = 0; i < numLayers; i++) {
      boolean slides = types == null ? i >= firstSliding : slides(config, types.get(i));
      windows.add(slides ? window : 0);
    }
    return new LayerWindows(windows);
  }

  private static boolean slides(ModelConfig config, String type) throws ModelException {
    return switch (type) {
      case "full_attention" -> false;
      case "sliding_attention" -> true;
      default -> throw config.refuse("layer_types", "full_attention or sliding_attention only");
    };
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

  /**
   * Positions that some layer still reads.
   *
   * @return the longest window, 0 = all
   */
  public int longest() {
    return positions.contains(0) ? 0 : Collections.max(positions);
  }
}
