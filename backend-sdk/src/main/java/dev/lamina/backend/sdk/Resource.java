package dev.lamina.backend.sdk;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Something a device hands out: closed once, freed when no submitted work can use it any more.
 *
 * <p>Thread-safe.
 */
abstract class Resource implements AutoCloseable {
  private final Ledger ledger;
  private final String name;
  private final AtomicBoolean closed = new AtomicBoolean();

  Resource(Ledger ledger, String name) {
    this.ledger = ledger;
    this.name = name;
    ledger.opened(this);
  }

  /** For messages, such as {@code buffer of 64 bytes}. */
  final String name() {
    return name;
  }

  final boolean isClosed() {
    return closed.get();
  }

  /** Refuses use after close. */
  final void checkOpen(String operation) {
    if (closed.get()) {
      throw new IllegalStateException(
          operation + ": the " + name + " is closed; use it before closing it");
    }
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      ledger.closed(this);
    }
  }

  /** Gives memory and threads back; called once, when nothing in flight needs them. */
  abstract void free();
}
