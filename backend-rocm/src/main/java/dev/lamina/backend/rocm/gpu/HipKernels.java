package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.sdk.OrderMarks;
import dev.lamina.backend.sdk.RunCapturer;
import dev.lamina.backend.sdk.grid.GridKernels;
import java.util.Optional;

/** The SDK's kernels on a GPU, with runs captured as graphs. */
public final class HipKernels extends GridKernels implements AutoCloseable {
  private final StreamMarks marks;
  private final GraphCapturer capturer;

  /**
   * Kernels of an open GPU.
   *
   * @param gpu open, and longer so than this
   */
  public HipKernels(HipGpu gpu) {
    super(gpu);
    marks = new StreamMarks(gpu);
    capturer = new GraphCapturer(gpu);
  }

  @Override
  public Optional<RunCapturer> capturer() {
    return Optional.of(capturer);
  }

  @Override
  public Optional<OrderMarks> marks() {
    return Optional.of(marks);
  }

  /** Sizes that graphs are captured for: powers of two, then few, where padding costs little. */
  @Override
  public long bucket(long size, boolean inputsOnly) {
    if (inputsOnly || size <= 8) {
      return size <= 1 ? size : Long.highestOneBit(size - 1) << 1;
    }
    long step = size <= 64 ? 8 : 64;
    return Math.ceilDiv(size, step) * step;
  }

  /** Destroys what marks are made of, once all work has ended. */
  @Override
  public void close() {
    marks.close();
  }
}
