package dev.lamina.backend.tornado;

import dev.lamina.backend.sdk.grid.GridDevice;

/**
 * A device with one range of memory, of which addresses are offsets in bytes.
 *
 * <p>TornadoVM passes whole arrays to kernels and has no addresses, so all that kernels touch lies
 * in one array, and {@link Heap} divides it. All that is launched is over when the call returns.
 */
public abstract class TornadoDevice extends GridDevice {
  private static final long LEAST_SCRATCH_BYTES = 1 << 20;

  private final Heap heap;
  private long scratch;
  private long scratchBytes;

  /**
   * A device whose memory was taken.
   *
   * @param heap the part of it that is free
   */
  protected TornadoDevice(Heap heap) {
    this.heap = heap;
  }

  /** Its memory. */
  public final Heap heap() {
    return heap;
  }

  @Override
  public final long own(long bytes) {
    return heap.take(bytes, "tables of kernels");
  }

  @Override
  public final long scratch(long bytes) {
    if (bytes > scratchBytes) {
      if (scratch != 0) {
        heap.give(scratch);
        scratch = 0;
        scratchBytes = 0;
      }
      long size = Math.max(LEAST_SCRATCH_BYTES, Long.highestOneBit(bytes - 1) << 1);
      scratch = heap.take(size, "scratch of kernels");
      scratchBytes = size;
    }
    return scratch;
  }

  /**
   * Repeats a pattern.
   *
   * @param to address, a multiple of the width
   * @param pattern its low bytes, little-endian
   * @param count how often
   * @param width 1, 2, 4 or 8 bytes
   */
  public abstract void fill(long to, long pattern, long count, int width);

  @Override
  public final void fill(long to, int value, long count) {
    fill(to, value, count, Integer.BYTES);
  }

  /** No kernel here takes any: what a thread needs it keeps for itself. */
  @Override
  public final int sharedBytes() {
    return 1 << 20;
  }
}
