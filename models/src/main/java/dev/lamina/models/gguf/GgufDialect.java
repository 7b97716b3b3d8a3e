package dev.lamina.models.gguf;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * What the files of one architecture have, and mean without saying so. Facts are those of
 * llama.cpp's gguf-py and of its converters.
 *
 * @param modelTypes values of {@code model_type} that go by its name, the usual one first
 * @param names of tensors
 * @param keys beside those that all have
 * @param meanings keys of {@code config.json} and their values, which every file means
 * @param traits what else is special
 */
record GgufDialect(
    List<String> modelTypes,
    GgufNames names,
    List<GgufKey> keys,
    Map<String, JsonNode> meanings,
    Traits traits) {

  /**
   * What else is special.
   *
   * @param pairedRows whether rows of queries and keys are in {@link RotaryRows}' order
   * @param normsPlusOne whether factors of norms are stored with 1 added
   * @param partial whether {@code rope.dimension_count} may be less than a head
   * @param localBase whether layers that slide have a rotary base of their own
   * @param wideLayers number of layers with which products are scaled by the width of the stream
   *     and not of a head, 0 = none (Gemma's 27B)
   */
  record Traits(
      boolean pairedRows,
      boolean normsPlusOne,
      boolean partial,
      boolean localBase,
      int wideLayers) {
    static final Traits NONE = new Traits(false, false, false, false, 0);
    static final Traits PAIRED = new Traits(true, false, false, false, 0);
    static final Traits PARTIAL = new Traits(false, false, true, false, 0);
  }

  static GgufDialect of(String modelType, GgufNames names) {
    return new GgufDialect(List.of(modelType), names, List.of(), Map.of(), Traits.NONE);
  }

  GgufDialect and(String... types) {
    List<String> all = new ArrayList<>(modelTypes);
    all.addAll(List.of(types));
    return new GgufDialect(List.copyOf(all), names, keys, meanings, traits);
  }

  GgufDialect with(GgufKey... more) {
    return new GgufDialect(modelTypes, names, List.of(more), meanings, traits);
  }

  GgufDialect meaning(String key, String text) {
    return meaning(key, JsonNodeFactory.instance.stringNode(text));
  }

  GgufDialect meaning(String key, boolean flag) {
    return meaning(key, JsonNodeFactory.instance.booleanNode(flag));
  }

  private GgufDialect meaning(String key, JsonNode value) {
    Map<String, JsonNode> more = new TreeMap<>(meanings);
    more.put(key, value);
    return new GgufDialect(modelTypes, names, keys, Map.copyOf(more), traits);
  }

  GgufDialect with(Traits other) {
    return new GgufDialect(modelTypes, names, keys, meanings, other);
  }

  /** Whether files have a place for a hyper-parameter beside those that all have. */
  boolean carries(String gguf) {
    return keys.stream().anyMatch(k -> k.gguf().equals(gguf));
  }

  /** Whether a tensor, by its name in files, is the factors of a norm stored with 1 added. */
  boolean addsOne(String gguf) {
    return traits.normsPlusOne && gguf.endsWith("norm.weight");
  }
}
