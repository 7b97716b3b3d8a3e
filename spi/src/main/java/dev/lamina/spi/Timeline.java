package dev.lamina.spi;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * A counter that only grows and orders work, or fails once and for all. Thread-safe.
 *
 * <p>A wait for a value that was reached before the failure still succeeds; any other fails with
 * the first error, which is kept.
 */
public interface Timeline extends AutoCloseable {
  /**
   * The value reached.
   *
   * @return never smaller than before
   */
  long value();

  /**
   * Advances from the host.
   *
   * @param value larger than the present one
   * @throws IllegalArgumentException if it is not larger
   */
  void signal(long value);

  /**
   * Waits on this (platform) thread.
   *
   * @param value to be reached
   * @param timeout longest wait
   * @throws TimedOut if it is not reached in time; the work goes on
   * @throws BackendException the error that poisoned this timeline
   */
  void await(long value, Duration timeout) throws BackendException;

  /**
   * Completes when a value is reached, or exceptionally with the {@link BackendException}; for
   * virtual threads.
   *
   * @param value to be reached
   * @return a stage completed on a thread of the backend or at once
   */
  CompletionStage<Void> whenReached(long value);

  /**
   * Poisons this timeline; the first error wins.
   *
   * @param error what waiters get
   */
  void fail(BackendException error);

  /**
   * The error that poisoned this timeline.
   *
   * @return empty if none did
   */
  Optional<BackendException> failure();

  @Override
  void close();
}
