package dev.lamina.scheduler;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Lock-free way from any thread to the engine thread: requests that are new or should end. */
final class Inbox {
  private final ConcurrentLinkedQueue<Request> queue = new ConcurrentLinkedQueue<>();
  private volatile @Nullable Thread reader;

  /** The thread to wake; until it is set nobody is parked. */
  void readBy(Thread thread) {
    reader = thread;
  }

  void put(Request request) {
    queue.add(request);
    wake();
  }

  void wake() {
    Thread thread = reader;
    if (thread != null) {
      LockSupport.unpark(thread);
    }
  }

  @Nullable Request poll() {
    return queue.poll();
  }

  boolean isEmpty() {
    return queue.isEmpty();
  }
}
