package dev.lamina.spi;

import java.util.List;
import java.util.Optional;

/**
 * Takes commands in order. One submitter at a time: a second one gets an {@link
 * IllegalStateException}.
 *
 * <p>Commands of one queue run in submission order; across queues only timelines order. A host
 * backend may run a command inside {@code submit} if its waits are reached ({@link
 * Cap#SYNCHRONOUS}), else it defers it. An error of the work poisons the signal points and is never
 * thrown by submit.
 */
public interface Queue extends AutoCloseable {
  /**
   * Adds a command.
   *
   * @param waits points that must be reached first
   * @param command what to run
   * @param signals points reached when it is done
   * @throws InvalidProgram if a binding is missing or does not fit
   * @throws BackendException if the command can't be taken
   */
  void submit(Points waits, Command command, Points signals) throws BackendException;

  /**
   * Records commands for replay, if the device has {@link Cap#CAPTURE}.
   *
   * @param commands what to record; their bindings may be changed between replays
   * @return a recording the caller closes, or empty without the capability
   * @throws BackendException on failure
   */
  default Optional<Recording> record(List<Command> commands) throws BackendException {
    return Optional.empty();
  }

  @Override
  void close();
}
