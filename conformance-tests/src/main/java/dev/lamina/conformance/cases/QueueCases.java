package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Queues: order within and across, deferral, one submitter, errors that poison. */
final class QueueCases {
  /** Times that two submitters begin at once before they count as let in side by side. */
  private static final int MEETINGS = 40;

  private QueueCases() {}

  static void addTo(CaseList list) {
    order(list);
    deferral(list);
    errors(list);
    list.lifecycle(
        "queue",
        "-",
        "one-submitter-at-a-time",
        Rule.ORDER,
        context -> {
          if (!context.has(Cap.SYNCHRONOUS)) {
            return Outcome.unsupported(
                "submit returns at once, so no second submitter can be made to meet the first");
          }
          oneSubmitter(context);
          return Outcome.EXACT;
        });
  }

  private static Command fill(Buffer buffer, int value) {
    return new Command.Fill(Rig.bytes(buffer), value, 1);
  }

  private static Command copy(Buffer from, Buffer to) {
    return new Command.Copy(Rig.bytes(from), Rig.bytes(to));
  }

  private static void order(CaseList list) {
    list.lifecycle(
        "queue",
        "runs-in-order-of-submission",
        Rule.ORDER,
        Opened.rig(r -> {
          Buffer a = r.buffer(1);
          Buffer b = r.buffer(1);
          for (int i = 1; i <= 100; i++) {
            r.queue.submit(Points.none(), fill(a, i), Points.none());
            r.queue.submit(Points.none(), copy(a, b), Points.none());
          }
          Check.equal("last value", (byte) 100, r.download(b)[0]);
        }));
    list.lifecycle(
        "queue",
        "signals-what-it-was-told",
        Rule.ORDER,
        Opened.rig(r -> {
          try (Timeline other = r.device.newTimeline(0)) {
            Points both = Points.of(r.timeline, 3).add(other, 7);
            r.queue.submit(Points.none(), fill(r.buffer(1), 1), both);
            r.timeline.await(3, Context.WAIT);
            other.await(7, Context.WAIT);
            Check.equal("value", 7L, other.value());
          }
        }));
    list.lifecycle(
        "queue",
        "waits-for-another-queue",
        Rule.ORDER,
        Opened.rig(r -> {
          Buffer a = r.buffer(1);
          Buffer b = r.buffer(1);
          try (Queue second = r.device.newQueue();
              Timeline gate = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            second.submit(Points.of(r.timeline, 1), copy(a, b), Points.of(done, 1));
            r.queue.submit(Points.of(gate, 1), fill(a, 42), Points.of(r.timeline, 1));
            Check.equal("value before the gate", 0L, done.value());
            gate.signal(1);
            done.await(1, Context.WAIT);
            Points reached = Points.none();
            r.queue.submit(reached, fill(a, 0), Points.of(r.timeline, 2));
            r.timeline.await(2, Context.WAIT);
            Check.equal("copied value", (byte) 42, Downloads.first(r, b));
          }
        }));
    list.lifecycle(
        "queue", "ping-pong-of-two-queues", Rule.ORDER, Opened.rig(QueueCases::pingPong));
    list.lifecycle(
        "queue",
        "counts-submits",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          long before = r.device.stats().submits();
          for (int i = 0; i < 10; i++) {
            r.run(fill(r.buffer(1), i));
          }
          Check.equal("submits", before + 10, r.device.stats().submits());
        }));
  }

  private static void pingPong(Rig r) throws BackendException {
    Buffer a = r.buffer(1);
    Buffer b = r.buffer(1);
    try (Queue second = r.device.newQueue();
        Timeline ping = r.device.newTimeline(0);
        Timeline pong = r.device.newTimeline(0)) {
      for (int i = 1; i <= 50; i++) {
        Points afterPong = i == 1 ? Points.none() : Points.of(pong, i - 1);
        r.queue.submit(afterPong, fill(a, i), Points.of(ping, i));
        second.submit(Points.of(ping, i), copy(a, b), Points.of(pong, i));
      }
      pong.await(50, Context.WAIT);
      Check.equal("last value", (byte) 50, Downloads.first(r, b));
    }
  }

  /** Reads past the rig's own timeline, which some cases signal themselves. */
  private static final class Downloads {
    static byte first(Rig r, Buffer b) throws BackendException {
      try (Rig own = new Rig(r.device)) {
        return own.download(b)[0];
      }
    }
  }

  private static void deferral(CaseList list) {
    list.lifecycle(
        "queue",
        "submit-does-not-wait",
        Rule.ORDER,
        Opened.rig(r -> {
          Buffer a = r.buffer(new byte[] {1});
          try (Timeline gate = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            r.queue.submit(Points.of(gate, 1), fill(a, 2), Points.of(done, 1));
            Check.equal("value before the gate", 0L, done.value());
            Check.equal("content before the gate", (byte) 1, Downloads.first(r, a));
            gate.signal(1);
            done.await(1, Context.WAIT);
            Check.equal("content after the gate", (byte) 2, Downloads.first(r, a));
          }
        }));
    list.lifecycle(
        "queue",
        "a-deferred-command-holds-back-later-ones",
        Rule.ORDER,
        Opened.rig(r -> {
          Buffer a = r.buffer(new byte[] {1});
          try (Timeline gate = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            r.queue.submit(Points.of(gate, 1), fill(a, 2), Points.none());
            r.queue.submit(Points.none(), fill(a, 3), Points.of(done, 1));
            Check.equal("content before the gate", (byte) 1, Downloads.first(r, a));
            gate.signal(1);
            done.await(1, Context.WAIT);
            Check.equal("content after the gate", (byte) 3, Downloads.first(r, a));
          }
        }));
    list.lifecycle(
        "queue",
        "synchronous-as-declared",
        Rule.CAPABILITY,
        Opened.rig(r -> {
          r.queue.submit(Points.none(), fill(r.buffer(1), 1), Points.of(r.timeline, 1));
          if (r.device.info().caps().contains(Cap.SYNCHRONOUS)) {
            Check.equal("value when submit has returned", 1L, r.timeline.value());
          }
          r.timeline.await(1, Context.WAIT);
        }));
    list.lifecycle(
        "queue",
        "-",
        "taken-at-submit-as-declared",
        Rule.CAPABILITY,
        context -> {
          if (!context.has(Cap.TAKEN_AT_SUBMIT)) {
            return Outcome.unsupported("the device does not declare TAKEN_AT_SUBMIT");
          }
          Opened.rig(QueueCases::takenAtSubmit).run(context);
          return Outcome.EXACT;
        });
    list.lifecycle(
        "queue",
        "1000-commands-behind-a-gate",
        Rule.ORDER,
        Opened.rig(r -> {
          Buffer a = r.buffer(1);
          try (Timeline gate = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            for (int i = 1; i <= 1000; i++) {
              Points waits = i == 1 ? Points.of(gate, 1) : Points.none();
              r.queue.submit(waits, fill(a, i), Points.of(done, i));
            }
            gate.signal(1);
            done.await(1000, Context.WAIT);
            Check.equal("last value", (byte) 1000, Downloads.first(r, a));
          }
        }));
  }

  private static void errors(CaseList list) {
    list.lifecycle(
        "queue",
        "a-poisoned-wait-poisons-the-signal",
        Rule.ERRORS,
        Opened.rig(r -> {
          Buffer a = r.buffer(new byte[] {1});
          try (Timeline bad = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            bad.fail(new InvalidProgram("poison"));
            r.queue.submit(Points.of(bad, 1), fill(a, 2), Points.of(done, 1));
            BackendException e =
                Check.failsWith(BackendException.class, "await", () -> done.await(1, Context.WAIT));
            Check.equal("failure", "poison", e.getMessage());
            Check.equal("content, which nobody wrote", (byte) 1, Downloads.first(r, a));
          }
        }));
    list.lifecycle(
        "queue",
        "poison-that-comes-later-spreads",
        Rule.ERRORS,
        Opened.rig(r -> {
          Buffer a = r.buffer(new byte[] {1});
          try (Queue second = r.device.newQueue();
              Timeline bad = r.device.newTimeline(0);
              Timeline middle = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            r.queue.submit(Points.of(bad, 1), fill(a, 2), Points.of(middle, 1));
            second.submit(Points.of(middle, 1), fill(a, 3), Points.of(done, 1));
            bad.fail(new InvalidProgram("poison"));
            BackendException e =
                Check.failsWith(BackendException.class, "await", () -> done.await(1, Context.WAIT));
            Check.equal("failure at the end of the chain", "poison", e.getMessage());
          }
        }));
    list.lifecycle(
        "queue",
        "works-on-after-a-poisoned-command",
        Rule.ERRORS,
        Opened.rig(r -> {
          Buffer a = r.buffer(new byte[] {1});
          try (Timeline bad = r.device.newTimeline(0);
              Timeline done = r.device.newTimeline(0)) {
            bad.fail(new InvalidProgram("poison"));
            r.queue.submit(Points.of(bad, 1), fill(a, 2), Points.none());
            r.queue.submit(Points.none(), fill(a, 3), Points.of(done, 1));
            done.await(1, Context.WAIT);
            Check.equal("content", (byte) 3, Downloads.first(r, a));
          }
        }));
    list.lifecycle(
        "queue",
        "a-wait-reached-before-the-poison-holds",
        Rule.ERRORS,
        Opened.rig(r -> {
          try (Timeline bad = r.device.newTimeline(4)) {
            bad.fail(new InvalidProgram("poison"));
            r.queue.submit(Points.of(bad, 4), fill(r.buffer(1), 2), Points.of(r.timeline, 1));
            r.timeline.await(1, Context.WAIT);
          }
        }));
  }

  /** Uploads from memory that is written again as soon as each is submitted. */
  private static void takenAtSubmit(Rig r) throws BackendException {
    int commands = 40;
    long bytes = 100_000;
    try (Arena arena = Arena.ofConfined();
        Timeline done = r.device.newTimeline(0)) {
      MemorySegment host = arena.allocate(bytes);
      List<Buffer> buffers = new ArrayList<>();
      for (int i = 1; i <= commands; i++) {
        Buffer to = r.buffer(new byte[(int) bytes]);
        buffers.add(to);
        host.fill((byte) i);
        View all = new View(to, 0, TensorType.of(DType.U8, bytes));
        Points waits = i == 1 ? Points.none() : Points.of(done, i - 1);
        r.queue.submit(waits, new Command.Upload(host, all), Points.of(done, i));
      }
      host.fill((byte) -1);
      done.await(commands, Context.WAIT);
      for (int i = 1; i <= commands; i++) {
        byte[] wanted = new byte[(int) bytes];
        Arrays.fill(wanted, (byte) i);
        int differs = Arrays.mismatch(wanted, contents(r, buffers.get(i - 1)));
        Check.equal("first wrong byte of upload " + i, -1, differs);
      }
    }
  }

  private static byte[] contents(Rig r, Buffer b) throws BackendException {
    try (Rig own = new Rig(r.device)) {
      return own.download(b);
    }
  }

  /** While one thread is inside submit, another must be refused; either may be the one inside. */
  private static void oneSubmitter(Context context) throws Exception {
    try (Opened opened = Opened.of(context);
        Rig r = new Rig(opened.device)) {
      Buffer big = r.buffer(4 << 20);
      AtomicBoolean over = new AtomicBoolean();
      AtomicInteger refused = new AtomicInteger();
      // Both begin a long submit at the same moment, again and again: on a busy machine one may be
      // through before the other runs at all.
      Phaser start = new Phaser(2);
      Device device = opened.device;
      try (Queue queue = device.newQueue()) {
        Thread rival =
            Thread.ofPlatform().start(() -> submitUntil(queue, big, start, over, refused));
        for (int i = 0; i < MEETINGS && refused.get() == 0; i++) {
          start.arriveAndAwaitAdvance();
          submit(queue, big, refused);
        }
        over.set(true);
        start.arriveAndDeregister();
        rival.join();
      }
      Check.that(
          refused.get() > 0, "submit: expected a second submitter to be refused, none ever was");
    }
  }

  private static void submitUntil(
      Queue queue, Buffer big, Phaser start, AtomicBoolean over, AtomicInteger refused) {
    try {
      start.arriveAndAwaitAdvance();
      while (!over.get()) {
        submit(queue, big, refused);
        start.arriveAndAwaitAdvance();
      }
    } finally {
      start.arriveAndDeregister();
    }
  }

  private static void submit(Queue queue, Buffer big, AtomicInteger refused) {
    try {
      queue.submit(Points.none(), fill(big, 1), Points.none());
    } catch (IllegalStateException e) {
      refused.incrementAndGet();
    } catch (BackendException e) {
      throw new AssertionError(e);
    }
  }
}
