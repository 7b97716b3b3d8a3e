package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Points;
import dev.lamina.spi.Recording;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.ir.Graph;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Timelines, recordings and running again. */
final class TimelineMutants {
  private TimelineMutants() {}

  static void addTo(MutantList list) {
    list.area("timeline", "timeline/*");
    timelines(list);
    list.area("recording", "capture/*");
    recordings(list);
    list.area("running again", "run/*");
    runs(list);
  }

  /** Makes a timeline around a right one. */
  private interface Timelines {
    Timeline make(Timeline right);
  }

  private static void timeline(MutantList list, String name, String bug, Timelines timelines) {
    list.device(
        name,
        bug,
        d ->
            new FaultyDevice(d) {
              @Override
              public Timeline newTimeline(long initial) throws BackendException {
                return timelines.make(right.newTimeline(initial));
              }
            });
  }

  private static void timelines(MutantList list) {
    timeline(
        list,
        "timeline-goes-back",
        "a lower value is taken without a word",
        t ->
            new FaultyTimeline(t) {
              @Override
              public void signal(long value) {
                if (value > right.value()) {
                  super.signal(value);
                }
              }
            });
    timeline(
        list,
        "timeline-await-returns",
        "await returns before the value",
        t ->
            new FaultyTimeline(t) {
              @Override
              public void await(long value, Duration timeout) throws BackendException {
                super.await(Math.min(value, right.value()), timeout);
              }
            });
    timeline(
        list,
        "timeline-last-failure",
        "the last failure is kept",
        t ->
            new FaultyTimeline(t) {
              private Optional<BackendException> last = Optional.empty();

              @Override
              public void fail(BackendException error) {
                last = Optional.of(error);
                super.fail(error);
              }

              @Override
              public Optional<BackendException> failure() {
                return last;
              }
            });
    timeline(
        list,
        "timeline-stage-early",
        "whenReached is done at once",
        t ->
            new FaultyTimeline(t) {
              @Override
              public CompletionStage<Void> whenReached(long value) {
                return right.failure().isPresent()
                    ? super.whenReached(value)
                    : CompletableFuture.completedFuture(null);
              }
            });
    timeline(
        list,
        "timeline-stage-without-failure",
        "a failure completes a stage well",
        t ->
            new FaultyTimeline(t) {
              @Override
              public CompletionStage<Void> whenReached(long value) {
                return super.whenReached(value).exceptionally(e -> null);
              }
            });
    timeline(
        list,
        "timeline-failure-undoes-reached",
        "await fails for values reached before",
        t ->
            new FaultyTimeline(t) {
              @Override
              public void await(long value, Duration timeout) throws BackendException {
                if (right.failure().isPresent()) {
                  throw right.failure().get();
                }
                super.await(value, timeout);
              }
            });
    timeline(
        list,
        "timeline-starts-at-zero",
        "value() counts from the start",
        t ->
            new FaultyTimeline(t) {
              private final long initial = right.value();

              @Override
              public long value() {
                return super.value() - initial;
              }
            });
  }

  private static void recordings(MutantList list) {
    QueueMutants.queue(
        list,
        "replay-stale-bindings",
        "replays what was bound when it was recorded",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              Command recorded(Command c) throws BackendException {
                return c instanceof Command.Run r
                        && r.executable() instanceof FaultyExecutable e
                        && r.bindings() instanceof FaultyExecutable.Bound b
                    ? new Command.Run(e.right, b.snapshot())
                    : super.recorded(c);
              }
            });
    QueueMutants.queue(
        list,
        "replay-first-only",
        "replays the first command only",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              public Optional<Recording> record(List<Command> commands) throws BackendException {
                return super.record(commands.subList(0, Math.min(1, commands.size())));
              }
            });
    QueueMutants.queue(
        list,
        "replay-reversed",
        "replays from the last to the first",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              public Optional<Recording> record(List<Command> commands) throws BackendException {
                List<Command> reversed = new ArrayList<>(commands);
                Collections.reverse(reversed);
                return super.record(reversed);
              }
            });
    QueueMutants.queue(
        list,
        "replay-once",
        "a recording runs once, and does nothing after",
        (d, q) ->
            new FaultyQueue(q) {
              private final Set<Recording> done =
                  Collections.newSetFromMap(new IdentityHashMap<>());
              private final Optional<Recording> nothing = q.record(List.of());

              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                boolean again = c instanceof Command.Replay r && !done.add(r.recording());
                super.send(waits, again ? new Command.Replay(nothing.orElseThrow()) : c, signals);
              }

              @Override
              public void close() {
                nothing.ifPresent(Recording::close);
                super.close();
              }
            });
    QueueMutants.queue(
        list,
        "recording-absent",
        "CAPTURE is declared, but nothing is recorded",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              public Optional<Recording> record(List<Command> commands) {
                return Optional.empty();
              }
            });
  }

  private static void runs(MutantList list) {
    QueueMutants.queue(
        list,
        "run-second-is-stale",
        "a second run of the same bindings does nothing",
        (d, q) ->
            new FaultyQueue(q) {
              private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
              private final Optional<Recording> nothing = q.record(List.of());

              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                boolean again = c instanceof Command.Run r && !seen.add(r.bindings());
                super.send(waits, again ? new Command.Replay(nothing.orElseThrow()) : c, signals);
              }

              @Override
              public void close() {
                nothing.ifPresent(Recording::close);
                super.close();
              }
            });
    QueueMutants.queue(
        list,
        "run-first-bindings",
        "runs on what was bound at the first run",
        (d, q) ->
            new FaultyQueue(q) {
              private final IdentityHashMap<Object, Command> first = new IdentityHashMap<>();

              @Override
              Command run(FaultyExecutable e, FaultyExecutable.Bound b) throws BackendException {
                Command known = first.get(b);
                if (known == null) {
                  known = new Command.Run(e.right, b.snapshot());
                  first.put(b, known);
                }
                return known;
              }
            });
    list.device(
        "run-one-bindings-for-all",
        "newBindings gives the same object again",
        d ->
            new FaultyDevice(d) {
              @Override
              public Executable compile(Graph graph, CompileOptions options)
                  throws BackendException {
                return new FaultyExecutable(right.compile(graph, options)) {
                  private Bindings shared = new Bound(right);
                  private final Set<Object> used = new HashSet<>();

                  @Override
                  public Bindings newBindings() {
                    shared = used.isEmpty() ? super.newBindings() : shared;
                    used.add(shared);
                    return shared;
                  }
                };
              }
            });
  }
}
