package dev.lamina;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * An answer as an iteration over its pieces; the thread that iterates waits for them, so it may be
 * a virtual one. Closing it before the end aborts the request.
 */
public final class AnswerStream implements Iterable<Delta>, Iterator<Delta>, AutoCloseable {
  private sealed interface Event {
    record Piece(Delta delta) implements Event {}

    record End(@Nullable Answer answer, @Nullable Throwable error) implements Event {}
  }

  private final LinkedBlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private @Nullable Generation generation;
  private @Nullable Event next;

  AnswerStream() {}

  /** Puts what arrives into the queue; never blocks. */
  AnswerListener listener() {
    return new AnswerListener() {
      @Override
      public void onDelta(Delta delta) {
        events.add(new Event.Piece(delta));
      }

      @Override
      public void onAnswer(Answer answer) {
        events.add(new Event.End(answer, null));
      }

      @Override
      public void onError(Throwable error) {
        events.add(new Event.End(null, error));
      }
    };
  }

  void started(Generation running) {
    generation = running;
  }

  /** This stream itself: it can be iterated once. */
  @Override
  public Iterator<Delta> iterator() {
    return this;
  }

  /**
   * Waits for the next piece or the end.
   *
   * @throws LaminaException if the request failed or this thread was interrupted, which aborts it
   */
  @Override
  public boolean hasNext() {
    Event event = peek();
    if (event instanceof Event.End end && end.error() != null) {
      throw new LaminaException("generation failed: " + end.error().getMessage(), end.error());
    }
    return event instanceof Event.Piece;
  }

  @Override
  public Delta next() {
    if (!hasNext() || !(next instanceof Event.Piece piece)) {
      throw new NoSuchElementException("the answer has ended");
    }
    next = null;
    return piece.delta();
  }

  /** The whole answer; reads what is left of the stream. */
  public Answer answer() {
    while (hasNext()) {
      next();
    }
    if (peek() instanceof Event.End end && end.answer() != null) {
      return end.answer();
    }
    throw new AssertionError("a stream that ended has an answer or an error");
  }

  private Event peek() {
    Event event = next;
    if (event == null) {
      try {
        event = events.take();
      } catch (InterruptedException e) {
        close();
        Thread.currentThread().interrupt();
        throw new LaminaException("generation: interrupted while waiting for a token", e);
      }
      next = event;
    }
    return event;
  }

  /** The running request. */
  public Generation generation() {
    Generation running = generation;
    if (running == null) {
      throw new IllegalStateException("not started");
    }
    return running;
  }

  @Override
  public void close() {
    Generation running = generation;
    if (running != null) {
      running.abort();
    }
  }
}
