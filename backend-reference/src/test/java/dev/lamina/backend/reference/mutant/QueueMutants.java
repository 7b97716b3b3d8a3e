package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.time.Duration;
import java.util.function.LongUnaryOperator;

/** Queues. */
final class QueueMutants {
  private QueueMutants() {}

  static void addTo(MutantList list) {
    list.area("queue", "queue/*");
    waits(list);
    signals(list);
    orders(list);
  }

  /** Makes a queue around a right one. */
  interface Queues {
    FaultyQueue make(Device device, Queue right) throws BackendException;
  }

  static void queue(MutantList list, String name, String bug, Queues queues) {
    list.device(
        name,
        bug,
        d ->
            new FaultyDevice(d) {
              @Override
              public Queue newQueue() throws BackendException {
                return queues.make(right, right.newQueue());
              }
            });
  }

  static Points part(Points points, int from, int to) {
    Points some = new Points();
    for (int i = from; i < Math.min(to, points.size()); i++) {
      some.add(points.timeline(i), points.value(i));
    }
    return some;
  }

  static Points valued(Points points, LongUnaryOperator value) {
    Points some = new Points();
    for (int i = 0; i < points.size(); i++) {
      some.add(points.timeline(i), value.applyAsLong(points.value(i)));
    }
    return some;
  }

  private static void waits(MutantList list) {
    queue(
        list,
        "queue-waits-lost",
        "no wait for another queue",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(Points.none(), c, signals);
              }
            });
    queue(
        list,
        "queue-first-wait-only",
        "the second wait is lost",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(part(waits, 0, 1), c, signals);
              }
            });
    queue(
        list,
        "queue-last-wait-only",
        "only the last wait counts",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(part(waits, waits.size() - 1, waits.size()), c, signals);
              }
            });
    queue(
        list,
        "queue-waits-for-less",
        "waits for the value before",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(valued(waits, v -> v - 1), c, signals);
              }
            });
    queue(
        list,
        "queue-third-wait-lost",
        "every third command with waits does not wait",
        (d, q) ->
            new FaultyQueue(q) {
              private int waiting;

              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                waiting += waits.size() > 0 ? 1 : 0;
                super.send(
                    waits.size() > 0 && waiting % 3 == 0 ? Points.none() : waits, c, signals);
              }
            });
    queue(
        list,
        "queue-waits-of-copies-lost",
        "copies do not wait",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(c instanceof Command.Copy ? Points.none() : waits, c, signals);
              }
            });
    queue(
        list,
        "queue-waits-of-runs-lost",
        "runs do not wait",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(c instanceof Command.Run ? Points.none() : waits, c, signals);
              }
            });
    queue(
        list,
        "queue-waits-of-replays-lost",
        "replays do not wait",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(c instanceof Command.Replay ? Points.none() : waits, c, signals);
              }
            });
    queue(
        list,
        "queue-waits-of-transfers-lost",
        "downloads do not wait",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(c instanceof Command.Download ? Points.none() : waits, c, signals);
              }
            });
    queue(
        list,
        "queue-middle-wait-lost",
        "of three waits the middle one is lost",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                Points some = part(waits, 0, 1);
                for (int i = waits.size() > 2 ? 2 : 1; i < waits.size(); i++) {
                  some.add(waits.timeline(i), waits.value(i));
                }
                super.send(some, c, signals);
              }
            });
    queue(
        list,
        "queue-submit-blocks",
        "submit waits for its waits",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                for (int i = 0; i < waits.size(); i++) {
                  waits.timeline(i).await(waits.value(i), Duration.ofMillis(300));
                }
                super.send(waits, c, signals);
              }
            });
  }

  private static void signals(MutantList list) {
    queue(
        list,
        "queue-signals-early",
        "signals before the work is done",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(waits, c, Points.none());
                for (int i = 0; i < signals.size(); i++) {
                  signals.timeline(i).signal(signals.value(i));
                }
              }
            });
    queue(
        list,
        "queue-second-signal-fails",
        "the second signal is a failure",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                super.send(waits, c, part(signals, 0, 1));
                for (int i = 1; i < signals.size(); i++) {
                  signals.timeline(i).fail(new InvalidProgram("lost"));
                }
              }
            });
    queue(
        list,
        "queue-signals-one-more",
        "signals the value after",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                Points more = new Points();
                for (int i = 0; i < signals.size(); i++) {
                  more.add(signals.timeline(i), signals.value(i) + 1);
                }
                super.send(waits, c, more);
              }
            });
    queue(
        list,
        "queue-ignores-poison",
        "a poisoned wait counts as reached",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                Points sound = new Points();
                for (int i = 0; i < waits.size(); i++) {
                  if (waits.timeline(i).failure().isEmpty()) {
                    sound.add(waits.timeline(i), waits.value(i));
                  }
                }
                super.send(sound, c, signals);
              }
            });
    queue(
        list,
        "queue-stays-poisoned",
        "one poisoned command poisons all later ones",
        (d, q) ->
            new FaultyQueue(q) {
              private Points poison = new Points();

              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                for (int i = 0; i < waits.size(); i++) {
                  if (waits.timeline(i).failure().isPresent()) {
                    poison = Points.of(waits.timeline(i), waits.value(i));
                  }
                }
                super.send(poison.size() > 0 ? poison : waits, c, signals);
              }
            });
    queue(
        list,
        "queue-poison-undoes-reached",
        "poison counts for values reached before",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                Points more = new Points();
                for (int i = 0; i < waits.size(); i++) {
                  boolean poisoned = waits.timeline(i).failure().isPresent();
                  more.add(waits.timeline(i), waits.value(i) + (poisoned ? 1 : 0));
                }
                super.send(more, c, signals);
              }
            });
  }

  private static void orders(MutantList list) {
    queue(
        list,
        "queue-overtakes",
        "a command without waits does not stand in line",
        (d, q) ->
            new FaultyQueue(q) {
              private final Queue fast = d.newQueue();

              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                (waits.size() == 0 ? fast : right).submit(waits, c, signals);
              }

              @Override
              public void close() {
                fast.close();
                super.close();
              }
            });
    queue(
        list,
        "queue-loses-one-in-64",
        "every 64th command is lost",
        (d, q) ->
            new FaultyQueue(q) {
              private int submitted;

              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                boolean lost = ++submitted % 64 == 0 && c instanceof Command.Fill;
                super.send(waits, lost ? nothing((Command.Fill) c) : c, signals);
              }
            });
    queue(
        list,
        "queue-takes-two-submitters",
        "a second submitter waits its turn",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              public void submit(Points waits, Command c, Points signals) throws BackendException {
                synchronized (right) {
                  super.submit(waits, c, signals);
                }
              }
            });
  }

  private static Command nothing(Command.Fill c) {
    View none = new View(c.dst().buffer(), 0, TensorType.of(DType.U8, 0));
    return new Command.Fill(none, 0, 1);
  }
}
