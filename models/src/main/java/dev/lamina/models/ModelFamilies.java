package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;

/** The families on the module path. */
public final class ModelFamilies {
  /** Keys that some text configurations leave to the whole. */
  private static final List<String> SHARED = List.of("bos_token_id", "eos_token_id", "vocab_size");

  /** What families call the number of layers. */
  private static final List<String> LAYERS =
      List.of("n_layer", "n_layers", "num_hidden_layers", "num_layers");

  /** The same of experts. */
  private static final List<String> EXPERTS =
      List.of("moe_num_experts", "n_routed_experts", "num_experts", "num_local_experts");

  // Far above any model: a wrong number is refused before lists and tables of its size are made.
  private static final int MOST_LAYERS = 4096;
  private static final int MOST_EXPERTS = 1 << 14;
  private static final int MOST_WIDTH = 1 << 20;
  private static final int MOST_POSITIONS = 1 << 30;

  private ModelFamilies() {}

  /**
   * Every family that a provider brings.
   *
   * @return {@code model_type} to family, sorted
   * @throws ModelException if two families claim one type
   */
  public static Map<String, ModelFamily> byType() throws ModelException {
    Map<String, ModelFamily> found = new TreeMap<>();
    for (ModelFamily family : ServiceLoader.load(ModelFamily.class)) {
      for (String type : family.modelTypes()) {
        ModelFamily before = found.put(type, family);
        if (before != null && before.getClass() != family.getClass()) {
          throw new ModelException(
              "families: expected one for model_type '%s', got %s and %s; remove one of the jars"
                  .formatted(type, before.getClass().getName(), family.getClass().getName()));
        }
      }
    }
    return found;
  }

  /**
   * Parses a configuration by the family that its {@code model_type} names.
   *
   * @param config a {@code config.json}
   * @return the architecture
   * @throws ModelException if no family knows the type, or the configuration is refused, by its
   *     family or for sizes that no model has
   */
  public static Architecture parse(ModelConfig config) throws ModelException {
    String type = config.string("model_type");
    Map<String, ModelFamily> families = byType();
    ModelFamily family = families.get(type);
    if (family == null) {
      throw unknown(config, type, families.keySet());
    }
    atMost(config, LAYERS, MOST_LAYERS);
    atMost(config, EXPERTS, MOST_EXPERTS);
    Architecture architecture = family.parse(config);
    DecoderShape s = architecture.shape();
    long widest = Math.max((long) s.numHeads() * s.headDim(), s.hiddenSize());
    for (KvGroup group : architecture.kvGroups()) {
      for (KvGroup.LayerKv layer : group.layers()) {
        widest = Math.max(widest, (long) layer.numKvHeads() * layer.keyDim());
      }
    }
    if (widest > MOST_WIDTH || s.maxPositions() > MOST_POSITIONS) {
      throw new ModelException(
          "read %s: sizes: expected a stream and heads of at most %d elements, and at most %d positions, got %d and %d; correct the file or fetch it again"
              .formatted(config.origin(), MOST_WIDTH, MOST_POSITIONS, widest, s.maxPositions()));
    }
    return architecture;
  }

  private static void atMost(ModelConfig config, List<String> keys, int most)
      throws ModelException {
    for (String key : keys) {
      if (config.has(key) && config.integer(key, 0) > most) {
        throw config.refuse(key, "at most " + most);
      }
    }
  }

  /**
   * The configuration of the text model in one that sees or hears as well.
   *
   * @param config a {@code config.json}
   * @return its {@code text_config}, with what it leaves to the whole, if a family knows that and
   *     none the whole; {@code config} itself otherwise
   * @throws ModelException if a key is malformed or two families claim one type
   */
  public static ModelConfig textOf(ModelConfig config) throws ModelException {
    ModelConfig text = config.object("text_config");
    Set<String> known = byType().keySet();
    if (text == null
        || known.contains(config.string("model_type"))
        || !known.contains(text.string("model_type", ""))) {
      return config;
    }
    ModelConfig whole = text.withOf(config, "tie_word_embeddings");
    for (String key : SHARED) {
      whole = whole.has(key) ? whole : whole.withOf(config, key);
    }
    return whole;
  }

  /** What a model is that sees or hears says its text_config; the nearest is looked for by both. */
  private static ModelException unknown(ModelConfig config, String type, Set<String> known)
      throws ModelException {
    ModelConfig text = config.object("text_config");
    String inner = text == null ? "" : text.string("model_type", "");
    String got = inner.isEmpty() ? "'" + type + "'" : "'%s' around '%s'".formatted(type, inner);
    String nearest = nearest(inner.isEmpty() ? type : inner, known);
    return new ModelException(
        "read %s: model_type: expected one of %s, got %s; nearest is '%s', docs/adding-a-model.md says how to add a family"
            .formatted(config.origin(), String.join(", ", known), got, nearest));
  }

  private static String nearest(String type, Iterable<String> known) {
    String best = "none";
    int least = Integer.MAX_VALUE;
    for (String k : known) {
      int d = distance(type, k);
      if (d < least) {
        least = d;
        best = k;
      }
    }
    return best;
  }

  /** Levenshtein's distance, by one row of its table. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
