package dev.lamina;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;

/** Compiles a small graph, runs it once and gives back what it returned. Not thread-safe. */
final class GraphOnce implements AutoCloseable {
  private static final Duration WAIT = Duration.ofSeconds(60);

  /** Slots of a pool: some pages, more than the small graphs touch. */
  private static final int SLOTS = 64;

  private final Device device;
  private final Arena arena = Arena.ofShared();
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final Queue queue;
  private final Timeline timeline;
  private long last;

  GraphOnce(Device device) throws BackendException {
    this.device = device;
    queue = own(device.newQueue());
    timeline = own(device.newTimeline(0));
  }

  private <T extends AutoCloseable> T own(T resource) {
    open.push(resource);
    return resource;
  }

  /**
   * Runs a graph whose only symbols are sizes of pools.
   *
   * @param graph the graph
   * @param inputs bytes of each input that is no pool, in order
   * @return bytes of each output that is a tensor, in order
   */
  List<byte[]> run(Graph graph, List<byte[]> inputs) throws BackendException {
    Executable executable = own(device.compile(graph, CompileOptions.DEFAULT));
    Bindings bindings = executable.newBindings();
    for (int i = 0; i < executable.dims().syms().size(); i++) {
      bindings.dim(i, SLOTS);
    }
    List<Buffer> outputs = new ArrayList<>();
    int next = 0;
    for (Slot slot : executable.slots()) {
      ValueType type = slot.type();
      switch (slot.kind()) {
        case STATE -> bindings.state(slot.ordinal(), state((StateType) type));
        case WEIGHT ->
            bindings.weight(slot.ordinal(), weight(slot.name(), type, inputs.get(next++)));
        case INPUT -> {
          Buffer buffer = buffer(type);
          run(new Command.Upload(host(inputs.get(next++)), bytes(buffer)));
          bindings.tensor(slot.ordinal(), new View(buffer, 0, (TensorType) type));
        }
        case OUTPUT -> {
          Buffer buffer = buffer(type);
          outputs.add(buffer);
          bindings.tensor(slot.ordinal(), new View(buffer, 0, (TensorType) type));
        }
      }
    }
    run(new Command.Run(executable, bindings));
    List<byte[]> results = new ArrayList<>();
    for (Buffer output : outputs) {
      MemorySegment host = arena.allocate(output.size());
      run(new Command.Download(bytes(output), host));
      results.add(host.toArray(ValueLayout.JAVA_BYTE));
    }
    return results;
  }

  private State state(StateType type) throws BackendException {
    return own(device.allocateState(device.chooseStateLayout(type.spec()), SLOTS));
  }

  private Weight weight(String name, ValueType type, byte[] data) throws BackendException {
    WeightSpec spec = new WeightSpec(name, (TensorType) type, Set.of(WeightSpec.Use.LINEAR));
    return own(device.loadWeight(spec, host(data)));
  }

  private Buffer buffer(ValueType type) throws BackendException {
    return own(device.allocate(((TensorType) type).byteSize(), MemoryKind.DEVICE));
  }

  private MemorySegment host(byte[] bytes) {
    MemorySegment segment = arena.allocate(bytes.length, Long.BYTES);
    return segment.copyFrom(MemorySegment.ofArray(bytes));
  }

  private static View bytes(Buffer buffer) {
    return new View(buffer, 0, TensorType.of(DType.U8, buffer.size()));
  }

  private void run(Command command) throws BackendException {
    Points waits = last == 0 ? Points.none() : Points.of(timeline, last);
    queue.submit(waits, command, Points.of(timeline, last + 1));
    last++;
    timeline.await(last, WAIT);
  }

  @Override
  public void close() {
    try (arena) {
      while (!open.isEmpty()) {
        open.pop().close();
      }
    } catch (Exception e) {
      throw new IllegalStateException("close: " + e.getMessage(), e);
    }
  }
}
