package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The keys and values of a file, with getters that refuse what is missing or of another type in one
 * line. Arrays are read from the mapping, which must still be open. Immutable.
 */
public final class GgufMetadata {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String file;
  private final Map<String, GgufValue> pairs;

  GgufMetadata(String file, Map<String, GgufValue> pairs) {
    this.file = file;
    this.pairs = Collections.unmodifiableMap(pairs);
  }

  /**
   * The file they come from, for messages.
   *
   * @return its name
   */
  public String file() {
    return file;
  }

  /**
   * All keys, in the order of the file.
   *
   * @return an immutable set
   */
  public Set<String> keys() {
    return pairs.keySet();
  }

  /**
   * Whether there is a value.
   *
   * @param key any key
   * @return true if there is
   */
  public boolean has(String key) {
    return pairs.containsKey(key);
  }

  @Nullable GgufValue value(String key) {
    return pairs.get(key);
  }

  /**
   * A text.
   *
   * @param key its key
   * @return the text
   * @throws ModelException if absent or not a text
   */
  public String string(String key) throws ModelException {
    if (pairs.get(key) instanceof GgufValue.Text(String text)) {
      return text;
    }
    throw refuse(key, "a text");
  }

  /**
   * A whole number.
   *
   * @param key its key
   * @param min smallest allowed
   * @return the number
   * @throws ModelException if absent, not a whole number or out of range
   */
  public int integer(String key, int min) throws ModelException {
    if (pairs.get(key) instanceof GgufValue.Whole(long v) && v >= min && v <= Integer.MAX_VALUE) {
      return (int) v;
    }
    throw refuse(key, "a whole number from %d to %d".formatted(min, Integer.MAX_VALUE));
  }

  /**
   * A finite number.
   *
   * @param key its key
   * @return the number
   * @throws ModelException if absent or not a finite number
   */
  public double number(String key) throws ModelException {
    GgufValue value = pairs.get(key);
    if (value instanceof GgufValue.Real(double v) && Double.isFinite(v)) {
      return v;
    }
    if (value instanceof GgufValue.Whole(long v)) {
      return v;
    }
    throw refuse(key, "a finite number");
  }

  /**
   * A truth value.
   *
   * @param key its key
   * @return the value
   * @throws ModelException if absent or not a truth value
   */
  public boolean bool(String key) throws ModelException {
    if (pairs.get(key) instanceof GgufValue.Flag(boolean v)) {
      return v;
    }
    throw refuse(key, "true or false");
  }

  /**
   * The texts of an array.
   *
   * @param key its key
   * @return a new list
   * @throws ModelException if absent or not an array of texts
   */
  public List<String> strings(String key) throws ModelException {
    GgufValue.Many array = array(key, "an array of texts", GgufValueType.TEXT);
    MemorySegment bytes = array.bytes();
    List<String> list = new ArrayList<>(array.count());
    long at = 0;
    for (int i = 0; i < array.count(); i++) {
      long length = bytes.get(LONG, at);
      byte[] utf8 = bytes.asSlice(at + 8, length).toArray(ValueLayout.JAVA_BYTE);
      list.add(new String(utf8, StandardCharsets.UTF_8));
      at += 8 + length;
    }
    return list;
  }

  /**
   * The numbers of an array of 32-bit integers.
   *
   * @param key its key
   * @return a new array
   * @throws ModelException if absent or not such an array
   */
  public int[] integers(String key) throws ModelException {
    String expected = "an array of 32-bit integers";
    return array(key, expected, GgufValueType.I32, GgufValueType.U32).bytes().toArray(INT);
  }

  /**
   * The numbers of an array of F32.
   *
   * @param key its key
   * @return a new array
   * @throws ModelException if absent or not such an array
   */
  public float[] floats(String key) throws ModelException {
    return array(key, "an array of F32", GgufValueType.F32).bytes().toArray(FLOAT);
  }

  private GgufValue.Many array(String key, String expected, GgufValueType... types)
      throws ModelException {
    if (pairs.get(key) instanceof GgufValue.Many m && List.of(types).contains(m.element())) {
      return m;
    }
    throw refuse(key, expected);
  }

  /**
   * The refusal of a key's value, or of its absence.
   *
   * @param key its key
   * @param expected what it should be
   * @return an exception to throw
   */
  public ModelException refuse(String key, String expected) {
    String got =
        switch (pairs.get(key)) {
          case null -> "no such key";
          case GgufValue.Whole w -> Long.toString(w.value());
          case GgufValue.Real r -> Double.toString(r.value());
          case GgufValue.Flag f -> Boolean.toString(f.value());
          case GgufValue.Text t -> "'" + abridged(t.value()) + "'";
          case GgufValue.Many m -> "an array of %d %s".formatted(m.count(), m.element());
        };
    return GgufFile.refuse(
        file, "metadata '" + key + "'", expected, got, "convert the model again");
  }

  private static String abridged(String text) {
    return text.length() <= 80 ? text : text.substring(0, 77) + "...";
  }
}
