package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;

/** The families on the module path. */
public final class ModelFamilies {
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
   * @throws ModelException if no family knows the type, or the configuration is refused
   */
  public static Architecture parse(ModelConfig config) throws ModelException {
    String type = config.string("model_type");
    Map<String, ModelFamily> families = byType();
    ModelFamily family = families.get(type);
    if (family == null) {
      throw unknown(config, type, families.keySet());
    }
    return family.parse(config);
  }

  /** What a model is that sees or hears says its text_config; the nearest is looked for by both. */
  private static ModelException unknown(ModelConfig config, String type, Set<String> known)
      throws ModelException {
    ModelConfig text = config.object("text_config");
    String inner = text == null ? "" : text.string("model_type", "");
    String got = inner.isEmpty() ? "'" + type + "'" : "'%s' around '%s'".formatted(type, inner);
    String nearest = nearest(inner.isEmpty() ? type : inner, known);
    String hint =
        nearest.equals(inner)
            ? "; its text model is known: use a checkpoint of that alone"
            : "; nearest is '%s', docs/adding-a-model.md says how to add a family"
                .formatted(nearest);
    return new ModelException(
        "read %s: model_type: expected one of %s, got %s%s"
            .formatted(config.origin(), String.join(", ", known), got, hint));
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
