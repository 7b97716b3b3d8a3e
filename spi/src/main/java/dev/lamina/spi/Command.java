package dev.lamina.spi;

import java.lang.foreign.MemorySegment;

/**
 * Work for a queue. Backends dispatch on it with a visitor whose default refuses, so a later
 * command breaks no backend.
 */
public sealed interface Command {
  /**
   * Runs an executable.
   *
   * @param executable what to run
   * @param bindings its arguments; may be changed after the signal points are reached
   */
  record Run(Executable executable, Bindings bindings) implements Command {}

  /**
   * Copies elements.
   *
   * @param src source, of constant shape
   * @param dst destination of the same dtype and shape; must not overlap
   */
  record Copy(View src, View dst) implements Command {}

  /**
   * Fills a dense view with a repeated bit pattern.
   *
   * @param dst destination, of constant shape
   * @param pattern in the low bytes
   * @param width bytes of the pattern: 1, 2, 4 or 8
   */
  record Fill(View dst, long pattern, int width) implements Command {}

  /**
   * Copies from host memory, which must stay valid until the signal point.
   *
   * @param src source
   * @param dst destination, dense, of as many bytes
   */
  record Upload(MemorySegment src, View dst) implements Command {}

  /**
   * Copies to host memory, which must stay valid until the signal point.
   *
   * @param src source, dense
   * @param dst destination, of as many bytes
   */
  record Download(View src, MemorySegment dst) implements Command {}

  /**
   * Replays a recording with the present content of its bindings.
   *
   * @param recording as {@link Queue#record} gave it
   */
  record Replay(Recording recording) implements Command {}
}
