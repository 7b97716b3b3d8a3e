package dev.lamina.backend.cuda;

import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
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
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Runs small graphs on emulated kernels and counts what they launch. */
final class GraphRuns {
  private final StubDriver stub = StubDriver.open();
  private final EmulatedCudaProvider provider = new EmulatedCudaProvider();
  private int launches;

  GraphRuns() {
    stub.memory(512L << 20);
  }

  /** Kernels that the last run launched. */
  int launches() {
    return launches;
  }

  /**
   * Runs a graph once.
   *
   * @param graph of one dimension, the number of rows, and one output of F32
   * @param rows what the dimension is
   * @param inputs bytes of each, in the order of their slots
   * @return the output
   */
  float[] run(Graph graph, int rows, List<MemorySegment> inputs) throws Exception {
    try (Arena arena = Arena.ofConfined();
        Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(graph, CompileOptions.DEFAULT)) {
      Bindings b = exe.newBindings().dim(0, rows);
      List<Buffer> buffers = new ArrayList<>();
      MemorySegment out = null;
      View last = null;
      for (Slot slot : exe.slots()) {
        TensorType type = (TensorType) slot.type();
        long[] sizes = graph.dims().resolve(type.shape(), new long[] {rows});
        TensorType bound = type.isBlocked() ? type : TensorType.of(type.dtype(), sizes);
        Buffer buffer = device.allocate(bound.byteSize(), MemoryKind.DEVICE);
        buffers.add(buffer);
        last = new View(buffer, 0, bound);
        if (slot.kind() == Slot.Kind.OUTPUT) {
          out = arena.allocate(bound.byteSize(), 16);
        } else {
          MemorySegment in = inputs.get(slot.ordinal());
          queue.submit(Points.none(), new Command.Upload(in, last), Points.none());
        }
        b.tensor(slot.ordinal(), new View(buffer, 0, type));
      }
      int before = stub.calls("cuLaunchKernelEx");
      queue.submit(Points.none(), new Command.Run(exe, b), Points.of(done, 1));
      done.await(1, Duration.ofSeconds(60));
      launches = stub.calls("cuLaunchKernelEx") - before;
      queue.submit(Points.none(), new Command.Download(last, out), Points.none());
      for (Buffer buffer : buffers) {
        buffer.close();
      }
      return out.toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
