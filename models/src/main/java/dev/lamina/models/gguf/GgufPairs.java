package dev.lamina.models.gguf;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Metadata to be written, in the order in which it is put. For one thread. */
public final class GgufPairs {
  private final Map<String, Consumer<GgufBytes>> pairs = new LinkedHashMap<>();

  /** Starts without any. */
  public GgufPairs() {}

  /**
   * Puts a text.
   *
   * @param key its key
   * @param value the text
   * @return this
   */
  public GgufPairs text(String key, String value) {
    return put(key, GgufValueType.TEXT, out -> out.text(value));
  }

  /**
   * Puts a number of 32 bits without sign.
   *
   * @param key its key
   * @param value the number, at least 0
   * @return this
   */
  public GgufPairs u32(String key, int value) {
    return put(key, GgufValueType.U32, out -> out.u32(value));
  }

  /**
   * Puts an F32.
   *
   * @param key its key
   * @param value the number
   * @return this
   */
  public GgufPairs f32(String key, double value) {
    return put(key, GgufValueType.F32, out -> out.f32((float) value));
  }

  /**
   * Puts a truth value.
   *
   * @param key its key
   * @param value the value
   * @return this
   */
  public GgufPairs bool(String key, boolean value) {
    return put(key, GgufValueType.BOOL, out -> out.u8(value ? 1 : 0));
  }

  /**
   * Puts an array of texts.
   *
   * @param key its key
   * @param values the texts, not copied
   * @return this
   */
  public GgufPairs texts(String key, List<String> values) {
    return array(key, GgufValueType.TEXT, values.size(), out -> values.forEach(out::text));
  }

  /**
   * Puts an array of 32-bit integers.
   *
   * @param key its key
   * @param values the numbers, not copied
   * @return this
   */
  public GgufPairs integers(String key, int[] values) {
    return array(
        key,
        GgufValueType.I32,
        values.length,
        out -> {
          for (int v : values) {
            out.u32(v);
          }
        });
  }

  /**
   * Puts an array of F32.
   *
   * @param key its key
   * @param values the numbers, not copied
   * @return this
   */
  public GgufPairs floats(String key, float[] values) {
    return array(
        key,
        GgufValueType.F32,
        values.length,
        out -> {
          for (float v : values) {
            out.f32(v);
          }
        });
  }

  private GgufPairs array(
      String key, GgufValueType element, int count, Consumer<GgufBytes> elements) {
    return put(
        key,
        GgufValueType.ARRAY,
        out -> {
          out.u32(element.ordinal());
          out.u64(count);
          elements.accept(out);
        });
  }

  private GgufPairs put(String key, GgufValueType type, Consumer<GgufBytes> value) {
    pairs.put(
        key,
        out -> {
          out.text(key);
          out.u32(type.ordinal());
          value.accept(out);
        });
    return this;
  }

  int size() {
    return pairs.size();
  }

  void writeTo(GgufBytes out) {
    pairs.values().forEach(pair -> pair.accept(out));
  }
}
