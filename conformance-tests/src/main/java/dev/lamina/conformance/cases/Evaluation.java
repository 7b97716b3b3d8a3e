package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A compiled graph with its weights, run on given tensors for the bits it computes. Asks no oracle:
 * properties and guarantees compare one run with another.
 */
final class Evaluation implements AutoCloseable {
  private final Device device;
  private final CompileOptions options;
  private final Executable executable;
  private final Map<Integer, Weight> weights = new LinkedHashMap<>();
  private final Map<Integer, State> pools = new LinkedHashMap<>();
  private final Arena arena = Arena.ofShared();

  Evaluation(Device device, Graph graph, CompileOptions options) throws BackendException {
    this.device = device;
    this.options = options;
    this.executable = device.compile(graph, options);
  }

  /** Compiles a graph and loads its weights. */
  static Evaluation of(
      Device device, Graph graph, Map<String, RefTensor> weights, CompileOptions options)
      throws BackendException {
    Evaluation e = new Evaluation(device, graph, options);
    try {
      for (Map.Entry<String, RefTensor> w : weights.entrySet()) {
        e.weight(w.getKey(), w.getValue());
      }
    } catch (BackendException | RuntimeException failure) {
      e.close();
      throw failure;
    }
    return e;
  }

  /** A pool as graphs compiled with these options need it; the caller closes it. */
  static State newPool(Device device, StateSpec spec, long slots, CompileOptions options)
      throws BackendException {
    StateLayout layout =
        options.forceDecompose() ? StateLayout.dense(spec) : device.chooseStateLayout(spec);
    return device.allocateState(layout, slots);
  }

  /** Loads a weight; its bytes lie at an odd address. */
  Evaluation weight(String name, RefTensor content) throws BackendException {
    Slot slot = executable.slots().get(executable.slot(name));
    byte[] bytes = bytes(content);
    MemorySegment memory = arena.allocate(bytes.length + 65L, 64).asSlice(1, bytes.length);
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
    TensorType type = (TensorType) slot.type();
    WeightSpec spec = new WeightSpec(name, type, EnumSet.allOf(WeightSpec.Use.class));
    Weight old = weights.put(slot.ordinal(), device.loadWeight(spec, memory));
    if (old != null) {
      old.close();
    }
    return this;
  }

  /** Uses a pool, which the caller closes. */
  Evaluation pool(String name, State state) {
    pools.put(executable.slot(name), state);
    return this;
  }

  /** A pool as this graph needs it; the caller closes it. */
  State newPool(StateSpec spec, long slots) throws BackendException {
    return newPool(device, spec, slots, options);
  }

  /** How the ops run. */
  List<Lowering> lowering() {
    return executable.lowering();
  }

  /**
   * Runs once.
   *
   * @param tensors by input name; symbols take their sizes
   * @return the tensor outputs in order
   */
  List<RefTensor> run(Map<String, RefTensor> tensors) throws BackendException {
    return run(tensors, Map.of());
  }

  /**
   * Runs once.
   *
   * @param tensors by input name; symbols take their sizes
   * @param named symbols that no tensor tells
   * @return the tensor outputs in order
   */
  List<RefTensor> run(Map<String, RefTensor> tensors, Map<String, Long> named)
      throws BackendException {
    try (Rig rig = new Rig(device)) {
      return run(rig, tensors, dims(tensors, named));
    }
  }

  private List<RefTensor> run(Rig rig, Map<String, RefTensor> tensors, long[] dims)
      throws BackendException {
    Bindings bindings = executable.newBindings();
    for (int i = 0; i < dims.length; i++) {
      if (dims[i] >= 0) {
        bindings.dim(i, dims[i]);
      }
    }
    List<HostImage> images = new ArrayList<>();
    List<TensorType> types = new ArrayList<>();
    List<Buffer> buffers = new ArrayList<>();
    for (Slot slot : executable.slots()) {
      switch (slot.kind()) {
        case INPUT -> {
          RefTensor content = given(tensors, slot);
          TensorType type = (TensorType) slot.type();
          HostImage image = new HostImage(type, content.sizes(), 0).write(content);
          bindings.tensor(slot.ordinal(), new View(rig.buffer(image.bytes), image.offset, type));
        }
        case WEIGHT -> bindings.weight(slot.ordinal(), weight(slot));
        case STATE -> bindings.state(slot.ordinal(), pool(slot));
        case OUTPUT -> {
          TensorType type = (TensorType) slot.type();
          long[] sizes = executable.dims().resolve(type.shape(), dims);
          HostImage image = new HostImage(type, sizes, 0);
          Buffer buffer = rig.buffer(image.bytes);
          bindings.tensor(slot.ordinal(), new View(buffer, image.offset, type));
          images.add(image);
          types.add(TensorType.of(type.dtype(), sizes));
          buffers.add(buffer);
        }
      }
    }
    rig.run(new Command.Run(executable, bindings));
    List<RefTensor> outputs = new ArrayList<>();
    for (int i = 0; i < images.size(); i++) {
      byte[] memory = rig.download(buffers.get(i));
      images.get(i).checkGuards("out" + i, memory);
      TensorType type = types.get(i);
      long[] sizes = type.shape().dims().stream().mapToLong(Dim::upperBound).toArray();
      outputs.add(RefTensor.exact(type.dtype(), sizes, images.get(i).read(memory)));
    }
    return outputs;
  }

  private long[] dims(Map<String, RefTensor> tensors, Map<String, Long> named) {
    long[] dims = new long[executable.dims().syms().size()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = named.getOrDefault(executable.dims().syms().get(i).name(), -1L);
    }
    for (Slot slot : executable.slots()) {
      RefTensor content = tensors.get(slot.name());
      if (slot.kind() == Slot.Kind.INPUT && content != null) {
        List<Dim> shape = ((TensorType) slot.type()).shape().dims();
        for (int axis = 0; axis < shape.size(); axis++) {
          if (shape.get(axis) instanceof Dim.Sym s) {
            dims[executable.dims().indexOf(s.name())] = content.size(axis);
          }
        }
      }
    }
    return dims;
  }

  private static RefTensor given(Map<String, RefTensor> tensors, Slot slot) {
    RefTensor content = tensors.get(slot.name());
    if (content == null) {
      throw new AssertionError("no content for input " + slot.name());
    }
    return content;
  }

  private Weight weight(Slot slot) {
    Weight w = weights.get(slot.ordinal());
    if (w == null) {
      throw new AssertionError("no content for weight " + slot.name());
    }
    return w;
  }

  private State pool(Slot slot) {
    State s = pools.get(slot.ordinal());
    if (s == null) {
      throw new AssertionError("no pool for " + slot.name());
    }
    return s;
  }

  private static HostImage image(RefTensor content) {
    TensorType type = TensorType.of(content.dtype(), content.sizes());
    return new HostImage(type, content.sizes(), 0).write(content);
  }

  private static byte[] bytes(RefTensor content) {
    HostImage image = image(content);
    return Arrays.copyOfRange(image.bytes, image.offset, image.bytes.length - image.offset);
  }

  @Override
  public void close() {
    executable.close();
    weights.values().forEach(Weight::close);
    arena.close();
  }
}
