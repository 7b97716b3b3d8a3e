package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.GraphBuilder;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Binds the weights that a graph asks for to the tensors of a checkpoint, each checked against the
 * shape that the configuration implies. A weight asked for twice is one input with both uses. Not
 * thread-safe.
 */
public final class WeightTable {
  private final GraphBuilder graph;
  private final TensorSource source;
  private final WeightNames names;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Set<String> stored = new HashSet<>();

  /** Those that no tensor of the checkpoint holds. */
  private final List<Entry> constants = new ArrayList<>();

  private record Entry(Value value, StoredTensor tensor, EnumSet<Use> uses) {}

  /**
   * A weight input of a graph with the bytes to load.
   *
   * @param input name of the graph's input
   * @param spec for the device
   * @param tensor has the bytes, which the first call may have to make
   */
  public record Planned(String input, WeightSpec spec, StoredTensor tensor) {
    /**
     * The bytes.
     *
     * @return off the heap
     */
    public MemorySegment data() {
      return tensor.data();
    }

    /**
     * Their number, known before they are made.
     *
     * @return bytes in use
     */
    public long byteSize() {
      return spec.type().byteSize();
    }
  }

  /**
   * The matrix of a projection.
   *
   * @param value {@code [N, K]}
   * @param order I32 {@code [K]}: which of x each of its columns multiplies, null for its own
   */
  record Matrix(Value value, @Nullable Value order) {}

  WeightTable(GraphBuilder graph, TensorSource source, WeightNames names) {
    this.graph = graph;
    this.source = source;
    this.names = names;
  }

  /** Whether the checkpoint stores the matrix of a module as {@code [in, out]}. */
  boolean isTransposed(String module) {
    return names.isTransposed(module);
  }

  /** The checkpoint's name of a weight: the second one if it has that and not the first. */
  private String name(String weight) {
    String first = names.stored(weight);
    String other = names.other(weight);
    boolean renamed = other != null && source.find(first) == null && source.find(other) != null;
    return renamed ? Objects.requireNonNull(other) : first;
  }

  /** The checkpoint's name of a module, without {@code .weight}. */
  String storedModule(String module) {
    String weight = name(module + ".weight");
    return weight.substring(0, weight.lastIndexOf('.'));
  }

  /**
   * A weight the model can't do without.
   *
   * @param weight its name in graphs
   * @param use what it is for
   * @param sizes the shape the configuration implies
   * @return the graph's input
   * @throws ModelException if it is missing, of another shape or not of floats
   */
  Value get(String weight, Use use, long... sizes) throws ModelException {
    Shape shape = Shape.of(sizes);
    Value value = bind(weight, use, shape, source.find(name(weight), shape));
    if (value == null) {
      throw missing(name(weight), shape);
    }
    return value;
  }

  /**
   * The matrix of a projection, in the form that takes the least memory.
   *
   * @param weight its name in graphs
   * @param n rows
   * @param k columns
   * @return the graph's input, and in which order it wants x
   * @throws ModelException as {@link #get}
   */
  Matrix matrix(String weight, long n, long k) throws ModelException {
    Shape shape = Shape.of(n, k);
    StoredTensor tensor = source.find(name(weight), shape);
    StoredTensor.Reordered other = tensor == null ? null : tensor.reordered();
    if (other == null) {
      return new Matrix(get(weight, Use.LINEAR, n, k), null);
    }
    // A name of its own: whoever asks for the weight as it is gets it as it is.
    Value value = bind(weight + ".reordered", Use.LINEAR, shape, other.matrix());
    return new Matrix(Objects.requireNonNull(value), constant(weight + ".order", other.order()));
  }

  /**
   * A weight that a checkpoint may leave out.
   *
   * @param weight its name in graphs
   * @param use what it is for
   * @param sizes the shape the configuration implies
   * @return the graph's input, null if there is none
   * @throws ModelException if it is of another shape or not of floats
   */
  @Nullable Value find(String weight, Use use, long... sizes) throws ModelException {
    return bind(weight, use, Shape.of(sizes), source.find(name(weight)));
  }

  /** A tensor of the checkpoint as it stores it, null if there is none. */
  @Nullable StoredTensor stored(String weight) {
    return source.find(name(weight));
  }

  /** A tensor of this shape that is bound in another form. */
  StoredTensor needed(String weight, long... sizes) throws ModelException {
    StoredTensor tensor = source.find(name(weight), Shape.of(sizes));
    if (tensor == null) {
      throw missing(name(weight), Shape.of(sizes));
    }
    expect(tensor, sizes);
    return tensor;
  }

  /** Whether the checkpoint has a name for a module. */
  boolean names(String weight) {
    return names.has(weight);
  }

  /**
   * A stack that a checkpoint stores as one tensor, or as one a member.
   *
   * @param weight its name in graphs; a member's has its number for the last part but two, as
   *     {@code experts.gate.weight} and {@code experts.7.gate.weight}
   * @param members E
   * @param sizes of each
   * @return the graph's input
   * @throws ModelException if one is missing, of another shape or not of floats
   */
  Value stack(String weight, int members, long... sizes) throws ModelException {
    long[] all = LongStream.concat(LongStream.of(members), LongStream.of(sizes)).toArray();
    String[] parts = weight.split("\\.(?=[^.]+\\.[^.]+$)");
    boolean whole = names.has(weight) && !names.has(parts[0] + ".0." + parts[1]);
    if (whole || entries.containsKey(weight) || names.has(weight) && stored(weight) != null) {
      return get(weight, Use.LINEAR, all);
    }
    List<String> each = new ArrayList<>();
    for (int i = 0; i < members; i++) {
      each.add(name(parts[0] + "." + i + "." + parts[1]));
    }
    return made(weight, ExpertTensors.apart(source, each, Shape.of(sizes)), each.getFirst(), all);
  }

  /** Binds what was put together, checked as any tensor is. */
  Value made(String weight, ExpertTensors.@Nullable Stack stack, String first, long... sizes)
      throws ModelException {
    Value value = bind(weight, Use.LINEAR, Shape.of(sizes), stack == null ? null : stack.tensor());
    if (value == null || stack == null) {
      throw missing(first, Shape.of(sizes));
    }
    stored.addAll(stack.parts());
    return value;
  }

  /** Refuses a tensor of another shape. */
  static void expect(StoredTensor tensor, long... sizes) throws ModelException {
    expect(tensor, Shape.of(sizes));
  }

  private static void expect(StoredTensor tensor, Shape shape) throws ModelException {
    if (!tensor.type().shape().equals(shape)) {
      throw new ModelException(
          "load %s: tensor '%s': expected shape %s as config.json implies, got %s; configuration"
                  .formatted(tensor.origin(), tensor.name(), shape, tensor.type().shape())
              + " and weights are not of one model");
    }
  }

  private ModelException missing(String name, Shape shape) {
    return new ModelException(
        "load %s: tensor '%s': expected it with shape %s, got no such tensor; fetch the"
                .formatted(source.origin(), name, shape)
            + " checkpoint again, whole");
  }

  private @Nullable Value bind(String weight, Use use, Shape shape, @Nullable StoredTensor tensor)
      throws ModelException {
    Entry known = entries.get(weight);
    if (known != null) {
      known.uses.add(use);
      return known.value;
    }
    if (tensor == null) {
      return null;
    }
    String name = tensor.name();
    expect(tensor, shape);
    if (!tensor.type().isBlocked() && !tensor.type().dtype().isFloat()) {
      throw new ModelException(
          "load %s: tensor '%s': expected a float dtype, got %s; convert the checkpoint to BF16"
              .formatted(tensor.origin(), name, tensor.type().dtype()));
    }
    stored.add(name);
    return enter(weight, tensor, use);
  }

  /**
   * A vector of floats that the host computed; the same values are one input.
   *
   * @param name of the graph's input, numbered from the second vector of that name on
   * @param values its elements
   * @return the graph's input, F32
   */
  Value constant(String name, float[] values) {
    // A few hundred bytes, reachable from the plan for as long as a weight may share them.
    MemorySegment data = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, values);
    return constant(
        name, new StoredTensor(name, TensorType.of(DType.F32, values.length), data, "computed"));
  }

  /** The input that holds these bytes already, or a new one, numbered if the name is taken. */
  private Value constant(String name, StoredTensor tensor) {
    for (Entry e : constants) {
      if (e.tensor.type().equals(tensor.type()) && e.tensor.data().mismatch(tensor.data()) < 0) {
        return e.value;
      }
    }
    String input = name;
    for (int i = 1; entries.containsKey(input); i++) {
      input = name + "." + i;
    }
    Value value = enter(input, tensor, Use.PLAIN);
    constants.add(Objects.requireNonNull(entries.get(input)));
    return value;
  }

  private Value enter(String weight, StoredTensor tensor, Use use) {
    Value value = graph.weight(weight, tensor.type());
    entries.put(weight, new Entry(value, tensor, EnumSet.of(use)));
    return value;
  }

  /** The weights asked for, in that order. */
  List<Planned> planned() {
    List<Planned> list = new ArrayList<>();
    entries.forEach((input, e) ->
        list.add(
            new Planned(
                input, new WeightSpec(e.tensor.name(), e.tensor.type(), e.uses), e.tensor)));
    return List.copyOf(list);
  }

  /** Tensors of the checkpoint that the graph did not ask for. */
  List<String> unused() {
    List<String> list = new ArrayList<>();
    for (StoredTensor t : source.tensors()) {
      if (!stored.contains(t.name())) {
        list.add(t.name());
      }
    }
    return List.copyOf(list);
  }
}
