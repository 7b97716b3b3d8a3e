package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.Unsupported;

/**
 * Dispatch over commands whose default refuses, so that a command added later breaks no backend.
 */
public interface CommandVisitor {
  /** Runs an executable. */
  default void run(Command.Run command) throws BackendException {
    throw refused(command);
  }

  /** Copies elements. */
  default void copy(Command.Copy command) throws BackendException {
    throw refused(command);
  }

  /** Fills a view. */
  default void fill(Command.Fill command) throws BackendException {
    throw refused(command);
  }

  /** Copies from host memory. */
  default void upload(Command.Upload command) throws BackendException {
    throw refused(command);
  }

  /** Copies to host memory. */
  default void download(Command.Download command) throws BackendException {
    throw refused(command);
  }

  /** Replays a recording. */
  default void replay(Command.Replay command) throws BackendException {
    throw refused(command);
  }

  /**
   * Calls the method of a command.
   *
   * @param command any command
   * @throws Unsupported if there is no method for it
   * @throws BackendException as the method does
   */
  default void visit(Command command) throws BackendException {
    switch (command) {
      case Command.Run c -> run(c);
      case Command.Copy c -> copy(c);
      case Command.Fill c -> fill(c);
      case Command.Upload c -> upload(c);
      case Command.Download c -> download(c);
      case Command.Replay c -> replay(c);
    }
  }

  private static Unsupported refused(Command command) {
    return new Unsupported(
        "submit: expected a command this backend knows, got " + command.getClass().getSimpleName());
  }
}
