package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.conformance.cases.CompositeSpec.Argument;
import dev.lamina.conformance.oracle.Comparison;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One run of composites: pools are filled and read back through the device's own state ops. */
final class CompositeRun implements AutoCloseable {
  private final Context context;
  private final Device device;
  private final Graph graph;
  private final CompositeSpec spec;
  private final CompileOptions options;
  private final Rig rig;
  private final Arena arena = Arena.ofShared();
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();
  private final Map<String, State> pools = new LinkedHashMap<>();

  CompositeRun(Context context, Graph graph, CompositeSpec spec, CompileOptions options)
      throws BackendException {
    this.context = context;
    this.device = context.device();
    this.graph = graph;
    this.spec = spec;
    this.options = options;
    this.rig = new Rig(device);
  }

  /** Runs and compares; returns the largest error as a part of what is allowed. */
  double run() throws BackendException {
    double worst = 0;
    try (Executable executable = device.compile(graph, options)) {
      if (options.forceDecompose()) {
        CompositeCase.checkLowering(graph, executable);
      } else {
        context.ran(executable.lowering());
      }
      Bindings bindings = executable.newBindings();
      List<HostImage> images = new ArrayList<>();
      List<Buffer> buffers = new ArrayList<>();
      bind(executable, bindings, images, buffers);
      rig.run(new Command.Run(executable, bindings));
      for (int i = 0; i < images.size(); i++) {
        byte[] memory = rig.download(buffers.get(i));
        images.get(i).checkGuards("out" + i, memory);
        long[] actual = images.get(i).read(memory);
        worst =
            Math.max(
                worst, Comparison.check("out" + i, spec.expected.get(i), actual, spec.unbiased));
      }
      for (var pool : pools.entrySet()) {
        List<RefTensor> expected = spec.expectedPools.getOrDefault(pool.getKey(), List.of());
        worst = Math.max(worst, checkPool(pool.getValue(), expected));
      }
    }
    return worst;
  }

  private void bind(
      Executable executable, Bindings bindings, List<HostImage> images, List<Buffer> buffers)
      throws BackendException {
    for (var dim : spec.dims.entrySet()) {
      int ordinal = executable.dims().indexOf(dim.getKey());
      if (ordinal >= 0) {
        bindings.dim(ordinal, dim.getValue());
      }
    }
    for (Slot slot : executable.slots()) {
      switch (slot.kind()) {
        case INPUT -> bindings.tensor(slot.ordinal(), tensor(slot));
        case WEIGHT -> bindings.weight(slot.ordinal(), weight(slot));
        case STATE ->
            bindings.state(
                slot.ordinal(), pool((Argument.Pool) spec.arguments.get(slot.ordinal())));
        case OUTPUT -> {
          RefTensor expected = spec.expected.get(images.size());
          TensorType type = (TensorType) slot.type();
          HostImage image = new HostImage(type, expected.sizes(), 0);
          Buffer buffer = rig.buffer(image.bytes);
          images.add(image);
          buffers.add(buffer);
          bindings.tensor(slot.ordinal(), new View(buffer, image.offset, type));
        }
      }
    }
  }

  private RefTensor content(Slot slot) {
    return ((Argument.Tensor) spec.arguments.get(slot.ordinal())).content();
  }

  private View tensor(Slot slot) throws BackendException {
    RefTensor content = content(slot);
    HostImage image = image(content);
    return new View(rig.buffer(image.bytes), image.offset, (TensorType) slot.type());
  }

  private static HostImage image(RefTensor content) {
    TensorType type = TensorType.of(content.dtype(), content.sizes());
    return new HostImage(type, content.sizes(), 0).write(content);
  }

  /** Weights may lie at any byte: this one starts at an odd one. */
  private Weight weight(Slot slot) throws BackendException {
    HostImage image = image(content(slot));
    int size = image.bytes.length - 2 * image.offset;
    MemorySegment memory = arena.allocate(size + 65L, 64).asSlice(1, size);
    MemorySegment.copy(image.bytes, image.offset, memory, ValueLayout.JAVA_BYTE, 0, size);
    WeightSpec weight =
        new WeightSpec(slot.name(), (TensorType) slot.type(), EnumSet.allOf(WeightSpec.Use.class));
    Weight w = device.loadWeight(weight, memory);
    owned.push(w);
    return w;
  }

  private State pool(Argument.Pool argument) throws BackendException {
    StateSpec s = argument.spec();
    State state = Evaluation.newPool(device, s, argument.slots(), options);
    owned.push(state);
    pools.put(s.name(), state);
    for (int e = 0; e < s.entries().size(); e++) {
      StateSpec.Entry entry = s.entries().get(e);
      RefTensor content = argument.entries().get(e);
      Ops ops = new Ops("import");
      Value pool = ops.state(s);
      Value x = ops.tensor("x", TensorType.of(content.dtype(), content.sizes()));
      Value slots = ops.tensor("slots", TensorType.of(DType.I32, argument.slots()));
      ops.output(s.name(), ops.stateImport(pool, entry.name(), entry.layer(), x, slots));
      move(ops.build(), state, content, slots(argument.slots()), content);
    }
    return state;
  }

  private static RefTensor slots(long n) {
    long[] slots = new long[(int) n];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = i;
    }
    return RefTensor.exact(DType.I32, new long[] {n}, slots);
  }

  /** Runs a graph of a pool, tensors for its other inputs in order; returns its output if any. */
  private byte[] move(Graph g, State state, RefTensor first, RefTensor slots, RefTensor like)
      throws BackendException {
    byte[] result = {};
    try (Executable executable = device.compile(g, options)) {
      Bindings bindings = executable.newBindings();
      Buffer out = null;
      for (Slot slot : executable.slots()) {
        switch (slot.kind()) {
          case STATE -> bindings.state(slot.ordinal(), state);
          case OUTPUT -> {
            HostImage image = new HostImage((TensorType) slot.type(), like.sizes(), 0);
            out = rig.buffer(image.bytes);
            bindings.tensor(slot.ordinal(), new View(out, image.offset, (TensorType) slot.type()));
          }
          case INPUT, WEIGHT -> {
            HostImage image = image(slot.name().equals("slots") ? slots : first);
            View view = new View(rig.buffer(image.bytes), image.offset, (TensorType) slot.type());
            bindings.tensor(slot.ordinal(), view);
          }
        }
      }
      rig.run(new Command.Run(executable, bindings));
      result = out == null ? result : rig.download(out);
    }
    return result;
  }

  private double checkPool(State state, List<RefTensor> expected) throws BackendException {
    StateSpec s = state.layout().spec();
    double worst = 0;
    for (int e = 0; e < expected.size(); e++) {
      StateSpec.Entry entry = s.entries().get(e);
      RefTensor want = expected.get(e);
      Ops ops = new Ops("export");
      Value slots = ops.tensor("slots", TensorType.of(DType.I32, state.numSlots()));
      ops.output("rows", ops.stateExport(ops.state(s), entry.name(), entry.layer(), slots));
      RefTensor all = slots(state.numSlots());
      byte[] memory = move(ops.build(), state, all, all, want);
      HostImage image = new HostImage(TensorType.of(want.dtype(), want.sizes()), want.sizes(), 0);
      String name = s.name() + "/" + entry.name() + "." + entry.layer();
      worst = Math.max(worst, Comparison.check(name, want, image.read(memory), false));
    }
    return worst;
  }

  @Override
  public void close() throws BackendException {
    try {
      for (AutoCloseable c : owned) {
        c.close();
      }
    } catch (BackendException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError("close", e);
    } finally {
      rig.close();
      arena.close();
    }
  }
}
