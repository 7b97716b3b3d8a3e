package dev.lamina.conformance.fuzz;

import dev.lamina.conformance.fuzz.Action.Point;
import dev.lamina.conformance.fuzz.Action.Work;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The sequential model. Commands take effect in the order of submission, cancelled ones none; a
 * command waits for all commands of other queues that it could race with, so that this order is the
 * only one a right backend can show.
 */
final class Planner {
  static final int QUEUES = 3;
  static final int BUFFERS = 5;
  static final int BINDINGS = 2;
  static final int RECORDINGS = 2;
  static final int GATES = 3;
  static final int POOLS = 2;

  /** Slots of a pool. */
  static final int SLOTS = 2;

  /** Something that commands read and write: a buffer, or a pool with a word a slot. */
  private static final class Thing {
    final int id;
    final @Nullable Integer[] words;
    boolean open = true;
    final List<Submitted> writers = new ArrayList<>();
    final List<Submitted> readers = new ArrayList<>();

    Thing(int id, int words) {
      this.id = id;
      this.words = new @Nullable Integer[words];
    }
  }

  /** A command that was submitted, or a gate. */
  private static final class Submitted {
    final Point point;
    final int lane;
    final Set<String> errors = new LinkedHashSet<>();
    final List<Submitted> after = new ArrayList<>();
    boolean blocked;
    boolean held;

    Submitted(Point point, int lane) {
      this.point = point;
      this.lane = lane;
    }

    /**
     * Looks again at what it waits for, which must be up to date.
     *
     * <p>Blocked: a gate that is still shut may hold it back. Held: a right backend can't have
     * reached it; not so for what is cancelled, since one failed wait may end it while another one
     * is open.
     */
    void refresh() {
      blocked = after.stream().anyMatch(w -> w.blocked);
      held = errors.isEmpty() && after.stream().anyMatch(w -> w.held);
    }
  }

  private record Bound(Thing a, Thing b, Thing y) {}

  /** What a recording does, in order: one run, one fill, one copy. */
  private record Recorded(int id, int bindings, Thing filled, int word, Thing from, Thing to) {}

  private final List<Step> steps;
  private final Set<Integer> cancelled;
  private final List<Action> actions = new ArrayList<>();
  private final @Nullable Thing[] buffers = new @Nullable Thing[BUFFERS];
  private final @Nullable Thing[] pools = new @Nullable Thing[POOLS];
  private final @Nullable Bound[] bindings = new @Nullable Bound[BINDINGS];
  private final List<List<Submitted>> bindingUses = new ArrayList<>();
  private final @Nullable Recorded[] recordings = new @Nullable Recorded[RECORDINGS];
  private final @Nullable Submitted[] gates = new @Nullable Submitted[GATES];
  private final @Nullable Submitted[] last = new @Nullable Submitted[QUEUES];
  private final int[] lanes = new int[QUEUES];
  private final int[] strands = new int[QUEUES];
  private final long[] values = new long[QUEUES];
  private final List<Submitted> all = new ArrayList<>();
  private int numbered;

  private Planner(List<Step> steps) {
    this.steps = steps;
    this.cancelled = cancelledGates(steps);
    Arrays.fill(strands, -1);
    Arrays.setAll(lanes, q -> numbered++);
    for (int i = 0; i < BINDINGS; i++) {
      bindingUses.add(new ArrayList<>());
    }
  }

  /** The calls of a program and what must come of them. */
  static List<Action> plan(List<Step> steps) {
    Planner p = new Planner(steps);
    for (int i = 0; i < p.steps.size(); i++) {
      p.take(p.steps.get(i), i);
    }
    p.finish();
    return List.copyOf(p.actions);
  }

  /**
   * Which gates will be failed, by the number of the step that makes them: the model must know it
   * when a command is submitted, which may be long before.
   */
  private static Set<Integer> cancelledGates(List<Step> steps) {
    Set<Integer> cancelled = new HashSet<>();
    int[] shut = new int[GATES];
    Arrays.fill(shut, -1);
    for (int i = 0; i < steps.size(); i++) {
      int g = steps.get(i).a() % GATES;
      switch (steps.get(i).kind()) {
        case GATE -> shut[g] = shut[g] < 0 ? i : shut[g];
        case SIGNAL -> shut[g] = -1;
        case CANCEL -> {
          cancelled.add(shut[g]);
          shut[g] = -1;
        }
        case ALLOC,
            FREE,
            FILL,
            UPLOAD,
            COPY,
            BIND,
            ADD,
            RECORD,
            REPLAY,
            FORGET,
            AWAIT,
            CHECK,
            POOL,
            DRAIN,
            PUT,
            GET,
            RENEW -> {}
      }
    }
    return cancelled;
  }

  private void take(Step s, int index) {
    switch (s.kind()) {
      case ALLOC -> alloc(s.a() % BUFFERS);
      case FREE -> free(buffers, s.a() % BUFFERS);
      case FILL -> fill(s, true);
      case UPLOAD -> fill(s, false);
      case COPY -> copy(s);
      case BIND -> bind(s);
      case ADD -> add(s);
      case RECORD -> record(s);
      case REPLAY -> replay(s);
      case FORGET -> forget(s.a() % RECORDINGS);
      case GATE -> gate(s.a() % GATES, index);
      case SIGNAL, CANCEL -> decide(s.a() % GATES);
      case AWAIT -> await(s);
      case CHECK -> check(buffers[s.a() % BUFFERS], s.queue() % QUEUES);
      case POOL -> pool(s.a() % POOLS);
      case DRAIN -> free(pools, s.a() % POOLS);
      case PUT -> put(s);
      case GET -> get(s);
      case RENEW -> renew(s.queue() % QUEUES);
    }
  }

  /** Work of the old queue goes on, in no order with that of the new one. */
  private void renew(int queue) {
    actions.add(new Action.Renew(queue));
    lanes[queue] = numbered++;
    last[queue] = null;
    strands[queue] = -1;
  }

  private void alloc(int i) {
    if (buffers[i] == null) {
      buffers[i] = new Thing(numbered++, 1);
      actions.add(new Action.Alloc(buffers[i].id));
    }
  }

  private void pool(int i) {
    if (pools[i] == null) {
      Thing pool = new Thing(numbered++, SLOTS);
      Arrays.fill(pool.words, 0);
      pools[i] = pool;
      actions.add(new Action.NewPool(pool.id));
    }
  }

  private void free(@Nullable Thing[] things, int i) {
    Thing t = things[i];
    if (t != null) {
      t.open = false;
      things[i] = null;
      actions.add(things == pools ? new Action.FreePool(t.id) : new Action.Free(t.id));
    }
  }

  private static int word(int value) {
    return value * 0x01000193 + 0x2B;
  }

  private void fill(Step s, boolean onDevice) {
    Thing to = buffers[s.a() % BUFFERS];
    if (to != null) {
      int word = word(s.b());
      Work work = onDevice ? new Work.Fill(to.id, word) : new Work.Upload(to.id, word);
      if (submit(s, work, List.of(), List.of(to)).errors.isEmpty()) {
        to.words[0] = word;
      }
    }
  }

  private void copy(Step s) {
    Thing from = buffers[s.a() % BUFFERS];
    Thing to = buffers[s.b() % BUFFERS];
    if (from != null && to != null && from != to && from.words[0] != null) {
      Work work = new Work.Copy(from.id, to.id);
      if (submit(s, work, List.of(from), List.of(to)).errors.isEmpty()) {
        to.words[0] = from.words[0];
      }
    }
  }

  private void bind(Step s) {
    int i = s.queue() % BINDINGS;
    Thing a = buffers[s.a() % BUFFERS];
    Thing b = buffers[s.b() % BUFFERS];
    Thing y = buffers[s.c() % BUFFERS];
    if (a == null || b == null || y == null || y == a || y == b) {
      return;
    }
    if (bindingUses.get(i).stream().noneMatch(u -> u.blocked)) {
      bindingUses.get(i).forEach(u -> actions.add(new Action.Await(u.point, u.errors)));
      bindingUses.get(i).clear();
      bindings[i] = new Bound(a, b, y);
      actions.add(new Action.Bind(i, a.id, b.id, y.id));
    }
  }

  private static boolean runs(@Nullable Bound b) {
    return b != null
        && b.a.open
        && b.b.open
        && b.y.open
        && b.a.words[0] != null
        && b.b.words[0] != null;
  }

  private static void addUp(Bound b) {
    Integer x = b.a.words[0];
    Integer y = b.b.words[0];
    if (x != null && y != null) {
      b.y.words[0] = x + y;
    }
  }

  private void add(Step s) {
    int i = s.a() % BINDINGS;
    Bound b = bindings[i];
    if (b != null && runs(b)) {
      Submitted c = submit(s, new Work.Add(i), List.of(b.a, b.b), List.of(b.y));
      bindingUses.get(i).add(c);
      if (c.errors.isEmpty()) {
        addUp(b);
      }
    }
  }

  private void record(Step s) {
    int i = s.a() % RECORDINGS;
    Thing filled = buffers[s.b() % BUFFERS];
    Thing from = buffers[s.c() % BUFFERS];
    Thing to = buffers[s.extra() % BUFFERS];
    int bound = s.queue() % BINDINGS;
    if (filled == null || from == null || to == null || from == to) {
      return;
    }
    if (recordings[i] == null && runs(bindings[bound])) {
      Recorded r = new Recorded(numbered++, bound, filled, word(s.b()), from, to);
      recordings[i] = r;
      List<Work> works =
          List.of(
              new Work.Add(bound), new Work.Fill(filled.id, r.word), new Work.Copy(from.id, to.id));
      actions.add(new Action.Capture(r.id, s.queue() % QUEUES, works));
    }
  }

  private void replay(Step s) {
    Recorded r = recordings[s.a() % RECORDINGS];
    Bound b = r == null ? null : bindings[r.bindings];
    if (r == null || b == null || !runs(b)) {
      return;
    }
    boolean alive = r.filled.open && r.from.open && r.to.open;
    boolean known = r.from == r.filled || r.from == b.y || r.from.words[0] != null;
    if (alive && known) {
      List<Thing> written = List.of(b.y, r.filled, r.to);
      Submitted c = submit(s, new Work.Replay(r.id), List.of(b.a, b.b, r.from), written);
      bindingUses.get(r.bindings).add(c);
      if (c.errors.isEmpty()) {
        addUp(b);
        r.filled.words[0] = r.word;
        r.to.words[0] = r.from.words[0];
      }
    }
  }

  private void forget(int i) {
    Recorded r = recordings[i];
    if (r != null) {
      recordings[i] = null;
      actions.add(new Action.Forget(r.id));
    }
  }

  private void put(Step s) {
    Thing pool = pools[s.a() % POOLS];
    Thing from = buffers[s.b() % BUFFERS];
    int slot = s.c() % SLOTS;
    if (pool != null && from != null && from.words[0] != null) {
      Work work = new Work.Put(pool.id, slot, from.id);
      if (submit(s, work, List.of(from), List.of(pool)).errors.isEmpty()) {
        pool.words[slot] = from.words[0];
      }
    }
  }

  private void get(Step s) {
    Thing pool = pools[s.a() % POOLS];
    Thing to = buffers[s.b() % BUFFERS];
    int slot = s.c() % SLOTS;
    if (pool != null && to != null) {
      Work work = new Work.Get(pool.id, slot, to.id);
      if (submit(s, work, List.of(pool), List.of(to)).errors.isEmpty()) {
        to.words[0] = pool.words[slot];
      }
    }
  }

  private void gate(int g, int index) {
    if (gates[g] == null) {
      int timeline = newTimeline();
      Submitted gate = new Submitted(new Point(timeline, 1), -1);
      if (cancelled.contains(index)) {
        gate.errors.add(Action.Cancel.message(timeline));
      }
      gate.blocked = true;
      gate.held = true;
      gates[g] = gate;
    }
  }

  private int newTimeline() {
    actions.add(new Action.NewTimeline(numbered));
    return numbered++;
  }

  private void decide(int g) {
    Submitted gate = gates[g];
    if (gate != null) {
      int timeline = gate.point.timeline();
      actions.add(
          gate.errors.isEmpty() ? new Action.Signal(timeline) : new Action.Cancel(timeline));
      gate.blocked = false;
      gate.held = false;
      gates[g] = null;
      all.forEach(Submitted::refresh);
    }
  }

  private void await(Step s) {
    if (!all.isEmpty()) {
      Submitted c = all.get(s.a() % all.size());
      if (c.held) {
        actions.add(new Action.NotYet(c.point));
      } else if (!c.blocked) {
        actions.add(new Action.Await(c.point, c.errors));
      }
    }
  }

  private void check(@Nullable Thing t, int queue) {
    Integer word = t == null ? null : t.words[0];
    if (t != null && word != null) {
      Step plain = new Step(Step.Kind.CHECK, 0, 0, 0, queue, 0);
      Submitted c = submit(plain, new Work.Check(t.id, word), List.of(t), List.of());
      if (!c.blocked) {
        actions.add(new Action.Await(c.point, c.errors));
      }
    }
  }

  private Submitted submit(Step s, Work work, List<Thing> reads, List<Thing> writes) {
    int queue = s.queue() % QUEUES;
    Set<Submitted> waits = new LinkedHashSet<>();
    reads.forEach(t -> waits.addAll(t.writers));
    writes.forEach(t -> waits.addAll(t.writers));
    writes.forEach(t -> waits.addAll(t.readers));
    waits.removeIf(w -> w.lane == lanes[queue]);
    extra(s.extra(), waits);
    if (strands[queue] < 0) {
      strands[queue] = newTimeline();
      values[queue] = 0;
    }
    Submitted c = new Submitted(new Point(strands[queue], ++values[queue]), lanes[queue]);
    waits.forEach(w -> c.errors.addAll(w.errors));
    c.after.addAll(waits);
    Submitted before = last[queue];
    if (before != null) {
      c.after.add(before);
    }
    last[queue] = c;
    c.refresh();
    all.add(c);
    if (c.errors.isEmpty()) {
      reads.forEach(t -> t.readers.add(c));
      writes.forEach(t -> written(t, c));
    } else {
      // Its signal fails the timeline for good.
      strands[queue] = -1;
    }
    List<Point> points = waits.stream().map(w -> w.point).toList();
    actions.add(new Action.Submit(queue, work, points, c.point));
    return c;
  }

  /** What comes before this write came before all that comes after it. */
  private static void written(Thing t, Submitted c) {
    t.writers.clear();
    t.readers.clear();
    t.writers.add(c);
  }

  private void extra(int choice, Set<Submitted> waits) {
    Submitted gate = gates[choice / 4 % GATES];
    if (choice % 4 == 1 && gate != null) {
      waits.add(gate);
    } else if (choice % 4 == 2 && choice % 3 == 0 && !all.isEmpty()) {
      waits.add(all.get(choice / 4 % all.size()));
    }
  }

  private void finish() {
    for (int g = 0; g < GATES; g++) {
      decide(g);
    }
    all.forEach(c -> actions.add(new Action.Await(c.point, c.errors)));
    for (Thing t : buffers) {
      check(t, 0);
    }
  }
}
