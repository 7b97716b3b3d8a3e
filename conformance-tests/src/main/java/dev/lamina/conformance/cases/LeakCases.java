package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.State;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * Thousands of cycles that must leave nothing: by the device's own count, by the heap in use, and
 * by the rest of this process's memory where the system tells it.
 *
 * <p>A process grows for reasons of its own too, such as the virtual machine's compiler, but in
 * steps. So a leak is growth in every one of the last four fifths of the cycles, each by more than
 * {@link #STEP} bytes. The heap is collected before each reading. What it gives back to the system
 * counts as taken by the rest; what it reserves does not, since it may never touch it.
 */
final class LeakCases {
  private static final int PARTS = 5;

  /** Growth of a part below which nothing is concluded. */
  private static final long STEP = 2L << 20;

  private static final Path STATUS = Path.of("/proc/self/status");

  private LeakCases() {}

  /** One cycle. */
  @FunctionalInterface
  private interface Cycle {
    void run(int i) throws Exception;
  }

  static void addTo(CaseList list) {
    add(list, "10000-compiles-and-closes", (c, seed) -> compiles(c, seed, 10_000));
    add(list, "100000-submits", (c, seed) -> submits(c, 100_000));
    add(list, "20000-allocations", (c, seed) -> allocations(c, 20_000));
    add(list, "100-opens-of-the-backend", (c, seed) -> opens(c, 100));
  }

  private static void add(CaseList list, String name, CaseList.SeededBody body) {
    list.seeded(Level.L3, "leak", "-", "-", name, Rule.LIFETIME, body);
  }

  private static Outcome compiles(Context context, long seed, int cycles) throws Exception {
    try (Opened opened = Opened.of(context);
        Rig rig = new Rig(opened.device)) {
      Device d = opened.device;
      View x = new View(rig.buffer(4 * 64), 0, TensorType.of(DType.F32, 64));
      View y = new View(rig.buffer(4 * 64), 0, TensorType.of(DType.F32, 64));
      RowOps.Kind kind = RowOps.all().getFirst();
      cycle(
          context,
          "compile",
          d,
          cycles,
          i -> {
            try (Executable e = Opened.negate(d, 64)) {
              rig.run(new Command.Run(e, e.newBindings().tensor(0, x).tensor(1, y)));
            }
            if (i % 10 == 0) {
              d.compile(kind.make(seed).ops.build(), CompileOptions.DEFAULT).close();
            }
          });
    }
    return Outcome.EXACT;
  }

  private static Outcome submits(Context context, int cycles) throws Exception {
    try (Opened opened = Opened.of(context);
        Rig rig = new Rig(opened.device);
        Executable e = Opened.negate(opened.device, 64)) {
      Device d = opened.device;
      View x = new View(rig.buffer(4 * 64), 0, TensorType.of(DType.F32, 64));
      View y = new View(rig.buffer(4 * 64), 0, TensorType.of(DType.F32, 64));
      Bindings b = e.newBindings().tensor(0, x).tensor(1, y);
      Command run = new Command.Run(e, b);
      Points waits = new Points();
      Points signals = new Points();
      try (Timeline done = d.newTimeline(0)) {
        long before = d.stats().submits();
        // The first run makes the workspace, which stays.
        rig.run(run);
        cycle(
            context,
            "submit",
            d,
            cycles,
            i -> {
              waits.clear();
              if (i > 0) {
                waits.add(done, i);
              }
              rig.queue.submit(waits, run, signals.clear().add(done, i + 1));
              if (i % 1000 == 999) {
                done.await(i + 1, Context.WAIT);
              }
            });
        done.await(cycles, Context.WAIT);
        Check.equal("submits", before + cycles + 1, d.stats().submits());
      }
    }
    return Outcome.EXACT;
  }

  private static Outcome allocations(Context context, int cycles) throws Exception {
    try (Opened opened = Opened.of(context)) {
      Device d = opened.device;
      cycle(
          context,
          "allocate",
          d,
          cycles,
          i -> {
            try (Rig rig = new Rig(d);
                State pool = WeightCases.pool(d);
                Buffer buffer = d.allocate(1 + i % 100_000, MemoryKind.DEVICE)) {
              Command fill = new Command.Fill(Rig.bytes(buffer), i, 1);
              rig.queue.submit(Points.none(), fill, Points.none());
              Check.that(pool.numSlots() > 0, "slots: expected some");
            }
          });
    }
    return Outcome.EXACT;
  }

  private static Outcome opens(Context context, int cycles) throws Exception {
    Readings readings = new Readings();
    for (int part = 0; part < PARTS; part++) {
      for (int i = 0; i < cycles / PARTS; i++) {
        try (Opened opened = Opened.of(context);
            Rig rig = new Rig(opened.device)) {
          rig.download(rig.buffer(new byte[1000]));
        }
      }
      readings.take(part);
    }
    readings.judge(context, "open");
    return Outcome.EXACT;
  }

  private static void cycle(Context context, String name, Device d, int cycles, Cycle cycle)
      throws Exception {
    Readings readings = new Readings();
    DeviceStats before = d.stats();
    for (int part = 0; part < PARTS; part++) {
      int to = cycles / PARTS * (part + 1);
      for (int i = cycles / PARTS * part; i < to; i++) {
        cycle.run(i);
      }
      readings.take(part);
    }
    Check.equal("live objects", before.liveObjects(), d.stats().liveObjects());
    Check.equal("live bytes", before.liveBytes(), d.stats().liveBytes());
    readings.judge(context, name);
  }

  /** Memory after each part of the cycles. */
  private static final class Readings {
    private final long[] heap = new long[PARTS];
    private final long[] rest = new long[PARTS];
    private long lastResident;
    private long lastHeap;
    private boolean told = true;

    void take(int part) throws IOException {
      System.gc();
      Runtime machine = Runtime.getRuntime();
      heap[part] = machine.totalMemory() - machine.freeMemory();
      OptionalLong resident = resident();
      told &= resident.isPresent();
      if (part > 0) {
        rest[part] =
            rest[part - 1]
                + growth(lastResident, resident.orElse(0), lastHeap, machine.totalMemory());
      }
      lastResident = resident.orElse(0);
      lastHeap = machine.totalMemory();
    }

    void judge(Context context, String name) {
      check(context, "leak." + name + ".heap", heap);
      if (told) {
        check(context, "leak." + name + ".rest", rest);
      } else {
        String why = "not run: the system does not tell the memory of a process";
        context.measure("leak." + name + ".rest", Double.NaN, "MiB", why);
      }
    }

    private static void check(Context context, String name, long[] readings) {
      double grown = (double) readings[PARTS - 1] - readings[0];
      context.measure(name, grown / (1 << 20), "MiB", "growth over the last four fifths");
      long least = leastGrowth(readings);
      Check.that(
          least <= STEP,
          "%s: expected a part of the cycles without growth, each grew by %d bytes or more",
          name,
          least);
    }
  }

  /** The most that memory outside of the heap can have grown by between two readings, in bytes. */
  static long growth(long residentBefore, long resident, long heapBefore, long heap) {
    return resident - residentBefore + Math.max(0, heapBefore - heap);
  }

  /** Smallest step from one reading to the next. */
  static long leastGrowth(long... readings) {
    long least = Long.MAX_VALUE;
    for (int i = 1; i < readings.length; i++) {
      least = Math.min(least, readings[i] - readings[i - 1]);
    }
    return least;
  }

  /** Memory of this process; empty where the system does not tell. */
  private static OptionalLong resident() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return OptionalLong.empty();
    }
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith("VmRSS:")) {
        return OptionalLong.of(1024 * Long.parseLong(line.replaceAll("\\D", "")));
      }
    }
    return OptionalLong.empty();
  }
}
