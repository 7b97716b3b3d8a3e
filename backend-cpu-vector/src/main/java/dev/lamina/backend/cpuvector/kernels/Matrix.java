package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A weight matrix {@code [rows, cols]} where it lies, usually in the mapped checkpoint.
 *
 * <p>Thread-safe: the only state is what a scan of the immutable bytes found.
 */
public final class Matrix {
  private static final int UNKNOWN = 0;
  private static final int FINITE = 1;
  private static final int SPECIAL = 2;

  final DType type;
  final MemorySegment data;
  final long offset;
  final int rows;
  final int cols;
  final long rowBytes;

  /** How rows are widened to {@link #type}, null if they lie as such. */
  final @Nullable Widening widening;

  /** How rows of blocks are multiplied where they lie, null if they are widened for that too. */
  final @Nullable Streaming streaming;

  private volatile int specials;

  /**
   * Names a matrix.
   *
   * @param type F32, F16 or BF16
   * @param data holds it; any alignment
   * @param offset of the first element, in bytes
   * @param rows number of outputs
   * @param cols number of inputs
   * @param rowBytes distance of rows, in bytes
   */
  public Matrix(DType type, MemorySegment data, long offset, int rows, int cols, long rowBytes) {
    if (!Elements.handles(type)) {
      throw new IllegalArgumentException(
          "cpu matrix: expected f32, f16 or bf16, got " + type.text());
    }
    if (rows > 0 && offset + (rows - 1) * rowBytes + (long) cols * type.bytes() > data.byteSize()) {
      throw new IllegalArgumentException(
          "cpu matrix: expected [%d, %d] %s at byte %d inside %d bytes"
              .formatted(rows, cols, type.text(), offset, data.byteSize()));
    }
    this.type = type;
    this.data = data;
    this.offset = offset;
    this.rows = rows;
    this.cols = cols;
    this.rowBytes = rowBytes;
    this.widening = null;
    this.streaming = null;
  }

  private Matrix(QuantFormat format, MemorySegment data, long offset, int rows, int cols) {
    type = DType.F32;
    this.data = data;
    this.offset = offset;
    this.rows = rows;
    this.cols = cols;
    rowBytes = (long) cols / format.elements() * format.bytes();
    widening = new Widening(format);
    streaming = Streaming.of(format);
    if (cols % format.elements() != 0 || offset + rows * rowBytes > data.byteSize()) {
      throw new IllegalArgumentException(
          "cpu matrix: expected [%d, %d] %s at byte %d inside %d bytes"
              .formatted(rows, cols, format.text(), offset, data.byteSize()));
    }
  }

  /**
   * Names a matrix of quantised blocks without gaps.
   *
   * @param format of the blocks
   * @param data holds it; any alignment
   * @param offset of the first block, in bytes
   * @param rows number of outputs
   * @param cols number of inputs, a multiple of the block
   * @return the matrix
   */
  public static Matrix blocked(
      QuantFormat format, MemorySegment data, long offset, int rows, int cols) {
    return new Matrix(format, data, offset, rows, cols);
  }

  /**
   * Names a matrix without gaps.
   *
   * @param type F32, F16 or BF16
   * @param data holds it; any alignment
   * @param offset of the first element, in bytes
   * @param rows number of outputs
   * @param cols number of inputs
   * @return the matrix
   */
  public static Matrix dense(DType type, MemorySegment data, long offset, int rows, int cols) {
    return new Matrix(type, data, offset, rows, cols, (long) cols * type.bytes());
  }

  long row(int row) {
    return offset + row * rowBytes;
  }

  /**
   * Whether there are F16 infinities or NaN, or NaN of 8 bits in blocks that are streamed, which
   * the vector forms do not decode.
   *
   * <p>The first call reads the whole matrix, spread over the pool; such a matrix is then left to
   * the scalar twins, which are exact for every bit pattern.
   */
  boolean hasSpecials(WorkerPool pool) {
    if (type != DType.F16 && (streaming == null || !streaming.hasSpecials())) {
      return false;
    }
    if (specials == UNKNOWN) {
      int parts = Math.min(rows, 4 * pool.size());
      boolean[] found = new boolean[parts];
      pool.forEach(
          parts,
          (index, worker) -> {
            int from = (int) ((long) rows * index / parts);
            int to = (int) ((long) rows * (index + 1) / parts);
            for (int r = from; r < to && !found[index]; r++) {
              found[index] =
                  streaming == null
                      ? specialHalf(data, row(r), cols)
                      : streaming.isSpecial(data, row(r), cols);
            }
          });
      int result = FINITE;
      for (boolean f : found) {
        result = f ? SPECIAL : result;
      }
      specials = result;
    }
    return specials == SPECIAL;
  }

  /** Whether one of n halves has all exponent bits set; four at a time in a long. */
  static boolean specialHalf(MemorySegment data, long offset, int n) {
    long seen = 0;
    int i = 0;
    for (; i + 4 <= n; i += 4) {
      long exponents = data.get(Lanes.I64, offset + 2L * i) & 0x7C007C007C007C00L;
      seen |= exponents + 0x0400040004000400L;
    }
    for (; i < n; i++) {
      seen |= (data.get(Lanes.I16, offset + 2L * i) & 0x7C00) + 0x0400;
    }
    return (seen & 0x8000800080008000L) != 0;
  }
}
