package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.conformance.oracle.Elements;
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
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model on a device: weights loaded and pools allocated once, then step after step. */
final class ModelRun implements AutoCloseable {
  private final Device device;
  private final Arena arena = Arena.ofShared();
  private final Executable executable;
  private final Map<String, Weight> weights = new LinkedHashMap<>();
  private final Map<String, State> pools = new LinkedHashMap<>();

  ModelRun(Context context, Graph graph, ModelWeights content, long slots, CompileOptions options)
      throws BackendException {
    this.device = context.device();
    this.executable = device.compile(graph, options);
    if (!options.forceDecompose()) {
      context.ran(executable);
    }
    for (Graph.Input in : graph.inputs()) {
      switch (in.role()) {
        case WEIGHT -> weights.put(in.name(), load(in, given(content.stored(), in.name())));
        case STATE -> {
          StateSpec spec = ((StateType) in.value().type()).spec();
          StateLayout layout =
              options.forceDecompose() ? StateLayout.dense(spec) : device.chooseStateLayout(spec);
          pools.put(in.name(), device.allocateState(layout, slots));
        }
        case TENSOR -> {}
      }
    }
  }

  private Weight load(Graph.Input in, RefTensor content) throws BackendException {
    TensorType type = in.value().tensor();
    int width = content.dtype().bytes();
    byte[] bytes = new byte[content.count() * width];
    for (int i = 0; i < content.count(); i++) {
      Elements.write(bytes, i * width, content.dtype(), content.bits(i));
    }
    MemorySegment memory = arena.allocate(bytes.length, 64);
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
    return device.loadWeight(
        new WeightSpec(in.name(), type, EnumSet.allOf(WeightSpec.Use.class)), memory);
  }

  static <T> T given(Map<String, T> from, String name) {
    T found = from.get(name);
    if (found == null) {
      throw new AssertionError("no input " + name);
    }
    return found;
  }

  /** Runs a step; returns its logits, a row after the other. */
  double[] step(ModelStep step) throws BackendException {
    try (Rig rig = new Rig(device)) {
      Bindings bindings = executable.newBindings();
      long[] values = new long[executable.dims().syms().size()];
      for (Map.Entry<String, Long> dim : step.dims().entrySet()) {
        int ordinal = executable.dims().indexOf(dim.getKey());
        if (ordinal >= 0) {
          bindings.dim(ordinal, dim.getValue());
          values[ordinal] = dim.getValue();
        }
      }
      List<Buffer> logits = new ArrayList<>();
      HostImage image = null;
      for (Slot slot : executable.slots()) {
        switch (slot.kind()) {
          case WEIGHT -> bindings.weight(slot.ordinal(), given(weights, slot.name()));
          case STATE -> bindings.state(slot.ordinal(), given(pools, slot.name()));
          case INPUT -> {
            TensorType type = (TensorType) slot.type();
            RefTensor content = given(step.inputs(), slot.name());
            HostImage in = new HostImage(type, content.sizes(), 0).write(content);
            bindings.tensor(slot.ordinal(), new View(rig.buffer(in.bytes), in.offset, type));
          }
          case OUTPUT -> {
            TensorType type = (TensorType) slot.type();
            HostImage out = new HostImage(type, executable.dims().resolve(type.shape(), values), 0);
            Buffer buffer = rig.buffer(out.bytes);
            bindings.tensor(slot.ordinal(), new View(buffer, out.offset, type));
            if (slot.name().equals(StepSlots.LOGITS)) {
              logits.add(buffer);
              image = out;
            }
          }
        }
      }
      rig.run(new Command.Run(executable, bindings));
      if (image == null) {
        throw new AssertionError("a model without logits");
      }
      byte[] memory = rig.download(logits.getFirst());
      image.checkGuards(StepSlots.LOGITS, memory);
      long[] bits = image.read(memory);
      double[] reals = new double[bits.length];
      for (int i = 0; i < bits.length; i++) {
        reals[i] = Elements.real(DType.F32, bits[i]);
      }
      return reals;
    }
  }

  @Override
  public void close() {
    executable.close();
    weights.values().forEach(Weight::close);
    pools.values().forEach(State::close);
    arena.close();
  }
}
