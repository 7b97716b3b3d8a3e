package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Recording;
import dev.lamina.spi.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A queue around a right one; bugs override a method. */
class FaultyQueue implements Queue {
  final Queue right;

  FaultyQueue(Queue right) {
    this.right = right;
  }

  @Override
  public void submit(Points waits, Command command, Points signals) throws BackendException {
    send(FaultyTimeline.unwrap(waits), unwrap(command), FaultyTimeline.unwrap(signals));
  }

  /** Submits to the right queue. */
  void send(Points waits, Command command, Points signals) throws BackendException {
    right.submit(waits, command, signals);
  }

  @Override
  public Optional<Recording> record(List<Command> commands) throws BackendException {
    List<Command> inner = new ArrayList<>();
    for (Command c : commands) {
      inner.add(recorded(c));
    }
    return right.record(inner);
  }

  Command recorded(Command command) throws BackendException {
    return unwrap(command);
  }

  final Command unwrap(Command command) throws BackendException {
    return switch (command) {
      case Command.Run c
          when c.executable() instanceof FaultyExecutable e
              && c.bindings() instanceof FaultyExecutable.Bound b ->
          run(e, b);
      case Command.Run c -> c;
      case Command.Copy(View src, View dst) ->
          copy(FaultyMemory.unwrap(src), FaultyMemory.unwrap(dst));
      case Command.Fill c -> fill(FaultyMemory.unwrap(c.dst()), c.pattern(), c.width());
      case Command.Upload c -> upload(new Command.Upload(c.src(), FaultyMemory.unwrap(c.dst())));
      case Command.Download c ->
          download(new Command.Download(FaultyMemory.unwrap(c.src()), c.dst()));
      case Command.Replay c -> c;
    };
  }

  Command run(FaultyExecutable executable, FaultyExecutable.Bound bindings)
      throws BackendException {
    return new Command.Run(executable.right, bindings.right);
  }

  Command copy(View src, View dst) {
    return new Command.Copy(src, dst);
  }

  Command fill(View dst, long pattern, int width) {
    return new Command.Fill(dst, pattern, width);
  }

  Command upload(Command.Upload command) {
    return command;
  }

  Command download(Command.Download command) {
    return command;
  }

  @Override
  public void close() {
    right.close();
  }
}
