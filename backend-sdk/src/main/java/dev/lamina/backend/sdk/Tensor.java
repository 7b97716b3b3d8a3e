package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A tensor in host memory while a kernel runs: segment, byte offset, sizes and strides.
 *
 * <p>Reused from run to run; a kernel reads the fields and keeps no reference to the segment.
 */
public final class Tensor {
  private final DType dtype;
  private final Layout layout;
  private @Nullable MemorySegment segment;
  private long offset;
  private final long[] sizes;
  private final long[] strides;
  private long elements;
  private boolean contiguous;

  /**
   * A tensor without storage yet.
   *
   * @param dtype element type
   * @param layout blocked for quantised weights, else how the value was declared
   * @param rank number of axes
   */
  public Tensor(DType dtype, Layout layout, int rank) {
    this.dtype = dtype;
    this.layout = layout;
    this.sizes = new long[rank];
    this.strides = new long[rank];
  }

  /** Element type; U8 for blocked weights. */
  public DType dtype() {
    return dtype;
  }

  /** Blocked for quantised weights; anything else is described by sizes and strides. */
  public Layout layout() {
    return layout;
  }

  /** The memory; {@link #offset()} is relative to it. */
  public MemorySegment segment() {
    MemorySegment s = segment;
    if (s == null) {
      throw new IllegalStateException("tensor: not bound");
    }
    return s;
  }

  /** Byte offset of the first element; any alignment for weights. */
  public long offset() {
    return offset;
  }

  /** Number of axes. */
  public int rank() {
    return sizes.length;
  }

  /** Elements along an axis. */
  public long size(int axis) {
    return sizes[axis];
  }

  /** Distance along an axis, in elements; 0 repeats. */
  public long stride(int axis) {
    return strides[axis];
  }

  /** Product of the sizes. */
  public long elements() {
    return elements;
  }

  /** Whether the elements lie row-major without gaps. */
  public boolean isContiguous() {
    return contiguous;
  }

  /** Sets the memory. */
  public void bind(MemorySegment memory, long byteOffset) {
    segment = memory;
    offset = byteOffset;
  }

  /** Sets sizes and row-major strides. */
  public void shape(long[] newSizes) {
    System.arraycopy(newSizes, 0, sizes, 0, sizes.length);
    long stride = 1;
    for (int i = sizes.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= sizes[i];
    }
    elements = stride;
    contiguous = true;
  }

  /** Sets sizes and strides. */
  public void shape(long[] newSizes, long[] newStrides) {
    System.arraycopy(newSizes, 0, sizes, 0, sizes.length);
    System.arraycopy(newStrides, 0, strides, 0, strides.length);
    long dense = 1;
    boolean packed = true;
    for (int i = sizes.length - 1; i >= 0; i--) {
      packed &= sizes[i] == 1 || strides[i] == dense;
      dense *= sizes[i];
    }
    elements = dense;
    contiguous = packed || dense == 0;
  }

  /** Byte offset of an element given by its index along each axis. */
  public long byteOffset(long... index) {
    long at = 0;
    for (int i = 0; i < index.length; i++) {
      at += index[i] * strides[i];
    }
    return offset + at * dtype.bytes();
  }
}
