package dev.lamina.backend.sdk;

import dev.lamina.spi.OpSpec;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Plain kernels of a device that seems to go on after they return: its marks are reached when the
 * test says so, in order.
 */
final class LateKernels implements KernelProvider, OrderMarks {
  private final PlainKernels plain = new PlainKernels();
  private final Set<Long> open = new HashSet<>();
  private long marked;
  private long reached;

  /** What the work behind the marks not yet reached fails with. */
  @Nullable BackendFailure failure;

  /** Lets the device come so many marks further. */
  synchronized void pass(int marks) {
    reached += marks;
  }

  /** Marks that were not given back. */
  synchronized int numOpen() {
    return open.size();
  }

  @Override
  public synchronized long mark() {
    open.add(++marked);
    return marked;
  }

  @Override
  public synchronized boolean isReached(long mark) {
    if (!open.contains(mark)) {
      throw new AssertionError("mark " + mark + " was given back");
    }
    if (mark > reached && failure != null) {
      throw failure;
    }
    return mark <= reached;
  }

  @Override
  public synchronized void release(long mark) {
    if (!open.remove(mark)) {
      throw new AssertionError("mark " + mark + " was given back twice");
    }
  }

  @Override
  public Optional<OrderMarks> marks() {
    return Optional.of(this);
  }

  @Override
  public KernelChoice choose(OpSpec spec) {
    return plain.choose(spec);
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return plain.elementwise(expr);
  }
}
