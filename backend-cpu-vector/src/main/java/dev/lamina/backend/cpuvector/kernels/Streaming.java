package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Quantised rows times a few rows of x, the blocks read where they lie. Levels of {@link #GROUP}
 * columns are multiplied and added as they are, and the group's scale multiplies their sum: a
 * multiplication a group in place of one a weight, and none of them rounds a weight.
 *
 * <p>Lane {@code l} of step {@code i} of a group takes the level that the least work brings there,
 * so x comes in that order ({@link #arrange}). One row of x is multiplied while the blocks are
 * taken apart ({@link VectorStreaming}); for more the levels become floats first, in the same order
 * and with the same sums, so that a result's bits depend on no other row. Twin: {@link
 * ScalarStreaming}. Formats without such a form are left to {@link Widening}.
 */
final class Streaming {
  /** Columns that share a scale. */
  static final int GROUP = 32;

  /** Rows of weights that are multiplied by one call. */
  static final int ROWS = 32;

  /** Columns whose levels are floats at a time: they stay in the first cache. */
  private static final int PIECE = 2048;

  final QuantFormat format;
  final HotKernel kernel;

  /** Column of some groups by its place, a step's lanes next to one another. */
  private final int[] order;

  /** What the vector form takes a level of 1 for, a power of two. */
  private final float unit;

  private final BlockDecoder decoder;
  private final LevelForm form;

  private Streaming(QuantFormat format, HotKernel kernel, Order order) {
    this.format = format;
    this.kernel = kernel;
    this.order = order.columns();
    unit = VectorStreaming.unit(format);
    decoder = BlockDecoder.of(format);
    form = LevelForm.of(format);
  }

  /** Which level a vector form brings to a lane. */
  private enum Order {
    /** Bytes of a group as ints, their highest bytes first. */
    HIGH_BYTES,
    /** Bytes of a group as ints, their lowest bytes first. */
    LOW_BYTES,
    /** Nibbles of 16 bytes as ints, the highest ones first; the lower one of two lies before. */
    NIBBLES,
    /** Of four groups the second and third are swapped; each as {@link #HIGH_BYTES}. */
    SWAPPED_GROUPS;

    int[] columns() {
      int[] columns = new int[this == SWAPPED_GROUPS ? 4 * GROUP : GROUP];
      for (int place = 0; place < columns.length; place++) {
        int group = place / GROUP;
        int swapped = group == 1 || group == 2 ? 3 - group : group;
        columns[place] = swapped * GROUP + column(place % GROUP);
      }
      return columns;
    }

    private int column(int place) {
      int step = place / VL;
      int lane = place % VL;
      return switch (this) {
        case HIGH_BYTES, SWAPPED_GROUPS -> VL == 8 ? 4 * lane + 3 - step : place;
        case LOW_BYTES -> VL == 8 ? 4 * lane + step : place;
        case NIBBLES -> nibble(lane % 4, (step + 1) * (VL / 4) - 1 - lane / 4);
      };
    }

    /** Column of a nibble of four ints, counted from the top of its int. */
    private static int nibble(int word, int fromTop) {
      int n = 7 - fromTop;
      return n % 2 * (GROUP / 2) + 4 * word + n / 2;
    }
  }

  /**
   * How a format is streamed.
   *
   * @param format of blocks
   * @return null if its rows are widened
   */
  static @Nullable Streaming of(QuantFormat format) {
    if (VL < 8) {
      // A vector of four floats is less than the eight bytes that a load of bytes takes.
      return null;
    }
    return switch (format) {
      case Q8_0 -> new Streaming(format, HotKernel.STREAM_Q8_0, Order.HIGH_BYTES);
      case Q4_0 -> new Streaming(format, HotKernel.STREAM_Q4_0, Order.NIBBLES);
      case Q4_K -> new Streaming(format, HotKernel.STREAM_Q4_K, Order.LOW_BYTES);
      case F8E4M3_128 -> new Streaming(format, HotKernel.STREAM_F8E4M3_128, Order.HIGH_BYTES);
      case Q6_K ->
          VL == 8 ? new Streaming(format, HotKernel.STREAM_Q6_K, Order.SWAPPED_GROUPS) : null;
      case MXFP4 ->
          VL == 8 ? new Streaming(format, HotKernel.STREAM_MXFP4, Order.HIGH_BYTES) : null;
      default -> null;
    };
  }

  /** Whether the format has codes, NaN, of which the vector form knows nothing. */
  boolean hasSpecials() {
    return !decoder.isWhole();
  }

  /** Whether one of the blocks of a row holds such a code; the rest of a block is its scale. */
  boolean isSpecial(MemorySegment data, long row, int cols) {
    int levels = format.elements();
    long seen = 0;
    for (int k = 0; k < cols; k += levels) {
      long p = row + (long) k / levels * format.bytes() + format.bytes() - levels;
      for (int i = 0; i < levels; i += Long.BYTES) {
        seen |= (data.get(Lanes.I64, p + i) & 0x7F7F7F7F7F7F7F7FL) + 0x0101010101010101L;
      }
    }
    return (seen & 0x8080808080808080L) != 0;
  }

  /** Sums of groups that a row of x has, up to whole vectors. */
  static int groups(int cols) {
    return Lanes.roundUp(cols / GROUP, VL);
  }

  /**
   * Copies a row of x in the order in which the levels come, and adds up its groups.
   *
   * @param x source
   * @param from its first element
   * @param cols a multiple of the block
   * @param dst gets {@code cols} floats
   * @param at first index of dst
   * @param sums gets {@link #groups} sums, zeros behind the last group
   * @param sumsAt first index of sums
   * @param scratch of the calling thread
   */
  void arrange(
      Linear.Rows x,
      long from,
      int cols,
      float[] dst,
      int at,
      float[] sums,
      int sumsAt,
      Scratch scratch) {
    Elements.load(x.type(), x.data(), x.offset() + from * x.type().bytes(), dst, at, cols);
    float[] some = scratch.piece;
    for (int k = 0; k < cols; k += order.length) {
      System.arraycopy(dst, at + k, some, 0, order.length);
      for (int i = 0; i < order.length; i++) {
        dst[at + k + i] = some[order[i]];
      }
    }
    for (int k = 0; k < cols; k += GROUP) {
      float sum = 0;
      for (int i = 0; i < GROUP; i++) {
        sum += dst[at + k + i];
      }
      sums[sumsAt + k / GROUP] = sum;
    }
    Arrays.fill(sums, sumsAt + cols / GROUP, sumsAt + groups(cols), 0);
  }

  /**
   * Rows of weights times rows of x.
   *
   * @param w matrix of this format
   * @param row the first one
   * @param rows how many, up to {@link #ROWS}
   * @param x rows of {@code w.cols}, arranged
   * @param sums of their groups
   * @param height rows of x, up to {@link Linear#STREAM_ROWS}
   * @param finite whether no code is special
   * @param scratch a thread's
   * @return the products {@code [rows, height]}; the scratch's
   */
  float[] products(
      Matrix w,
      int row,
      int rows,
      float[] x,
      float[] sums,
      int height,
      boolean finite,
      Scratch scratch) {
    scratch.fit(w.cols);
    boolean vector = finite && kernel.isWarm();
    // The kernel of one row may read a few bytes before the first block.
    if (vector && height == 1 && w.row(row) >= VectorStreaming.bytesBefore(format)) {
      VectorStreaming.rows(format, w.data, w.row(row), rows, x, sums, w.cols, scratch);
      fold(rows, scratch);
    } else {
      for (int r = 0; r < rows; r++) {
        Arrays.fill(scratch.acc, 0, height * VL, 0);
        if (vector && HotKernel.DOT_GROUPS.isWarm()) {
          levels(w, row + r, x, sums, height, scratch);
        } else {
          scalar(w, row + r, x, sums, height, scratch);
        }
        for (int t = 0; t < height; t++) {
          scratch.products[r * height + t] = Lanes.fold(scratch.acc, t * VL) / unit;
        }
      }
    }
    for (int i = 0; i < rows * height; i++) {
      if (!Float.isFinite(scratch.products[i])) {
        scratch.products[i] =
            weighed(w, row + i / height, x, i % height * w.cols, scratch.products[i], scratch);
      }
    }
    return scratch.products;
  }

  /**
   * A product whose sums were not finite, weight by weight: levels times large numbers may overflow
   * where their scale would bring them back, and under an infinite scale each level counts by
   * itself. NaN in x makes NaN of everything, so there is nothing to add up.
   */
  private float weighed(Matrix w, int row, float[] x, int xo, float product, Scratch scratch) {
    for (int k = 0; k < w.cols; k++) {
      if (Float.isNaN(x[xo + k])) {
        return product;
      }
    }
    BlockDecoder.Unpacked u = scratch.unpack(decoder, w, row, format);
    double sum = 0;
    for (int k = 0; k < w.cols; k++) {
      int place = k % order.length;
      sum += (double) ScalarLevels.weight(form, u, k - place + order[place]) * x[xo + k];
    }
    return (float) sum;
  }

  private void fold(int rows, Scratch scratch) {
    for (int r = 0; r < rows; r++) {
      scratch.products[r] = Lanes.fold(scratch.acc, r * VL) / unit;
    }
  }

  /** One row of weights, its levels as floats a piece at a time. */
  private void levels(Matrix w, int row, float[] x, float[] sums, int height, Scratch scratch) {
    int cols = w.cols;
    float[] acc = scratch.acc;
    for (int k0 = 0; k0 < cols; k0 += PIECE) {
      int n = Math.min(PIECE, cols - k0);
      long p = w.row(row) + (long) k0 / format.elements() * format.bytes();
      VectorStreaming.levels(format, w.data, p, n, k0 / GROUP, scratch);
      int t = 0;
      for (; t + 4 <= height; t += 4) {
        VectorStreaming.fourGroups(scratch, k0, n, x, t * cols, cols, acc, t * VL);
      }
      for (; t < height; t++) {
        VectorStreaming.groups(scratch, k0, n, x, t * cols, acc, t * VL);
      }
    }
    if (decoder.hasMinimum()) {
      int groups = groups(cols);
      for (int t = 0; t < height; t++) {
        VectorStreaming.minima(scratch.minima, sums, t * groups, groups, acc, t * VL);
      }
    }
  }

  private void scalar(Matrix w, int row, float[] x, float[] sums, int height, Scratch scratch) {
    int cols = w.cols;
    BlockDecoder.Unpacked u = scratch.unpack(decoder, w, row, format);
    for (int t = 0; t < height; t++) {
      ScalarStreaming.groups(
          u, decoder.isWhole(), order, unit, x, t * cols, cols, scratch.acc, t * VL);
      if (decoder.hasMinimum()) {
        ScalarStreaming.minima(u, sums, t * groups(cols), cols / GROUP, scratch.acc, t * VL);
      }
    }
  }

  /** A thread's. */
  static final class Scratch {
    final float[] piece = new float[PIECE];
    final float[] acc = new float[Math.max(ROWS, Linear.STREAM_ROWS) * VL];
    final float[] products = new float[ROWS * Linear.STREAM_ROWS];

    /** Of the groups of a row; a vector more, since the factors of a block are stored as one. */
    float[] scales = new float[0];

    /** The same, a vector each: lanes may have scales of their own. */
    float[] spread = new float[0];

    float[] minima = new float[0];
    private byte[] bytes = new byte[0];
    private BlockDecoder.Unpacked unpacked = BlockDecoder.Unpacked.of(0);

    /** Makes room for the factors of a row. */
    void fit(int cols) {
      int n = groups(cols) + VL;
      if (scales.length < n) {
        scales = new float[n];
        spread = new float[n * VL];
        minima = new float[n];
      }
    }

    BlockDecoder.Unpacked unpack(BlockDecoder decoder, Matrix w, int row, QuantFormat format) {
      int n = Math.toIntExact(w.rowBytes);
      if (bytes.length < n) {
        bytes = new byte[n];
      }
      if (unpacked.levels().length < w.cols) {
        unpacked = BlockDecoder.Unpacked.of(w.cols);
      }
      MemorySegment.copy(w.data, ValueLayout.JAVA_BYTE, w.row(row), bytes, 0, n);
      decoder.unpack(bytes, w.cols / format.elements(), unpacked);
      return unpacked;
    }

    static Scratch[] of(WorkerPool pool) {
      Scratch[] all = new Scratch[pool.size()];
      for (int i = 0; i < all.length; i++) {
        all[i] = new Scratch();
      }
      return all;
    }
  }
}
