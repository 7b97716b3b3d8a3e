package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.State;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeSet;

/**
 * Memory runs out at every allocation in turn: the call that met the limit says so, nothing of it
 * is left, the device works on.
 */
final class MemoryLimitCases {
  private static final int WIDTH = 64;

  private MemoryLimitCases() {}

  static void addTo(CaseList list) {
    list.seeded(
        Level.L0,
        "memory",
        "-",
        "-",
        "a-limit-is-kept-and-told",
        Rule.ERRORS,
        (c, seed) -> limited(c, 1 << 20, MemoryLimitCases::told));
    list.seeded(
        Level.L0,
        "memory",
        "-",
        "-",
        "runs-out-at-each-allocation",
        Rule.ERRORS,
        (c, seed) -> ladder(c));
    list.seeded(
        Level.L3,
        "memory",
        "-",
        "-",
        "runs-out-anywhere-in-a-model",
        Rule.ERRORS,
        MemoryLimitCases::model);
  }

  /** What to do with a device of limited memory. */
  @FunctionalInterface
  private interface OnDevice {
    void run(Device device) throws Exception;
  }

  /** Opens a device with a limit, if it keeps one. */
  private static Outcome limited(Context context, long limit, OnDevice body) throws Exception {
    Backend backend;
    try {
      backend = context.openBackend(limit);
    } catch (Unsupported e) {
      if (context.has(Cap.OOM_RECOVERABLE)) {
        throw new CheckFailedException(
            "open: expected a device that recovers from running out of memory to keep a limit",
            Double.NaN,
            e);
      }
      return Outcome.unsupported("the device keeps no memory limit");
    }
    Device device = backend.open(context.ordinal());
    body.run(device);
    device.close();
    backend.close();
    return Outcome.EXACT;
  }

  private static void told(Device device) throws Exception {
    long total = device.info().memory().totalBytes();
    Check.that(total <= 1 << 20, "memory: expected at most the limit of 1048576, got %d", total);
    try (Buffer most = device.allocate(1 << 19, MemoryKind.DEVICE)) {
      OutOfDeviceMemory e =
          Check.failsWith(
              OutOfDeviceMemory.class,
              "allocate",
              () -> device.allocate((1 << 19) + 1, MemoryKind.DEVICE).close());
      Check.that(e.deviceUsable(), "deviceUsable: expected true");
      Check.equal("bytes of the first buffer", (long) 1 << 19, most.size());
    }
    device.allocate((1 << 19) + 1, MemoryKind.DEVICE).close();
  }

  /** A fixed sequence of allocations, each of which can be the one too many. */
  private static final class Trial implements AutoCloseable {
    private final Device device;
    private final Deque<Runnable> owned = new ArrayDeque<>();
    private int done;

    Trial(Device device) {
      this.device = device;
    }

    /** Does as much as fits; returns the live bytes after each step. */
    List<Long> run() throws BackendException {
      List<Long> live = new ArrayList<>();
      step(live, () -> own(device.allocate(1000, MemoryKind.DEVICE)::close));
      step(live, () -> own(device.allocateState(device.chooseStateLayout(spec()), 48)::close));
      step(live, () -> own(device.allocate(70_001, MemoryKind.PINNED_HOST)::close));
      Executable e = device.compile(graph(), CompileOptions.DEFAULT);
      own(e::close);
      done++;
      live.add(device.stats().liveBytes());
      Buffer x = device.allocate(4L * WIDTH * WIDTH, MemoryKind.DEVICE);
      own(x::close);
      step(live, () -> {});
      Buffer y = device.allocate(4L * WIDTH * WIDTH, MemoryKind.DEVICE);
      own(y::close);
      step(live, () -> {});
      step(live, () -> runOnce(e, x, y));
      step(live, () -> own(device.allocate(5, MemoryKind.DEVICE)::close));
      return live;
    }

    private void step(List<Long> live, Step step) throws BackendException {
      step.take();
      done++;
      live.add(device.stats().liveBytes());
    }

    private void runOnce(Executable e, Buffer x, Buffer y) throws BackendException {
      TensorType type = TensorType.of(DType.F32, WIDTH, WIDTH);
      try (Rig rig = new Rig(device)) {
        rig.run(
            new Command.Run(
                e,
                e.newBindings().tensor(0, new View(x, 0, type)).tensor(1, new View(y, 0, type))));
      }
    }

    private void own(Runnable close) {
      owned.push(close);
    }

    @Override
    public void close() {
      owned.forEach(Runnable::run);
    }
  }

  /** One step of a trial. */
  @FunctionalInterface
  private interface Step {
    void take() throws BackendException;
  }

  private static StateSpec spec() {
    return new StateSpec(
        "kv",
        16,
        new Dim.Sym("slots.kv", 16, 1 << 20, 16),
        List.of(new StateSpec.Entry("k", 0, DType.F32, List.of(3, 5))));
  }

  /** Has a constant and needs scratch memory. */
  private static Graph graph() {
    Ops g = new Ops("scratch");
    Value x = g.tensor("x", TensorType.of(DType.F32, WIDTH, WIDTH));
    Value ids = g.iota(Shape.of(WIDTH), 0, DType.I32);
    Value y = g.matmul(x, x, true, DType.F32);
    g.output("y", g.matmul(g.gather(y, ids, 0), y, false, DType.F32));
    return g.build();
  }

  private static Outcome ladder(Context context) throws Exception {
    List<Long> live;
    try (Opened opened = Opened.of(context);
        Trial trial = new Trial(opened.device)) {
      live = trial.run();
    }
    TreeSet<Long> limits = new TreeSet<>();
    for (int k = 0; k < live.size(); k++) {
      long before = k == 0 ? 0 : live.get(k - 1);
      if (live.get(k) > before) {
        limits.add(live.get(k) - 1);
        limits.add((before + live.get(k)) / 2);
        limits.add(Math.max(1, before));
      }
    }
    limits.removeIf(limit -> limit >= live.getLast());
    Outcome outcome = Outcome.EXACT;
    for (long limit : limits) {
      outcome = limited(context, limit, device -> runsOut(device, limit, live));
    }
    return outcome;
  }

  private static void runsOut(Device device, long limit, List<Long> live) throws Exception {
    int expected = 0;
    while (live.get(expected) <= limit) {
      expected++;
    }
    try (Trial trial = new Trial(device)) {
      Check.failsWith(
          OutOfDeviceMemory.class,
          "memory for step %d of %d under a limit of %d bytes"
              .formatted(expected, live.size(), limit),
          trial::run);
      Check.that(
          trial.done <= expected,
          "limit of %d bytes: expected step %d to run out, got as far as step %d",
          limit,
          expected,
          trial.done);
      long kept = device.stats().liveBytes();
      Check.that(
          kept <= limit, "live bytes: expected at most the limit of %d, got %d", limit, kept);
    }
    afterwards(device, limit);
  }

  /** Nothing is left, and the whole of the limit can be had. */
  private static void afterwards(Device device, long limit) throws Exception {
    DeviceStats left = device.stats();
    Check.equal("live objects after running out of memory", 0L, left.liveObjects());
    Check.equal("live bytes after running out of memory", 0L, left.liveBytes());
    try (Rig rig = new Rig(device)) {
      Buffer all = rig.buffer(limit);
      rig.run(new Command.Fill(Rig.bytes(all), 7, 1));
      byte[] got = rig.download(all);
      Check.equal("last byte of a buffer as large as the limit", (byte) 7, got[got.length - 1]);
    }
  }

  private static Outcome model(Context context, long seed) throws Exception {
    TinyModel model = new TinyModel("gqa", new int[] {40, 7, 19, 1}, seed);
    long most;
    try (Opened opened = Opened.of(context)) {
      most = step(opened.device, model);
    }
    Outcome outcome = Outcome.EXACT;
    boolean[] fits = {false};
    for (int i = 1; !fits[0]; i++) {
      Check.that(i < 200, "model: expected it to fit into four times what it needs");
      long limit = Math.max(1, most * i / 50);
      outcome =
          limited(
              context,
              limit,
              device -> {
                try {
                  step(device, model);
                  fits[0] = true;
                } catch (OutOfDeviceMemory e) {
                  Check.that(e.deviceUsable(), "deviceUsable: expected true");
                }
                afterwards(device, limit);
              });
      if (outcome != Outcome.EXACT) {
        return outcome;
      }
    }
    return outcome;
  }

  /** Live bytes after a step of a model, buffers of the step not counted. */
  private static long step(Device device, TinyModel model) throws BackendException {
    try (Evaluation compiled = model.compile(device, CompileOptions.DEFAULT);
        State pool = model.newPool(compiled)) {
      model.step(compiled, pool, model.whole(), 0);
      return device.stats().liveBytes();
    }
  }
}
