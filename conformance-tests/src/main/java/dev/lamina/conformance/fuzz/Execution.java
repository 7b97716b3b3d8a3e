package dev.lamina.conformance.fuzz;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.fuzz.Action.Point;
import dev.lamina.conformance.fuzz.Action.Work;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Recording;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** Makes the calls of a plan on a device and compares what comes of them. */
final class Execution implements AutoCloseable {
  /** Elements of a buffer. */
  static final int WORDS = 16;

  private record Download(Action.Submit submit, int word, MemorySegment host) {}

  private final Device device;
  private final Programs programs;
  private final Duration patience;
  private final Arena arena = Arena.ofShared();
  private final Map<Integer, Buffer> buffers = new HashMap<>();
  private final Map<Integer, State> pools = new HashMap<>();
  private final Map<Integer, Timeline> timelines = new HashMap<>();
  private final Map<Integer, Recording> recordings = new HashMap<>();
  private final Queue[] queues = new Queue[Planner.QUEUES];
  private final Bindings[] bindings = new Bindings[Planner.BINDINGS];
  private final List<Download> downloads = new ArrayList<>();

  Execution(Device device, Programs programs, Duration patience) throws BackendException {
    this.device = device;
    this.programs = programs;
    this.patience = patience;
    for (int q = 0; q < queues.length; q++) {
      queues[q] = device.newQueue();
    }
    for (int i = 0; i < bindings.length; i++) {
      bindings[i] = programs.add().newBindings();
    }
  }

  /**
   * Makes the calls.
   *
   * @throws CheckFailedException if the device is wrong
   */
  void run(List<Action> actions) throws BackendException {
    for (Action a : actions) {
      try {
        run(a);
      } catch (RuntimeException | BackendException e) {
        if (e instanceof CheckFailedException c) {
          throw c;
        }
        throw new CheckFailedException(a + ": expected it to be taken, got " + e, Double.NaN, e);
      }
    }
    downloads.forEach(Execution::compare);
  }

  private void run(Action action) throws BackendException {
    switch (action) {
      case Action.Alloc a ->
          buffers.put(a.buffer(), device.allocate(4L * WORDS, MemoryKind.DEVICE));
      case Action.Free a -> of(buffers, a.buffer()).close();
      case Action.NewPool a -> {
        StateLayout layout = device.chooseStateLayout(Programs.POOL);
        pools.put(a.pool(), device.allocateState(layout, Planner.SLOTS));
      }
      case Action.FreePool a -> of(pools, a.pool()).close();
      case Action.NewTimeline a -> timelines.put(a.timeline(), device.newTimeline(0));
      case Action.Renew a -> {
        queues[a.queue()].close();
        queues[a.queue()] = device.newQueue();
      }
      case Action.Bind a ->
          bindings[a.bindings()]
              .tensor(0, words(a.a()))
              .tensor(1, words(a.b()))
              .tensor(2, words(a.y()));
      case Action.Capture a -> {
        List<Command> commands = new ArrayList<>();
        for (Work w : a.works()) {
          commands.add(command(w));
        }
        recordings.put(a.recording(), queues[a.queue()].record(commands).orElseThrow());
      }
      case Action.Forget a -> of(recordings, a.recording()).close();
      case Action.Submit a -> submit(a);
      case Action.Signal a -> of(timelines, a.timeline()).signal(1);
      case Action.Cancel a ->
          of(timelines, a.timeline()).fail(new InvalidProgram(Action.Cancel.message(a.timeline())));
      case Action.Await a -> await(a.point(), a.errors());
      case Action.NotYet a -> {
        long value = of(timelines, a.point().timeline()).value();
        if (value >= a.point().value()) {
          throw new CheckFailedException(
              "%s: expected it held back by a shut gate, got value %d".formatted(a.point(), value));
        }
      }
    }
  }

  private static <T> T of(Map<Integer, T> things, int number) {
    return Objects.requireNonNull(things.get(number));
  }

  private void submit(Action.Submit a) throws BackendException {
    Points waits = Points.none();
    for (Point p : a.waits()) {
      waits.add(of(timelines, p.timeline()), p.value());
    }
    Points signals = Points.of(of(timelines, a.signal().timeline()), a.signal().value());
    Command command = command(a.work());
    if (a.work() instanceof Work.Check c && command instanceof Command.Download d) {
      downloads.add(new Download(a, c.word(), d.dst()));
    }
    queues[a.queue()].submit(waits, command, signals);
  }

  private Command command(Work work) throws BackendException {
    return switch (work) {
      case Work.Fill w -> new Command.Fill(words(w.buffer()), w.word(), 4);
      case Work.Upload w -> {
        MemorySegment host = arena.allocate(4L * WORDS, 4);
        for (int i = 0; i < WORDS; i++) {
          host.setAtIndex(ValueLayout.JAVA_INT, i, w.word());
        }
        yield new Command.Upload(host, words(w.buffer()));
      }
      case Work.Copy w -> new Command.Copy(words(w.from()), words(w.to()));
      case Work.Add w -> new Command.Run(programs.add(), bindings[w.bindings()]);
      case Work.Replay w -> new Command.Replay(of(recordings, w.recording()));
      case Work.Put w -> programs.put(w.slot(), of(pools, w.pool()), words(w.buffer()));
      case Work.Get w -> programs.get(w.slot(), of(pools, w.pool()), words(w.buffer()));
      case Work.Check w -> new Command.Download(words(w.buffer()), arena.allocate(4L * WORDS, 4));
    };
  }

  private View words(int buffer) {
    return new View(of(buffers, buffer), 0, TensorType.of(DType.I32, WORDS));
  }

  private void await(Point point, Set<String> errors) {
    String got;
    try {
      of(timelines, point.timeline()).await(point.value(), patience);
      got = "";
    } catch (TimedOut e) {
      got = "nothing within " + patience.toSeconds() + " s";
    } catch (BackendException e) {
      got = String.valueOf(e.getMessage());
    }
    if (errors.isEmpty() ? !got.isEmpty() : !errors.contains(got)) {
      throw new CheckFailedException(
          "%s: expected %s, got %s"
              .formatted(
                  point,
                  errors.isEmpty() ? "it reached" : "the failure " + errors,
                  got.isEmpty() ? "it reached" : got));
    }
  }

  private static void compare(Download d) {
    for (int i = 0; i < WORDS; i++) {
      int got = d.host.getAtIndex(ValueLayout.JAVA_INT, i);
      if (got != d.word) {
        throw new CheckFailedException(
            "%s: expected 0x%08x in word %d, got 0x%08x".formatted(d.submit, d.word, i, got));
      }
    }
  }

  /** Fails every gate, so that a program that went wrong leaves no thread waiting. */
  void abandon() {
    timelines.values().forEach(t -> t.fail(new InvalidProgram("the program was given up")));
  }

  @Override
  public void close() {
    buffers.values().forEach(Buffer::close);
    pools.values().forEach(State::close);
    recordings.values().forEach(Recording::close);
    timelines.values().forEach(Timeline::close);
    for (Queue q : queues) {
      q.close();
    }
    arena.close();
  }
}
