package dev.lamina.models.checkpoint;

import dev.lamina.json.JsonTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A {@code config.json}, or an object in one, whose getters refuse what is missing, of the wrong
 * type or out of range in one line with file, key, what was expected and what came. A key whose
 * value is null counts as absent. Immutable.
 */
public final class ModelConfig {
  private final String origin;
  private final String path;
  private final JsonNode node;

  private ModelConfig(String origin, String path, JsonNode node) {
    this.origin = origin;
    this.path = path;
    this.node = node;
  }

  /**
   * Reads a file.
   *
   * @param file a JSON object
   * @return the configuration
   * @throws ModelException if it is absent, unreadable or not a JSON object
   */
  public static ModelConfig read(Path file) throws ModelException {
    if (!Files.isRegularFile(file)) {
      throw new ModelException(
          "read %s: expected the model's configuration, got no such file; fetch it"
              .formatted(file));
    }
    try {
      return of(file.toString(), JsonTrees.read(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw new ModelException(
          "read %s: expected the model's configuration, got %s; make it readable"
              .formatted(file, e),
          e);
    } catch (JacksonException e) {
      throw unparsable(file.toString(), e);
    }
  }

  /**
   * Parses a text.
   *
   * @param origin where it comes from, for messages
   * @param json a JSON object
   * @return the configuration
   * @throws ModelException if it is not a JSON object
   */
  public static ModelConfig parse(String origin, String json) throws ModelException {
    try {
      return of(origin, JsonTrees.read(json));
    } catch (JacksonException e) {
      throw unparsable(origin, e);
    }
  }

  private static ModelException unparsable(String origin, JacksonException e) {
    return new ModelException(
        "read %s: expected a JSON object, got text that does not parse (%s); fetch it again"
            .formatted(origin, JsonTrees.reason(e)),
        e);
  }

  private static ModelConfig of(String origin, JsonNode root) throws ModelException {
    if (!root.isObject()) {
      throw new ModelException(
          "read %s: expected a JSON object, got %s; fetch it again"
              .formatted(origin, root.isMissingNode() ? "nothing" : abridged(root)));
    }
    return new ModelConfig(origin, "", root);
  }

  /**
   * Where this configuration comes from.
   *
   * @return a file name, for messages
   */
  public String origin() {
    return origin;
  }

  /**
   * This configuration as text.
   *
   * @return a JSON object
   */
  public String text() {
    return node.toPrettyString();
  }

  /**
   * This configuration as text, without a key.
   *
   * @param key left out
   * @return a JSON object
   */
  public String textWithout(String key) {
    ObjectNode rest = ((ObjectNode) node).deepCopy();
    rest.remove(key);
    return rest.toPrettyString();
  }

  /**
   * Whether a key has a value other than null.
   *
   * @param key of this object
   * @return true if it has
   */
  public boolean has(String key) {
    return node.hasNonNull(key);
  }

  /**
   * Whether a key stands here, if only with null: families whose default is not null tell the two
   * apart.
   *
   * @param key of this object
   * @return true if it does
   */
  public boolean names(String key) {
    return node.has(key);
  }

  /**
   * Whether a key has a text.
   *
   * @param key of this object
   * @return true if it has
   */
  public boolean isText(String key) {
    return node.path(key).isString();
  }

  /**
   * Whether the value of a key is a list or an object without entries.
   *
   * @param key of this object
   * @return true if it is
   */
  public boolean isEmpty(String key) {
    return node.path(key).isContainer() && node.path(key).isEmpty();
  }

  /**
   * The keys that stand here.
   *
   * @return in the order of the file
   */
  public List<String> keys() {
    return List.copyOf(node.propertyNames());
  }

  /**
   * A nested object.
   *
   * @param key of this object
   * @return null if absent
   * @throws ModelException if it is not an object
   */
  public @Nullable ModelConfig object(String key) throws ModelException {
    if (!has(key)) {
      return null;
    }
    JsonNode value = node.get(key);
    if (!value.isObject()) {
      throw refuse(key, "an object");
    }
    return new ModelConfig(origin, path + key + ".", value);
  }

  /**
   * This with a key of another object, if that has it.
   *
   * @param other such as the object around this
   * @param key of both
   * @return a new object
   */
  public ModelConfig withOf(ModelConfig other, String key) {
    ObjectNode all = (ObjectNode) node.deepCopy();
    if (other.has(key)) {
      all.set(key, other.node.get(key));
    }
    return new ModelConfig(origin, path, all);
  }

  /**
   * This with a number where it lacks the key.
   *
   * @param key of this object
   * @param absent its value then
   * @return a new object
   */
  public ModelConfig withAbsent(String key, int absent) {
    ObjectNode all = (ObjectNode) node.deepCopy();
    if (!node.has(key)) {
      all.put(key, absent);
    }
    return new ModelConfig(origin, path, all);
  }

  /**
   * A text.
   *
   * @param key of this object
   * @return its value
   * @throws ModelException if absent or not a text
   */
  public String string(String key) throws ModelException {
    if (!node.path(key).isString()) {
      throw refuse(key, "a text");
    }
    return node.get(key).stringValue();
  }

  /**
   * A text.
   *
   * @param key of this object
   * @param absent value if the key is absent
   * @return its value
   * @throws ModelException if not a text
   */
  public String string(String key, String absent) throws ModelException {
    return has(key) ? string(key) : absent;
  }

  /**
   * A truth value.
   *
   * @param key of this object
   * @param absent value if the key is absent
   * @return its value
   * @throws ModelException if neither true nor false
   */
  public boolean bool(String key, boolean absent) throws ModelException {
    if (!has(key)) {
      return absent;
    }
    if (!node.get(key).isBoolean()) {
      throw refuse(key, "true or false");
    }
    return node.get(key).booleanValue();
  }

  /**
   * Refuses what is not built: the key, if it has a value, must have this one.
   *
   * @param key of this object
   * @param only the one value that is built
   * @throws ModelException if the key has another
   */
  public void only(String key, boolean only) throws ModelException {
    if (bool(key, only) != only) {
      throw refuse(key, only + ", the other is not built");
    }
  }

  /**
   * A whole number of at least 1.
   *
   * @param key of this object
   * @return its value
   * @throws ModelException if absent, not a whole number or out of range
   */
  public int positiveInt(String key) throws ModelException {
    return integer(key, 1);
  }

  /**
   * A whole number of at least 1.
   *
   * @param key of this object
   * @param absent value if the key is absent
   * @return its value
   * @throws ModelException if not a whole number or out of range
   */
  public int positiveInt(String key, int absent) throws ModelException {
    return has(key) ? positiveInt(key) : absent;
  }

  /**
   * A whole number.
   *
   * @param key of this object
   * @param min smallest allowed
   * @return its value
   * @throws ModelException if absent, not a whole number or out of range
   */
  public int integer(String key, int min) throws ModelException {
    return integer(key, node.path(key), min);
  }

  /**
   * A whole number.
   *
   * @param key of this object
   * @param min smallest allowed
   * @param absent value if the key is absent
   * @return its value
   * @throws ModelException if not a whole number or out of range
   */
  public int integer(String key, int min, int absent) throws ModelException {
    return has(key) ? integer(key, min) : absent;
  }

  private int integer(String key, JsonNode value, int min) throws ModelException {
    boolean fits = value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= min;
    if (!fits) {
      throw refuse(key, "a whole number from %d to %d".formatted(min, Integer.MAX_VALUE));
    }
    return value.intValue();
  }

  /**
   * Whole numbers of at least 0, given as a list or as one number.
   *
   * @param key of this object
   * @return its values, none if absent
   * @throws ModelException if one is not a whole number or out of range
   */
  public List<Integer> integers(String key) throws ModelException {
    List<Integer> list = new ArrayList<>();
    if (has(key)) {
      JsonNode value = node.get(key);
      for (JsonNode v : value.isArray() ? value : List.of(value)) {
        list.add(integer(key, v, 0));
      }
    }
    return List.copyOf(list);
  }

  /**
   * A whole number of at least 1, or a list of them, one a layer, that are all the same.
   *
   * @param key of this object
   * @param absent value if the key is absent
   * @return its value
   * @throws ModelException if not a whole number, out of range, or not the same for all layers
   */
  public int sameInt(String key, int absent) throws ModelException {
    if (!has(key)) {
      return absent;
    }
    List<Integer> all = integers(key);
    if (all.stream().distinct().count() != 1 || all.getFirst() < 1) {
      throw refuse(key, "one whole number above 0 for all layers, others are not built");
    }
    return all.getFirst();
  }

  /**
   * A number.
   *
   * @param key of this object
   * @param above lower bound, excluded
   * @return its value, finite
   * @throws ModelException if absent, not a finite number or not above the bound
   */
  public double numberAbove(String key, double above) throws ModelException {
    JsonNode value = node.path(key);
    double v = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(v > above) || Double.isInfinite(v)) {
      throw refuse(key, "a number above " + text(above));
    }
    return v;
  }

  /**
   * A number.
   *
   * @param key of this object
   * @param above lower bound, excluded
   * @param absent value if the key is absent
   * @return its value, finite
   * @throws ModelException if not a finite number or not above the bound
   */
  public double numberAbove(String key, double above, double absent) throws ModelException {
    return has(key) ? numberAbove(key, above) : absent;
  }

  /**
   * A number above 0, or a null that says there is none.
   *
   * @param key of this object
   * @param absent value if the key does not stand here
   * @return its value, 0 for null
   * @throws ModelException if not a number above 0
   */
  public double numberOrNull(String key, double absent) throws ModelException {
    return has(key) ? numberAbove(key, 0) : names(key) ? 0 : absent;
  }

  /**
   * A list of flags, 0 or 1; absent, every so many entries one is 0.
   *
   * @param key of this object
   * @param count how many
   * @param interval entries from one 0 to the next if absent
   * @return whether each is 1
   * @throws ModelException if of another length or one is neither 0 nor 1
   */
  public List<Boolean> flags(String key, int count, int interval) throws ModelException {
    List<Boolean> flags = new ArrayList<>();
    for (int f : integers(key)) {
      flags.add(f != 0);
    }
    if (flags.isEmpty()) {
      for (int i = 0; i < count; i++) {
        flags.add((i + 1) % interval != 0);
      }
    }
    if (flags.size() != count) {
      throw refuse(key, "a list of %d flags, 0 or 1".formatted(count));
    }
    return List.copyOf(flags);
  }

  /**
   * A number in a closed range.
   *
   * @param key of this object
   * @param min smallest allowed
   * @param max largest allowed
   * @return its value, null if absent
   * @throws ModelException if not a number or out of range
   */
  public @Nullable Double numberIn(String key, double min, double max) throws ModelException {
    if (!has(key)) {
      return null;
    }
    JsonNode value = node.get(key);
    double v = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(v >= min && v <= max)) {
      throw refuse(key, "a number from %s to %s".formatted(text(min), text(max)));
    }
    return v;
  }

  /**
   * A list of numbers above 0.
   *
   * @param key of this object
   * @param count how many
   * @return a new array
   * @throws ModelException if absent, of another length or one is not a number above 0
   */
  public double[] positiveNumbers(String key, int count) throws ModelException {
    JsonNode value = node.path(key);
    double[] numbers = new double[count];
    boolean fits = value.isArray() && value.size() == count;
    for (int i = 0; fits && i < count; i++) {
      numbers[i] = value.get(i).isNumber() ? value.get(i).doubleValue() : 0;
      fits = numbers[i] > 0 && Double.isFinite(numbers[i]);
    }
    if (!fits) {
      throw refuse(key, "a list of %d numbers above 0".formatted(count));
    }
    return numbers;
  }

  /**
   * A list of numbers above 0.
   *
   * @param key of this object
   * @param count how many
   * @param absent value of each if the key is absent
   * @return its values
   * @throws ModelException if of another length or one is not a number above 0
   */
  public List<Double> numbers(String key, int count, double absent) throws ModelException {
    return has(key)
        ? Arrays.stream(positiveNumbers(key, count)).boxed().toList()
        : Collections.nCopies(count, absent);
  }

  /**
   * A list of shares.
   *
   * @param key of this object
   * @param count how many
   * @return its values, from 0 to below 1; none if absent
   * @throws ModelException if of another length or one is no such number
   */
  public List<Double> shares(String key, int count) throws ModelException {
    List<Double> list = new ArrayList<>();
    if (has(key)) {
      for (JsonNode v : node.get(key)) {
        list.add(v.isNumber() ? v.doubleValue() : Double.NaN);
      }
      if (list.size() != count || !list.stream().allMatch(v -> v >= 0 && v < 1)) {
        throw refuse(key, "a list of %d numbers from 0 to below 1".formatted(count));
      }
    }
    return List.copyOf(list);
  }

  /**
   * A list of two numbers, a lower and an upper limit; infinite where JSON has no word for it:
   * {@code {"__float__": "Infinity"}}, as transformers writes it.
   *
   * @param key of this object
   * @param low value of the first if the key is absent
   * @param high value of the second if the key is absent
   * @return a new array
   * @throws ModelException if not two numbers in ascending order
   */
  public double[] limits(String key, double low, double high) throws ModelException {
    if (!has(key)) {
      return new double[] {low, high};
    }
    JsonNode value = node.get(key);
    double from = limit(value.path(0));
    double to = limit(value.path(1));
    if (value.size() != 2 || !(from <= to)) {
      throw refuse(key, "a list of two numbers in ascending order");
    }
    return new double[] {from, to};
  }

  private static double limit(JsonNode value) {
    JsonNode named = value.path("__float__");
    if (named.isString() && named.stringValue().equals("Infinity")) {
      return Double.POSITIVE_INFINITY;
    }
    return value.isNumber() ? value.doubleValue() : Double.NaN;
  }

  /**
   * A list of texts.
   *
   * @param key of this object
   * @return its values, null if absent
   * @throws ModelException if not a list of texts
   */
  public @Nullable List<String> strings(String key) throws ModelException {
    if (!has(key)) {
      return null;
    }
    List<String> list = new ArrayList<>();
    JsonNode value = node.get(key);
    for (JsonNode v : value) {
      if (v.isString()) {
        list.add(v.stringValue());
      }
    }
    if (!value.isArray() || list.size() != value.size()) {
      throw refuse(key, "a list of texts");
    }
    return List.copyOf(list);
  }

  /**
   * The refusal of a key's present value.
   *
   * @param key of this object
   * @param expected what it should be
   * @return an exception to throw
   */
  public ModelException refuse(String key, String expected) {
    JsonNode value = node.path(key);
    return new ModelException(
        "read %s: %s%s: expected %s, got %s; correct the file or fetch it again"
            .formatted(
                origin,
                path,
                key,
                expected,
                value.isMissingNode() ? "no such key" : abridged(value)));
  }

  private static String text(double bound) {
    return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
  }

  private static String abridged(JsonNode value) {
    String text = value.toString();
    return text.length() <= 80 ? text : text.substring(0, 77) + "...";
  }
}
