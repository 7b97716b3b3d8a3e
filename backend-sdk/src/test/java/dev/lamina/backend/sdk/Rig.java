package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Slot;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A device on plain kernels, and short ways to fill, run and read. */
final class Rig {
  static final DeviceInfo INFO =
      new DeviceInfo(
          0,
          "plain",
          "any",
          new DeviceInfo.MemoryInfo(1L << 32, 1L << 32, true),
          new DeviceInfo.Limits(1L << 31, 64),
          EnumSet.allOf(DType.class),
          Set.of(Cap.SYNCHRONOUS, Cap.CAPTURE, Cap.HOST_MAP, Cap.RUN_TO_RUN),
          DeviceInfo.Peak.UNKNOWN);

  final PlainKernels kernels = new PlainKernels();
  final HostDevice device;
  final Queue queue;
  final Timeline timeline;
  private long next;

  Rig() throws BackendException {
    this(null);
  }

  /**
   * @param other kernels in place of the plain ones
   */
  Rig(@Nullable KernelProvider other) throws BackendException {
    device = new HostDevice(INFO, other == null ? kernels : other, () -> {});
    queue = device.newQueue();
    timeline = device.newTimeline(0);
  }

  Executable compile(Graph graph) throws BackendException {
    return device.compile(graph, CompileOptions.DEFAULT);
  }

  Executable compileDebug(Graph graph) throws BackendException {
    return device.compile(graph, new CompileOptions(false, false, true, Set.of()));
  }

  View floats(Object shape, float... values) throws BackendException {
    long[] sizes = shape instanceof long[] s ? s : new long[] {values.length};
    Buffer b = device.allocate(4L * Math.max(1, values.length), MemoryKind.DEVICE);
    MemorySegment.copy(
        MemorySegment.ofArray(values), 0, b.host().orElseThrow(), 0, 4L * values.length);
    return new View(b, 0, TensorType.of(DType.F32, sizes));
  }

  View ints(int... values) throws BackendException {
    return ints(new long[] {values.length}, values);
  }

  View ints(long[] sizes, int... values) throws BackendException {
    Buffer b = device.allocate(4L * Math.max(1, values.length), MemoryKind.DEVICE);
    MemorySegment.copy(
        MemorySegment.ofArray(values), 0, b.host().orElseThrow(), 0, 4L * values.length);
    return new View(b, 0, TensorType.of(DType.I32, sizes));
  }

  static float[] read(View v) {
    long n = v.type().byteSize() / 4;
    float[] out = new float[(int) n];
    MemorySegment.copy(
        v.buffer().host().orElseThrow(), v.offset(), MemorySegment.ofArray(out), 0, 4 * n);
    return out;
  }

  /** Binds inputs in order, then fresh outputs of constant shape; runs; returns the outputs. */
  float[][] run(Executable exe, View... inputs) throws BackendException {
    Bindings b = exe.newBindings();
    View[] outputs = new View[exe.slots().size() - inputs.length];
    for (Slot s : exe.slots()) {
      if (s.kind() == Slot.Kind.OUTPUT) {
        TensorType t = (TensorType) s.type();
        Buffer buffer = device.allocate(Math.max(4, t.byteSize()), MemoryKind.DEVICE);
        outputs[s.ordinal() - inputs.length] = new View(buffer, 0, t);
        b.tensor(s.ordinal(), outputs[s.ordinal() - inputs.length]);
      } else {
        b.tensor(s.ordinal(), inputs[s.ordinal()]);
      }
    }
    submit(exe, b);
    float[][] read = new float[outputs.length][];
    for (int i = 0; i < read.length; i++) {
      read[i] = read(outputs[i]);
    }
    return read;
  }

  void submit(Executable exe, Bindings b) throws BackendException {
    queue.submit(Points.none(), new Command.Run(exe, b), Points.of(timeline, ++next));
    timeline.await(next, Duration.ofSeconds(10));
  }
}
