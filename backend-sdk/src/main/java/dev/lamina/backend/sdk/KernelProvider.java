package dev.lamina.backend.sdk;

import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.OpSpec;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What a backend of the SDK implements: kernels for ops and for fused elementwise expressions.
 * Everything else (graph walk, memory plan, decomposition, fusion, queues, timelines) comes from
 * this SDK.
 */
public interface KernelProvider {
  /**
   * Chooses a kernel; binding for the whole range of the spec's symbols.
   *
   * <p>A scatter's result may lie in the memory of its first operand: copy only if they differ.
   *
   * @param spec concat, reduce, argmax, scan, matmul, gather, scatter, topk (the SDK runs all other
   *     core ops itself), or a composite
   * @return native with a kernel, decomposed (composites), or never
   */
  KernelChoice choose(OpSpec spec);

  /**
   * Makes the kernel of a fused elementwise expression.
   *
   * <p>Inputs have the result's sizes and any strides (0 where expanded); the result is contiguous.
   *
   * @param expr the expression; iota and fill arrive as inputs or constants
   * @return its kernel; {@code in(i)} is {@link Expr.Input} i
   */
  Kernel elementwise(Expr expr);

  /**
   * Chooses stages that run at once: several kernels whose results only they read, or that read the
   * same, as one launch. Asked once an executable, of its graph but not of loop bodies.
   *
   * @param stages of the whole graph
   * @return ranges that do not overlap, in ascending order
   */
  default List<StageGroup> groups(Stages stages) {
    return List.of();
  }

  /**
   * The kernels of executables that were compiled with guarantees, all of which the device
   * declares. The same ones, unless a guarantee costs speed. {@link #beginRun} and {@link #endRun}
   * are called on this provider whichever kernels run.
   *
   * @param guarantees what was asked for
   * @return what chooses and makes their kernels
   */
  default KernelProvider with(Set<CompileOptions.Guarantee> guarantees) {
    return this;
  }

  /**
   * How the SDK moves elements: in host memory, unless the device's memory is its own.
   *
   * @return thread-safe, the same at each call
   */
  default Movement movement() {
    return HostMoves.INSTANCE;
  }

  /**
   * The kernels of executables that may be {@link dev.lamina.spi.Support.Numerics#RELAXED}: the
   * same ones, unless rounding operands further makes some faster.
   *
   * @return what chooses and makes their kernels
   */
  default KernelProvider relaxed() {
    return this;
  }

  /**
   * How what a run launches is kept, to be launched whole when the same run comes again. Debug
   * executables and plans with loops whose count the device holds are never captured.
   *
   * @return the same at each call; nothing if kernels are best run one by one
   */
  default Optional<RunCapturer> capturer() {
    return Optional.empty();
  }

  /**
   * Rounds a symbol's value up to one that runs come back to, for callers that pad.
   *
   * @param size at least 1
   * @param inputsOnly whether no computed value has the symbol in its shape, so that padding costs
   *     the room of inputs alone
   * @return at least {@code size}; not smaller for a larger one, and the same for a rounded one
   */
  default long bucket(long size, boolean inputsOnly) {
    return size;
  }

  /**
   * How the host learns that what it submitted is done. With marks, kernels and the space's copies
   * may go on after they return, in the device's order of work.
   *
   * @return the same at each call; nothing if all is done when it returns
   */
  default Optional<OrderMarks> marks() {
    return Optional.empty();
  }

  /**
   * A clock of the device around its runs.
   *
   * @return the same at each call; nothing if the device has none
   */
  default Optional<RunClock> clock() {
    return Optional.empty();
  }

  /** Called on the submitting thread before the first kernel of a run. */
  default void beginRun() {}

  /** Called on the submitting thread after the last kernel of a run, failed or not. */
  default void endRun() {}
}
