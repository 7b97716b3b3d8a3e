package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Points;
import dev.lamina.spi.Timeline;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/** A timeline around a right one, which queues use directly; bugs override a method. */
class FaultyTimeline implements Timeline {
  final Timeline right;

  FaultyTimeline(Timeline right) {
    this.right = right;
  }

  /** The right timelines of points. */
  static Points unwrap(Points points) {
    Points inner = new Points();
    for (int i = 0; i < points.size(); i++) {
      Timeline t = points.timeline(i);
      inner.add(t instanceof FaultyTimeline f ? f.right : t, points.value(i));
    }
    return inner;
  }

  @Override
  public long value() {
    return right.value();
  }

  @Override
  public void signal(long value) {
    right.signal(value);
  }

  @Override
  public void await(long value, Duration timeout) throws BackendException {
    right.await(value, timeout);
  }

  @Override
  public CompletionStage<Void> whenReached(long value) {
    return right.whenReached(value);
  }

  @Override
  public void fail(BackendException error) {
    right.fail(error);
  }

  @Override
  public Optional<BackendException> failure() {
    return right.failure();
  }

  @Override
  public void close() {
    right.close();
  }
}
