package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Recording;
import dev.lamina.spi.TimedOut;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Order in depth: every kind of command waits, every wait counts, none is lost or overtaken. */
final class QueueOrderCases {
  private static final Duration SHORT = Duration.ofMillis(15);

  private QueueOrderCases() {}

  static void addTo(CaseList list) {
    for (Kind kind : Kind.values()) {
      String name = kind.name().toLowerCase(Locale.ROOT);
      add(list, "a-" + name + "-waits", r -> waits(r, kind));
      add(list, "a-" + name + "-signals-when-done", r -> signals(r, kind));
      add(list, "a-" + name + "-signals-two", r -> signalsTwo(r, kind));
      add(list, "a-" + name + "-is-not-overtaken", r -> notOvertaken(r, kind));
    }
    for (int last = 0; last < 3; last++) {
      int missing = last;
      add(list, "three-waits,last-is-" + missing, r -> threeWaits(r, missing));
    }
    add(list, "nine-waits", QueueOrderCases::nineWaits);
    for (int bits : new int[] {16, 32, 48}) {
      add(
          list,
          "waits-for-a-value-of-%d-bits".formatted(bits + 1),
          r -> farValue(r, (1L << bits) + 1));
    }
    add(list, "each-of-40-commands-waits-for-its-value", QueueOrderCases::staircase);
    add(list, "none-of-300-commands-is-lost", QueueOrderCases::noneLost);
    add(list, "three-queues-in-a-ring", QueueOrderCases::ring);
    add(list, "fan-out-and-in", QueueOrderCases::fan);
    add(list, "a-third-submit-waits-too", QueueOrderCases::third);
    add(list, "one-failure-of-two-waits-poisons", QueueOrderCases::oneOfTwo);
  }

  private static void add(CaseList list, String name, Opened.OnRig body) {
    list.lifecycle("queue", name, Rule.ORDER, Opened.rig(body));
  }

  /** Kinds of commands; each makes byte 3 of a buffer what a {@link Trial} holds. */
  private enum Kind {
    FILL,
    COPY,
    UPLOAD,
    DOWNLOAD,
    RUN,
    REPLAY
  }

  /** A command and the byte that it changes from 0 to 0xBF. */
  private static final class Trial implements AutoCloseable {
    final Command command;
    private final Rig rig;
    private final Buffer target;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment host = arena.allocate(4);
    private final Executable negate;
    private final List<Recording> recordings = new ArrayList<>();
    private final boolean downloads;

    Trial(Rig rig, Kind kind) throws BackendException {
      this.rig = rig;
      target = rig.buffer(new byte[4]);
      negate = Opened.negate(rig.device, 1);
      Buffer one = rig.buffer(new byte[] {0, 0, 0, 0x3F});
      Buffer minusOne = rig.buffer(new byte[] {0, 0, 0, (byte) 0xBF});
      Bindings b = negate.newBindings();
      b.tensor(0, LifetimeCases.f32(one, 1)).tensor(1, LifetimeCases.f32(target, 1));
      Command run = new Command.Run(negate, b);
      downloads = kind == Kind.DOWNLOAD;
      if (kind == Kind.UPLOAD) {
        host.set(ValueLayout.JAVA_BYTE, 3, (byte) 0xBF);
      }
      command =
          switch (kind) {
            case FILL -> new Command.Fill(new View(target, 3, TensorType.of(DType.U8, 1)), 0xBF, 1);
            case COPY -> new Command.Copy(Rig.bytes(minusOne), Rig.bytes(target));
            case UPLOAD -> new Command.Upload(host, Rig.bytes(target));
            case DOWNLOAD -> new Command.Download(Rig.bytes(minusOne), host);
            case RUN -> run;
            case REPLAY -> replay(run);
          };
    }

    /** Where nothing is captured, the command itself stands for its replay. */
    private Command replay(Command run) throws BackendException {
      if (!rig.device.info().caps().contains(Cap.CAPTURE)) {
        return run;
      }
      recordings.add(rig.queue.record(List.of(run)).orElseThrow());
      return new Command.Replay(recordings.getFirst());
    }

    byte value() throws BackendException {
      if (downloads) {
        return host.get(ValueLayout.JAVA_BYTE, 3);
      }
      try (Rig own = new Rig(rig.device)) {
        return own.download(target)[3];
      }
    }

    @Override
    public void close() {
      recordings.forEach(Recording::close);
      negate.close();
      arena.close();
    }
  }

  private static void waits(Rig r, Kind kind) throws BackendException {
    try (Trial trial = new Trial(r, kind);
        Queue queue = r.device.newQueue();
        Timeline gate = r.device.newTimeline(4);
        Timeline done = r.device.newTimeline(0)) {
      queue.submit(Points.of(gate, 6), trial.command, Points.of(done, 1));
      stays("signal before the gate", done);
      gate.signal(5);
      stays("signal at a value below", done);
      Check.equal("content at a value below", (byte) 0, trial.value());
      gate.signal(6);
      done.await(1, Context.WAIT);
      Check.equal("content after the gate", (byte) 0xBF, trial.value());
    }
  }

  private static void signals(Rig r, Kind kind) throws BackendException {
    try (Trial trial = new Trial(r, kind);
        Queue queue = r.device.newQueue();
        Timeline done = r.device.newTimeline(0)) {
      queue.submit(Points.none(), trial.command, Points.of(done, 1));
      done.await(1, Context.WAIT);
      Check.equal("content when it is signalled", (byte) 0xBF, trial.value());
    }
  }

  private static void signalsTwo(Rig r, Kind kind) throws BackendException {
    try (Trial trial = new Trial(r, kind);
        Queue queue = r.device.newQueue();
        Timeline done = r.device.newTimeline(0);
        Timeline other = r.device.newTimeline(0)) {
      queue.submit(Points.none(), trial.command, Points.of(done, 1).add(other, 7));
      other.await(7, Context.WAIT);
      done.await(1, Context.WAIT);
      Check.equal("content when both are signalled", (byte) 0xBF, trial.value());
    }
  }

  /** A command behind a deferred one waits with it, though it waits for nothing itself. */
  private static void notOvertaken(Rig r, Kind kind) throws BackendException {
    try (Trial trial = new Trial(r, kind);
        Queue queue = r.device.newQueue();
        Timeline gate = r.device.newTimeline(0);
        Timeline done = r.device.newTimeline(0)) {
      Command first = new Command.Fill(Rig.bytes(r.buffer(4)), 1, 1);
      queue.submit(Points.of(gate, 1), first, Points.none());
      queue.submit(Points.none(), trial.command, Points.of(done, 1));
      stays("signal of the command behind", done);
      Check.equal("content before the gate", (byte) 0, trial.value());
      gate.signal(1);
      done.await(1, Context.WAIT);
      Check.equal("content after the gate", (byte) 0xBF, trial.value());
    }
  }

  /** Gives work that should not begin the time to do so. */
  private static void stays(String what, Timeline done) {
    Check.failsWith(TimedOut.class, what, () -> done.await(done.value() + 1, SHORT));
  }

  private static Command fill(Buffer buffer, int value) {
    return new Command.Fill(Rig.bytes(buffer), value, 1);
  }

  private static byte first(Rig r, Buffer b) throws BackendException {
    try (Rig own = new Rig(r.device)) {
      return own.download(b)[0];
    }
  }

  private static void threeWaits(Rig r, int missing) throws BackendException {
    Buffer a = r.buffer(new byte[] {1});
    List<Timeline> gates = new ArrayList<>();
    try (Queue queue = r.device.newQueue();
        Timeline done = r.device.newTimeline(0)) {
      Points waits = new Points();
      for (int i = 0; i < 3; i++) {
        gates.add(r.device.newTimeline(0));
        waits.add(gates.get(i), 1);
      }
      queue.submit(waits, fill(a, 2), Points.of(done, 1));
      for (int i = 0; i < 3; i++) {
        if (i != missing) {
          gates.get(i).signal(1);
        }
      }
      stays("signal with two waits of three reached", done);
      Check.equal("content with two waits of three reached", (byte) 1, first(r, a));
      gates.get(missing).signal(1);
      done.await(1, Context.WAIT);
      Check.equal("content with all waits reached", (byte) 2, first(r, a));
    } finally {
      gates.forEach(Timeline::close);
    }
  }

  /** The gates open one by one; the command runs behind the last. */
  private static void nineWaits(Rig r) throws BackendException {
    Buffer a = r.buffer(new byte[] {1});
    List<Timeline> gates = new ArrayList<>();
    try (Queue queue = r.device.newQueue();
        Timeline done = r.device.newTimeline(0)) {
      Points waits = new Points();
      for (int i = 0; i < 9; i++) {
        gates.add(r.device.newTimeline(0));
        waits.add(gates.get(i), 1);
      }
      queue.submit(waits, fill(a, 2), Points.of(done, 1));
      for (int i = 0; i < 8; i++) {
        gates.get(i).signal(1);
      }
      stays("signal with eight waits of nine reached", done);
      Check.equal("content with eight waits of nine reached", (byte) 1, first(r, a));
      gates.get(8).signal(1);
      done.await(1, Context.WAIT);
      Check.equal("content with all waits reached", (byte) 2, first(r, a));
    } finally {
      gates.forEach(Timeline::close);
    }
  }

  /** A value whose low words are below what was reached before. */
  private static void farValue(Rig r, long value) throws BackendException {
    Buffer a = r.buffer(new byte[] {1});
    try (Queue queue = r.device.newQueue();
        Timeline gate = r.device.newTimeline(0);
        Timeline done = r.device.newTimeline(0)) {
      gate.signal(2);
      queue.submit(Points.of(gate, value), fill(a, 2), Points.of(done, 1));
      stays("signal before " + value, done);
      Check.equal("content before " + value, (byte) 1, first(r, a));
      gate.signal(value);
      done.await(1, Context.WAIT);
      Check.equal("content at " + value, (byte) 2, first(r, a));
    }
  }

  /** Command i waits for value i; each step lets exactly one run. */
  private static void staircase(Rig r) throws BackendException {
    Buffer a = r.buffer(new byte[] {0});
    try (Queue queue = r.device.newQueue();
        Timeline gate = r.device.newTimeline(0);
        Timeline done = r.device.newTimeline(0)) {
      for (int i = 1; i <= 40; i++) {
        queue.submit(Points.of(gate, i), fill(a, i), Points.of(done, i));
      }
      for (int i = 1; i <= 40; i++) {
        gate.signal(i);
        done.await(i, Context.WAIT);
        Check.equal("content at step " + i, (byte) i, first(r, a));
        Check.equal("signal at step " + i, (long) i, done.value());
      }
    }
  }

  private static void noneLost(Rig r) throws BackendException {
    Buffer a = r.buffer(new byte[300]);
    try (Timeline gate = r.device.newTimeline(0);
        Timeline done = r.device.newTimeline(0)) {
      for (int i = 0; i < 300; i++) {
        View one = new View(a, i, TensorType.of(DType.U8, 1));
        Points waits = i == 150 ? Points.of(gate, 1) : Points.none();
        r.queue.submit(waits, new Command.Fill(one, 1 + i % 100, 1), Points.of(done, i + 1));
      }
      gate.signal(1);
      done.await(300, Context.WAIT);
    }
    try (Rig own = new Rig(r.device)) {
      byte[] got = own.download(a);
      for (int i = 0; i < 300; i++) {
        Check.equal("byte of command " + i, (byte) (1 + i % 100), got[i]);
      }
    }
  }

  /** Three queues pass a byte around; each adds its own place by copying on. */
  private static void ring(Rig r) throws BackendException {
    Buffer[] at = {r.buffer(new byte[1]), r.buffer(new byte[1]), r.buffer(new byte[1])};
    try (Queue second = r.device.newQueue();
        Queue third = r.device.newQueue();
        Timeline turn = r.device.newTimeline(0);
        Timeline gate = r.device.newTimeline(0)) {
      Queue[] queues = {r.queue, second, third};
      for (int i = 1; i <= 60; i++) {
        Points waits = i == 1 ? Points.of(gate, 1) : Points.of(turn, i - 1);
        Command c =
            i % 3 == 1
                ? fill(at[0], i)
                : new Command.Copy(Rig.bytes(at[(i + 1) % 3]), Rig.bytes(at[(i + 2) % 3]));
        queues[i % 3].submit(waits, c, Points.of(turn, i));
      }
      stays("turn before the gate", turn);
      gate.signal(1);
      turn.await(60, Context.WAIT);
      for (Buffer b : at) {
        Check.equal("byte that went around", (byte) 58, first(r, b));
      }
    }
  }

  /** One command lets four queues go, and one waits for all four. */
  private static void fan(Rig r) throws BackendException {
    Buffer source = r.buffer(new byte[] {1});
    Buffer all = r.buffer(new byte[4]);
    Buffer copy = r.buffer(new byte[4]);
    List<Queue> queues = new ArrayList<>();
    try (Timeline gate = r.device.newTimeline(0);
        Timeline begun = r.device.newTimeline(0);
        Timeline done = r.device.newTimeline(0)) {
      Points ends = new Points();
      List<Timeline> each = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        queues.add(r.device.newQueue());
        each.add(r.device.newTimeline(0));
        ends.add(each.get(i), 1);
      }
      Command gather = new Command.Copy(Rig.bytes(all), Rig.bytes(copy));
      r.queue.submit(Points.of(gate, 1), fill(source, 7), Points.of(begun, 1));
      r.queue.submit(ends, gather, Points.of(done, 1));
      for (int i = 3; i >= 0; i--) {
        View part = new View(all, i, TensorType.of(DType.U8, 1));
        Command take = new Command.Copy(Rig.bytes(source), part);
        queues.get(i).submit(Points.of(begun, 1), take, Points.of(each.get(i), 1));
      }
      gate.signal(1);
      done.await(1, Context.WAIT);
      try (Rig own = new Rig(r.device)) {
        for (byte b : own.download(copy)) {
          Check.equal("byte that one queue copied", (byte) 7, b);
        }
      }
      each.forEach(Timeline::close);
    } finally {
      queues.forEach(Queue::close);
    }
  }

  /** Two queues, and submits that wait one after the other on both. */
  private static void third(Rig r) throws BackendException {
    try (Queue second = r.device.newQueue();
        Timeline gate = r.device.newTimeline(0);
        Timeline done = r.device.newTimeline(0)) {
      Buffer[] target = new Buffer[6];
      for (int i = 0; i < target.length; i++) {
        target[i] = r.buffer(new byte[] {1});
      }
      for (int i = 0; i < target.length; i++) {
        Queue queue = i % 2 == 0 ? r.queue : second;
        Points waits = Points.of(gate, 1).add(done, i);
        queue.submit(waits, fill(target[i], 2 + i), Points.of(done, i + 1));
      }
      stays("signal before the gate", done);
      for (int i = 0; i < target.length; i++) {
        Check.equal("content of submit " + i + " before the gate", (byte) 1, first(r, target[i]));
      }
      gate.signal(1);
      done.await(target.length, Context.WAIT);
      for (int i = 0; i < target.length; i++) {
        Check.equal("content of submit " + i, (byte) (2 + i), first(r, target[i]));
      }
    }
  }

  private static void oneOfTwo(Rig r) throws BackendException {
    Buffer a = r.buffer(new byte[] {1});
    try (Timeline good = r.device.newTimeline(1);
        Timeline bad = r.device.newTimeline(0);
        Timeline done = r.device.newTimeline(0)) {
      bad.fail(new InvalidProgram("poison"));
      r.queue.submit(Points.of(good, 1).add(bad, 1), fill(a, 2), Points.of(done, 1));
      BackendException e =
          Check.failsWith(BackendException.class, "await", () -> done.await(1, Context.WAIT));
      Check.equal("failure", "poison", e.getMessage());
      Check.equal("content, which nobody wrote", (byte) 1, first(r, a));
    }
  }
}
