package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.Timing;
import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.Executable;
import dev.lamina.spi.PeakMeter;
import dev.lamina.spi.Points;
import dev.lamina.spi.Recording;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * How fast, beside whether right: measured, reported, never a reason to fail. Rates are set against
 * ceilings that were measured in the same minute, by a copy of the kit's own and by the backend's
 * {@link PeakMeter} if it has one.
 */
final class SpeedCases {
  private static final int K = 4096;
  private static final int N = 4096;
  private static final int ROUNDS = 7;

  /** Part of the read bandwidth that a decode projection must reach. */
  private static final double DECODE_FLOOR = 0.6;

  private static final long ROUND_NANOS = 60_000_000;
  private static final long SETTLED_NANOS = 1_000_000_000;

  private SpeedCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
      add(list, dtype.text(), "linear,rows=1", (c, seed) -> linear(c, dtype, null, 1, seed));
      add(list, dtype.text(), "linear,rows=64", (c, seed) -> linear(c, dtype, null, 64, seed));
    }
    for (QuantFormat f : QuantCases.PLAIN) {
      add(list, f.text(), "linear,rows=1", (c, seed) -> linear(c, DType.F32, f, 1, seed));
      add(list, f.text(), "linear,rows=64", (c, seed) -> linear(c, DType.F32, f, 64, seed));
    }
    add(list, "-", "launch", SpeedCases::launch);
    add(list, "-", "compile", SpeedCases::compile);
  }

  private static void add(CaseList list, String dtype, String name, CaseList.SeededBody body) {
    list.seeded(Level.L3, "speed", dtype, "-", name, Rule.CAPABILITY, body);
  }

  private static double seconds(Rig rig, Command command) throws BackendException {
    long start = System.nanoTime();
    rig.run(command);
    return (System.nanoTime() - start) / 1e9;
  }

  /** The shortest of as many runs as fit in a round. */
  private static double fastest(Rig rig, Command command) throws BackendException {
    double best = Double.MAX_VALUE;
    long end = System.nanoTime() + ROUND_NANOS;
    do {
      best = Math.min(best, seconds(rig, command));
    } while (System.nanoTime() < end);
    return best;
  }

  /**
   * Runs until it gets no faster: a backend may compile or choose its kernels while it works.
   *
   * <p>Settled after a second without a run 3 % faster than before, or after eight seconds.
   */
  private static void settle(Rig rig, Command command) throws BackendException {
    long start = System.nanoTime();
    long improved = start;
    double best = Double.MAX_VALUE;
    long now = start;
    while (now - start < SETTLED_NANOS || now - improved < SETTLED_NANOS) {
      double seconds = seconds(rig, command);
      now = System.nanoTime();
      if (seconds < 0.97 * best) {
        best = seconds;
        improved = now;
      }
      if (now - start > 8 * SETTLED_NANOS) {
        return;
      }
    }
  }

  private static Peak peak(Context context) throws BackendException {
    try (Backend backend = context.openBackend()) {
      Optional<PeakMeter> meter = backend.extension(PeakMeter.class);
      return meter.isEmpty() ? Peak.UNKNOWN : meter.get().measure(context.ordinal());
    }
  }

  /** A copy that no cache holds, and the rate at which it reads and writes. */
  private static final class CopyProbe {
    private static final long BYTES = 64L << 20;

    private final Rig rig;
    private final Command copy;

    CopyProbe(Rig rig) throws BackendException {
      this.rig = rig;
      Buffer from = rig.buffer(BYTES);
      Buffer to = rig.buffer(BYTES);
      rig.run(new Command.Fill(Rig.bytes(from), 1, 1));
      copy = new Command.Copy(Rig.bytes(from), Rig.bytes(to));
      rig.run(copy);
    }

    double bytesPerSecond() throws BackendException {
      return 2 * BYTES / fastest(rig, copy);
    }
  }

  private static Outcome linear(
      Context context, DType stored, @Nullable QuantFormat format, int rows, long seed)
      throws BackendException {
    if (!context.info().dtypes().contains(stored)) {
      return Outcome.unsupported("the device does not declare " + stored);
    }
    Peak peak = peak(context);
    TensorType type =
        format == null ? TensorType.of(stored, N, K) : TensorType.blocked(format, Shape.of(N, K));
    Ops g = new Ops("projection");
    Value x = g.tensor("x", TensorType.of(DType.F32, rows, K));
    g.output("y", g.linear(x, g.weight("w", type), null, DType.F32));
    Graph graph = g.build();
    Device device = context.device();
    try (Arena arena = Arena.ofShared();
        Rig rig = new Rig(device);
        Weight weight = weight(device, type, arena, seed);
        Executable e = device.compile(graph, CompileOptions.DEFAULT)) {
      Buffer in = rig.buffer(4L * rows * K);
      rig.run(new Command.Fill(Rig.bytes(in), Float.floatToRawIntBits(0.5f), 4));
      Bindings b = e.newBindings();
      b.tensor(0, new View(in, 0, TensorType.of(DType.F32, rows, K))).weight(1, weight);
      b.tensor(2, new View(rig.buffer(4L * rows * N), 0, TensorType.of(DType.F32, rows, N)));
      Command run = new Command.Run(e, b);
      CopyProbe probe = new CopyProbe(rig);
      double[] probes = new double[ROUNDS];
      double[] rates = new double[ROUNDS];
      settle(rig, run);
      for (int i = 0; i < ROUNDS; i++) {
        probes[i] = probe.bytesPerSecond();
        rates[i] = 1 / fastest(rig, run);
      }
      String name = "linear.rows" + rows + "." + (format == null ? stored.text() : format.text());
      long bytes = type.byteSize(new long[] {N, K}) + 4L * rows * (K + N);
      double floor = rows == 1 ? DECODE_FLOOR : 0;
      double known = peak.readBytesPerSecond();
      double[] bandwidths = Arrays.stream(rates).map(r -> r * bytes).toArray();
      context.timed(
          new Timing(
              name,
              kernels(e),
              1 / Floor.best(rates),
              bytes,
              2.0 * rows * N * K,
              Math.max(Floor.best(probes), known),
              peak.flopsPerSecond(),
              floor,
              floor == 0
                  ? Timing.FloorVerdict.NONE
                  : Floor.judge(floor, bandwidths, probes, known)));
    }
    return Outcome.EXACT;
  }

  private static String kernels(Executable e) {
    return String.join(
        "+", e.lowering().stream().map(l -> l.kernel()).distinct().limit(4).toList());
  }

  /** One random row, again and again: as fast to read as any other. */
  private static Weight weight(Device device, TensorType type, Arena arena, long seed)
      throws BackendException {
    Random random = new Random(seed);
    byte[] row = new byte[Math.toIntExact(type.byteSize(new long[] {1, K}))];
    RefTensor content =
        type.layout() instanceof Layout.Blocked b
            ? Source.blocks(b.format()).make(DType.U8, new long[] {row.length}, random)
            : Regime.NORMAL.make(type.dtype(), new long[] {K}, random);
    for (int i = 0; i < content.count(); i++) {
      Elements.write(row, i * content.dtype().bytes(), content.dtype(), content.bits(i));
    }
    MemorySegment memory = arena.allocate((long) row.length * N, 64);
    for (int n = 0; n < N; n++) {
      MemorySegment.copy(row, 0, memory, ValueLayout.JAVA_BYTE, (long) n * row.length, row.length);
    }
    return device.loadWeight(new WeightSpec("w", type, EnumSet.of(WeightSpec.Use.LINEAR)), memory);
  }

  /** What a command costs beside its work: one at a time, many at once, and replayed. */
  private static Outcome launch(Context context, long seed) throws BackendException {
    Device device = context.device();
    int many = 20;
    try (Rig rig = new Rig(device);
        Executable e = Opened.negate(device, 4)) {
      Bindings b = e.newBindings();
      b.tensor(0, LifetimeCases.f32(rig.buffer(new byte[16]), 4));
      b.tensor(1, LifetimeCases.f32(rig.buffer(16), 4));
      Command run = new Command.Run(e, b);
      for (int i = 0; i < 5000; i++) {
        rig.queue.submit(Points.none(), run, Points.none());
      }
      double alone = Double.MAX_VALUE;
      double batch = Double.MAX_VALUE;
      for (int i = 0; i < 500; i++) {
        alone = Math.min(alone, seconds(rig, run));
        long start = System.nanoTime();
        for (int n = 1; n < many; n++) {
          rig.queue.submit(Points.none(), run, Points.none());
        }
        rig.run(run);
        batch = Math.min(batch, (System.nanoTime() - start) / 1e9);
      }
      context.measure("launch.submit_and_wait", 1e6 * alone, "us");
      context.measure("launch.submit", 1e6 * batch / many, "us", "each of " + many);
      if (context.has(Cap.CAPTURE)) {
        List<Command> commands = Collections.nCopies(many, run);
        try (Recording r = rig.queue.record(commands).orElseThrow()) {
          double replay = Double.MAX_VALUE;
          for (int i = 0; i < 500; i++) {
            replay = Math.min(replay, seconds(rig, new Command.Replay(r)));
          }
          context.measure("launch.replay", 1e6 * replay / many, "us", "each of " + many);
        }
      }
    }
    return Outcome.EXACT;
  }

  /** The first compile on a device just opened, and the best of those after it. */
  private static Outcome compile(Context context, long seed) throws BackendException {
    TinyModel model = new TinyModel("gqa", new int[] {1}, seed);
    try (Opened opened = Opened.of(context)) {
      double cold = compileOnce(opened.device, model);
      double warm = Double.MAX_VALUE;
      for (int i = 0; i < 10; i++) {
        warm = Math.min(warm, compileOnce(opened.device, model));
      }
      context.measure("compile.cold", 1e3 * cold, "ms", "two layers, weights loaded");
      context.measure("compile.warm", 1e3 * warm, "ms", "two layers, weights loaded");
    }
    return Outcome.EXACT;
  }

  private static double compileOnce(Device device, TinyModel model) throws BackendException {
    long start = System.nanoTime();
    Evaluation compiled = model.compile(device, CompileOptions.DEFAULT);
    double taken = (System.nanoTime() - start) / 1e9;
    compiled.close();
    return taken;
  }
}
