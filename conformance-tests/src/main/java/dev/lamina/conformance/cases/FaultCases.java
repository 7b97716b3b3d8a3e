package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Recording;
import dev.lamina.spi.State;
import dev.lamina.spi.Support;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** What goes wrong on purpose: failures that spread, closes in every order and at any moment. */
final class FaultCases {
  private FaultCases() {}

  static void addTo(CaseList list) {
    add(list, Level.L0, "poison-spreads-through-30-commands", c -> poison(c, 30));
    add(list, Level.L3, "poison-spreads-through-3000-commands", c -> poison(c, 3000));
    add(list, Level.L0, "the-first-of-two-failures-stays", FaultCases::firstFailure);
    add(list, Level.L0, "close-in-40-orders", c -> closeOrders(c, 40));
    add(list, Level.L3, "close-in-1500-orders", c -> closeOrders(c, 1500));
    add(list, Level.L0, "close-amid-100-submits", c -> closeAmid(c, 100));
    add(list, Level.L3, "close-amid-3000-submits", c -> closeAmid(c, 3000));
    failedCompiles(list, Level.L0, 20);
    failedCompiles(list, Level.L3, 1000);
  }

  private static void add(CaseList list, Level level, String name, CaseList.Body body) {
    list.seeded(
        level,
        "fault",
        "-",
        "-",
        name,
        Rule.ERRORS,
        (context, seed) -> {
          body.run(context);
          return Outcome.EXACT;
        });
  }

  private static void failedCompiles(CaseList list, Level level, int rounds) {
    list.seeded(
        level,
        "fault",
        "-",
        "-",
        rounds + "-failed-compiles-leave-nothing",
        Rule.ERRORS,
        (context, seed) -> failedCompiles(context, seed, rounds));
  }

  private static Command fill(Buffer buffer, int value) {
    return new Command.Fill(Rig.bytes(buffer), value, 1);
  }

  /** Commands in a chain over three queues fail with one gate; those beside it run. */
  private static void poison(Context context, int length) throws Exception {
    try (Opened opened = Opened.of(context)) {
      Device d = opened.device;
      DeviceStats before = d.stats();
      try (Rig rig = new Rig(d);
          Timeline gate = d.newTimeline(0);
          Timeline beside = d.newTimeline(0)) {
        Buffer spoilt = rig.buffer(new byte[] {1});
        Buffer kept = rig.buffer(new byte[] {1});
        List<Queue> queues = List.of(d.newQueue(), d.newQueue(), d.newQueue());
        List<Timeline> chain = new ArrayList<>();
        Timeline last = gate;
        for (int i = 0; i < length; i++) {
          Timeline next = d.newTimeline(0);
          Queue q = queues.get(i % 3);
          q.submit(Points.of(last, 1), fill(spoilt, 2), Points.of(next, 1));
          q.submit(Points.none(), fill(kept, i), Points.none());
          chain.add(next);
          last = next;
        }
        for (int q = 0; q < 3; q++) {
          queues.get(q).submit(Points.none(), fill(kept, 9), Points.of(beside, q + 1));
          // In order, since a timeline only grows.
          if (q == 0) {
            gate.fail(new InvalidProgram("the gate is broken"));
          }
          beside.await(q + 1, Context.WAIT);
        }
        for (Timeline t : chain) {
          BackendException e =
              Check.failsWith(BackendException.class, "await", () -> t.await(1, Context.WAIT));
          Check.equal("failure", "the gate is broken", e.getMessage());
        }
        Check.equal("what no cancelled command wrote", (byte) 1, rig.download(spoilt)[0]);
        Check.equal("what the others wrote", (byte) 9, rig.download(kept)[0]);
        chain.forEach(Timeline::close);
        queues.forEach(Queue::close);
      }
      same(before, d);
    }
  }

  private static void same(DeviceStats before, Device d) {
    Check.equal("live objects", before.liveObjects(), d.stats().liveObjects());
    Check.equal("live bytes", before.liveBytes(), d.stats().liveBytes());
  }

  private static void firstFailure(Context context) throws Exception {
    try (Opened opened = Opened.of(context);
        Rig rig = new Rig(opened.device);
        Timeline first = opened.device.newTimeline(0);
        Timeline second = opened.device.newTimeline(0);
        Timeline done = opened.device.newTimeline(0);
        Timeline ended = opened.device.newTimeline(0);
        Queue other = opened.device.newQueue()) {
      Buffer b = rig.buffer(1);
      rig.queue.submit(Points.of(first, 1), fill(b, 1), Points.of(done, 1));
      other.submit(Points.of(second, 1), fill(b, 2), Points.of(done, 2).add(ended, 1));
      first.fail(new InvalidProgram("first"));
      fails("first", done, 1);
      second.fail(new InvalidProgram("second"));
      first.fail(new InvalidProgram("third"));
      done.fail(new InvalidProgram("fourth"));
      // done has failed already, so only this tells that the second command is over.
      fails("second", ended, 1);
      fails("first", done, 1);
      fails("first", done, 2);
      fails("first", first, 1);
      fails("second", second, 1);
    }
  }

  private static void fails(String expected, Timeline timeline, long value) {
    BackendException e =
        Check.failsWith(BackendException.class, "await", () -> timeline.await(value, Context.WAIT));
    Check.equal("failure", expected, e.getMessage());
  }

  /** All that a piece of deferred work uses. */
  private static final class Works {
    final List<AutoCloseable> parts = new ArrayList<>();
    final Timeline gate;
    final Timeline done;

    Works(Device d) throws Exception {
      Executable e = Opened.negate(d, 4);
      Buffer x = d.allocate(16, MemoryKind.DEVICE);
      Buffer y = d.allocate(16, MemoryKind.DEVICE);
      State pool = WeightCases.pool(d);
      AutoCloseable weight = WeightCases.weight(d);
      Queue q = d.newQueue();
      gate = d.newTimeline(0);
      done = d.newTimeline(0);
      Bindings b =
          e.newBindings().tensor(0, LifetimeCases.f32(x, 4)).tensor(1, LifetimeCases.f32(y, 4));
      Command run = new Command.Run(e, b);
      parts.addAll(List.of(e, x, y, pool, weight, q));
      if (d.info().caps().contains(Cap.CAPTURE)) {
        Recording r = q.record(List.of(run)).orElseThrow();
        parts.add(r);
        q.submit(Points.of(gate, 1), new Command.Replay(r), Points.none());
      }
      q.submit(Points.of(gate, 1), run, Points.none());
      q.submit(Points.none(), new Command.Copy(Rig.bytes(y), Rig.bytes(x)), Points.of(done, 1));
    }
  }

  /** Parts are closed in random order while work waits on them; some before, some after it ran. */
  private static void closeOrders(Context context, int rounds) throws Exception {
    try (Opened opened = Opened.of(context)) {
      Device d = opened.device;
      Random random = new Random(rounds);
      DeviceStats before = d.stats();
      for (int i = 0; i < rounds; i++) {
        Works w = new Works(d);
        Collections.shuffle(w.parts, random);
        int early = random.nextInt(w.parts.size() + 1);
        for (AutoCloseable part : w.parts.subList(0, early)) {
          part.close();
        }
        Check.failsWith(IllegalStateException.class, "close of the device", d::close);
        if (random.nextInt(4) == 0) {
          w.gate.fail(new InvalidProgram("given up"));
          w.done.await(1, Context.WAIT);
        } else {
          w.gate.signal(1);
          w.done.await(1, Context.WAIT);
        }
        for (AutoCloseable part : w.parts.subList(early, w.parts.size())) {
          part.close();
        }
        w.gate.close();
        w.done.close();
        same(before, d);
      }
    }
  }

  /** One thread submits, another closes what is submitted: refused or done, never anything else. */
  private static void closeAmid(Context context, int rounds) throws Exception {
    try (Opened opened = Opened.of(context)) {
      Device d = opened.device;
      DeviceStats before = d.stats();
      AtomicInteger taken = new AtomicInteger();
      for (int i = 0; i < rounds; i++) {
        round(d, i, taken);
      }
      same(before, d);
      Check.equal("submits taken", before.submits() + taken.get(), d.stats().submits());
    }
  }

  private static void round(Device d, int i, AtomicInteger taken) throws Exception {
    Works w = new Works(d);
    taken.addAndGet(w.parts.size() > 6 ? 3 : 2);
    Queue q = (Queue) w.parts.get(5);
    Buffer x = (Buffer) w.parts.get(1);
    Timeline own = d.newTimeline(0);
    AtomicReference<@Nullable Throwable> wrong = new AtomicReference<>();
    AtomicInteger last = new AtomicInteger();
    Thread submitter =
        Thread.ofPlatform()
            .start(() -> {
              try {
                for (int n = 1; n <= 20; n++) {
                  q.submit(Points.none(), fill(x, n), Points.of(own, n));
                  last.set(n);
                  taken.incrementAndGet();
                }
              } catch (IllegalStateException e) {
                // Closed meanwhile, as it should say.
                wrong.compareAndSet(null, sayingClosed(e));
              } catch (BackendException | RuntimeException e) {
                wrong.compareAndSet(null, e);
              }
            });
    if (i % 2 == 0) {
      w.gate.signal(1);
    }
    for (AutoCloseable part : w.parts) {
      part.close();
    }
    submitter.join();
    if (i % 2 != 0) {
      w.gate.signal(1);
    }
    w.done.await(1, Context.WAIT);
    own.await(last.get(), Context.WAIT);
    Throwable t = wrong.get();
    Check.that(t == null, "submit amid closes: expected it taken or refused, got %s", t);
    w.gate.close();
    w.done.close();
    own.close();
  }

  private static @Nullable Throwable sayingClosed(IllegalStateException e) {
    return String.valueOf(e.getMessage()).contains("closed") ? null : e;
  }

  /** A compile that a device must refuse by what it declares. */
  private record Refused(Graph graph, CompileOptions options) {}

  private static Outcome failedCompiles(Context context, long seed, int rounds) throws Exception {
    try (Opened opened = Opened.of(context)) {
      Device d = opened.device;
      List<Refused> refused = refusals(d, seed);
      if (refused.isEmpty()) {
        return Outcome.unsupported(
            "all is native and every guarantee declared: nothing is left to refuse");
      }
      DeviceStats before = d.stats();
      for (int i = 0; i < rounds; i++) {
        Refused r = refused.get(i % refused.size());
        Check.failsWith(
            Unsupported.class,
            "compile " + r.graph.name() + " with " + r.options,
            () -> d.compile(r.graph, r.options).close());
      }
      same(before, d);
      Opened.negate(d, 3).close();
      return Outcome.EXACT;
    }
  }

  private static List<Refused> refusals(Device d, long seed) {
    List<Refused> refused = new ArrayList<>();
    for (CompileOptions.Guarantee g : CompileOptions.Guarantee.values()) {
      if (!d.info().caps().contains(Cap.valueOf(g.name()))) {
        CompileOptions asks = new CompileOptions(false, false, false, Set.of(g));
        refused.add(new Refused(Opened.negate(3), asks));
      }
    }
    CompileOptions forced = new CompileOptions(false, true, false, Set.of());
    List<Graph> graphs = new ArrayList<>();
    RowOps.all().forEach(kind -> graphs.add(kind.make(seed).ops.build()));
    // Few devices have a kernel of their own for these weights.
    graphs.add(byWeightsOf(DType.F8E5M2));
    graphs.add(byWeightsOf(DType.F8E4M3));
    // Nor one for so many of the largest.
    graphs.add(largest(2000, 3000));
    for (Graph graph : graphs) {
      boolean decomposed =
          graph.nodes().stream()
              .anyMatch(n ->
                  n.op() instanceof CompositeOp
                      && d.supports(OpSpec.of(n)) instanceof Support.Decompose);
      if (decomposed) {
        refused.add(new Refused(graph, forced));
      }
    }
    return refused;
  }

  private static Graph largest(int k, int vocab) {
    Ops g = new Ops("largest");
    Value logits = g.tensor("logits", TensorType.of(DType.F32, 3, vocab));
    Value ids = g.tensor("ids", TensorType.of(DType.I32, 3));
    g.output("chosen", g.addAll(new CompositeOp.Logprobs(k), List.of(logits, ids)).getFirst());
    return g.build();
  }

  private static Graph byWeightsOf(DType dtype) {
    Ops g = new Ops("linear");
    Value x = g.tensor("x", TensorType.of(DType.F32, 3, 8));
    Value w = g.weight("w", TensorType.of(dtype, 5, 8));
    g.output("y", g.linear(x, w, null, DType.F32));
    return g.build();
  }
}
