package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;
import static dev.lamina.backend.cpuvector.kernels.Streaming.GROUP;

import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocks of quantised weights, streamed, times rows of x; see {@link Streaming} for the order.
 *
 * <p>Where 32 bytes are a vector, and for nibbles, levels are cut out of its ints by shifts and
 * masks, which is less work than to widen bytes. Signed ones are left at the top of their int, so a
 * level of 1 counts as 2^24 or 2^28. Few loads of the segment a block: once C2 has seen segments of
 * several kinds, each load costs more checks than a group costs products. The loops over blocks end
 * at {@code !=}: loops that C2 counts get checks of long offsets split off, which cost more than
 * the products. The loops of a group are short so that C2 unrolls them, and rolled so that it
 * inlines them. Twin: {@link ScalarStreaming}.
 */
final class VectorStreaming {
  /** Bytes of which as many as a vector has floats are read. */
  private static final VectorSpecies<Byte> B =
      VL == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

  private static final VectorSpecies<Long> L = LongVector.SPECIES_128;
  private static final VectorSpecies<Integer> FOUR = IntVector.SPECIES_128;
  private static final VectorShuffle<Integer> AGAIN = VectorShuffle.fromOp(I, i -> i % 4);
  private static final IntVector FIRST = IntVector.fromArray(I, firstShifts(), 0);
  private static final int HIGHEST = 0xFF000000;
  private static final int HIGHEST_NIBBLE = 0xF0000000;
  private static final int EIGHT_MASK = 0x87F00000;
  private static final float EIGHT_SCALE = 0x1p120f;
  private static final int Q8_0_BYTES = QuantFormat.Q8_0.bytes();
  private static final int Q4_0_BYTES = QuantFormat.Q4_0.bytes();
  private static final int Q4_K_BYTES = QuantFormat.Q4_K.bytes();

  /** Scales and minima of a block of Q4_K, which come before its levels. */
  private static final int Q4_K_FACTORS = 16;

  private static final int Q4_K_COLUMNS = 256;
  private static final int F8_COLUMNS = 128;

  private VectorStreaming() {}

  private static int[] firstShifts() {
    int[] shifts = new int[VL];
    for (int l = 0; l < VL; l++) {
      shifts[l] = VL - 4 - l / 4 * 4;
    }
    return shifts;
  }

  /** What a level of 1 counts as. */
  static float unit(QuantFormat format) {
    return switch (format) {
      case Q8_0 -> VL == 8 ? 0x1p24f : 1;
      case Q4_0 -> 0x1p28f;
      case Q6_K -> StreamedQ6K.UNIT;
      case MXFP4 -> StreamedMxFp4.UNIT;
      default -> 1;
    };
  }

  /** Bytes before the first block that {@link #rows} reads; what they are does not matter. */
  static int bytesBefore(QuantFormat format) {
    return format == QuantFormat.MXFP4 ? StreamedMxFp4.BEFORE : 0;
  }

  /** Rows of weights times a row of x; row r's sums go to {@code acc[r * VL]} of the scratch. */
  static void rows(
      QuantFormat format,
      MemorySegment m,
      long p,
      int rows,
      float[] x,
      float[] xSums,
      int cols,
      Streaming.Scratch s) {
    switch (format) {
      case Q8_0 -> rowsQ8(m, p, rows, x, cols, s.acc);
      case Q4_0 -> rowsQ4(m, p, rows, x, cols, s.acc);
      case Q4_K -> {
        long q = p;
        for (int r = 0; r < rows; r++) {
          factorsQ4K(m, q, cols, s.scales, s.minima, 0);
          rowQ4K(m, q, x, cols, s.scales, s.acc, r * VL);
          minima(s.minima, xSums, 0, Streaming.groups(cols), s.acc, r * VL);
          q += (long) cols / Q4_K_COLUMNS * Q4_K_BYTES;
        }
      }
      case F8E4M3_128 -> rowsF8(m, p, rows, x, cols, s.acc);
      case Q6_K -> {
        long q = p;
        for (int r = 0; r < rows; r++) {
          StreamedQ6K.factors(m, q, cols, s.spread, 0);
          StreamedQ6K.row(m, q, x, cols, s.spread, s.acc, r * VL);
          q += (long) cols / QuantFormat.Q6_K.elements() * QuantFormat.Q6_K.bytes();
        }
      }
      case MXFP4 -> StreamedMxFp4.rows(m, p, rows, x, cols, s.acc);
      default -> throw new IllegalArgumentException("cpu kernel: no streaming form of " + format);
    }
  }

  /** Levels of n columns as floats, to the scratch's piece; factors from group {@code g} on. */
  static void levels(
      QuantFormat format, MemorySegment m, long p, int n, int g, Streaming.Scratch s) {
    switch (format) {
      case Q8_0 -> levelsQ8(m, p, n, s.piece, s.spread, g);
      case Q4_0 -> levelsQ4(m, p, n, s.piece, s.spread, g);
      case Q4_K -> {
        factorsQ4K(m, p, n, s.scales, s.minima, g);
        spread(s.scales, s.spread, g, n / GROUP);
        levelsQ4K(m, p, n, s.piece);
      }
      case F8E4M3_128 -> levelsF8(m, p, n, s.piece, s.spread, g);
      case Q6_K -> {
        StreamedQ6K.factors(m, p, n, s.spread, g);
        StreamedQ6K.levels(m, p, n, s.piece);
      }
      case MXFP4 -> StreamedMxFp4.levels(m, p, n, s.piece, s.spread, g);
      default -> throw new IllegalArgumentException("cpu kernel: no streaming form of " + format);
    }
  }

  private static void rowsQ8(MemorySegment m, long p, int rows, float[] x, int cols, float[] acc) {
    long q = p;
    for (int r = 0; r < rows; r++) {
      FloatVector a = FloatVector.zero(F);
      int k = 0;
      while (k != cols) {
        FloatVector t = FloatVector.zero(F);
        if (VL == 8) {
          IntVector v = IntVector.fromMemorySegment(I, m, q + 2, LE);
          for (int i = 0; i < GROUP; i += VL) {
            t = floats(v.and(HIGHEST)).fma(FloatVector.fromArray(F, x, k + i), t);
            v = v.lanewise(VectorOperators.LSHL, 8);
          }
        } else {
          for (int i = 0; i < GROUP; i += VL) {
            t = signed(m, q + 2 + i).fma(FloatVector.fromArray(F, x, k + i), t);
          }
        }
        a = t.fma(FloatVector.broadcast(F, half(m, q)), a);
        q += Q8_0_BYTES;
        k += GROUP;
      }
      a.intoArray(acc, r * VL);
    }
  }

  private static void levelsQ8(
      MemorySegment m, long p, int n, float[] piece, float[] spread, int g) {
    long q = p;
    int k = 0;
    while (k != n) {
      if (VL == 8) {
        IntVector v = IntVector.fromMemorySegment(I, m, q + 2, LE);
        for (int i = 0; i < GROUP; i += VL) {
          floats(v.and(HIGHEST)).intoArray(piece, k + i);
          v = v.lanewise(VectorOperators.LSHL, 8);
        }
      } else {
        for (int i = 0; i < GROUP; i += VL) {
          signed(m, q + 2 + i).intoArray(piece, k + i);
        }
      }
      FloatVector.broadcast(F, half(m, q)).intoArray(spread, (g + k / GROUP) * VL);
      q += Q8_0_BYTES;
      k += GROUP;
    }
  }

  private static void rowsQ4(MemorySegment m, long p, int rows, float[] x, int cols, float[] acc) {
    long q = p;
    for (int r = 0; r < rows; r++) {
      FloatVector a = FloatVector.zero(F);
      int k = 0;
      while (k != cols) {
        FloatVector t = FloatVector.zero(F);
        IntVector v = nibbles(m, q + 2);
        for (int i = 0; i < GROUP; i += VL) {
          t = floats(v.and(HIGHEST_NIBBLE)).fma(FloatVector.fromArray(F, x, k + i), t);
          v = v.lanewise(VectorOperators.LSHL, VL);
        }
        a = t.fma(FloatVector.broadcast(F, half(m, q)), a);
        q += Q4_0_BYTES;
        k += GROUP;
      }
      a.intoArray(acc, r * VL);
    }
  }

  private static void levelsQ4(
      MemorySegment m, long p, int n, float[] piece, float[] spread, int g) {
    long q = p;
    int k = 0;
    while (k != n) {
      IntVector v = nibbles(m, q + 2);
      for (int i = 0; i < GROUP; i += VL) {
        floats(v.and(HIGHEST_NIBBLE)).intoArray(piece, k + i);
        v = v.lanewise(VectorOperators.LSHL, VL);
      }
      FloatVector.broadcast(F, half(m, q)).intoArray(spread, (g + k / GROUP) * VL);
      q += Q4_0_BYTES;
      k += GROUP;
    }
  }

  /**
   * Two groups a turn: 32 bytes hold the levels of one in their low nibbles, of one in the high.
   */
  private static void rowQ4K(
      MemorySegment m, long p, float[] x, int cols, float[] scales, float[] acc, int at) {
    long q = p + Q4_K_FACTORS;
    FloatVector a = FloatVector.zero(F);
    int k = 0;
    while (k != cols) {
      FloatVector t = FloatVector.zero(F);
      FloatVector u = FloatVector.zero(F);
      if (VL == 8) {
        IntVector v = IntVector.fromMemorySegment(I, m, q, LE);
        for (int i = 0; i < GROUP; i += VL) {
          t = floats(v.and(15)).fma(FloatVector.fromArray(F, x, k + i), t);
          v = v.lanewise(VectorOperators.LSHR, 4);
          u = floats(v.and(15)).fma(FloatVector.fromArray(F, x, k + GROUP + i), u);
          v = v.lanewise(VectorOperators.LSHR, 4);
        }
      } else {
        for (int i = 0; i < GROUP; i += VL) {
          IntVector v = unsigned(m, q + i);
          t = floats(v.and(15)).fma(FloatVector.fromArray(F, x, k + i), t);
          v = v.lanewise(VectorOperators.LSHR, 4);
          u = floats(v).fma(FloatVector.fromArray(F, x, k + GROUP + i), u);
        }
      }
      a = t.fma(FloatVector.broadcast(F, scales[k / GROUP]), a);
      a = u.fma(FloatVector.broadcast(F, scales[k / GROUP + 1]), a);
      k += 2 * GROUP;
      q += k % Q4_K_COLUMNS == 0 ? GROUP + Q4_K_FACTORS : GROUP;
    }
    a.intoArray(acc, at);
  }

  private static void levelsQ4K(MemorySegment m, long p, int n, float[] piece) {
    long q = p + Q4_K_FACTORS;
    int k = 0;
    while (k != n) {
      if (VL == 8) {
        IntVector v = IntVector.fromMemorySegment(I, m, q, LE);
        for (int i = 0; i < GROUP; i += VL) {
          floats(v.and(15)).intoArray(piece, k + i);
          v = v.lanewise(VectorOperators.LSHR, 4);
          floats(v.and(15)).intoArray(piece, k + GROUP + i);
          v = v.lanewise(VectorOperators.LSHR, 4);
        }
      } else {
        for (int i = 0; i < GROUP; i += VL) {
          IntVector v = unsigned(m, q + i);
          floats(v.and(15)).intoArray(piece, k + i);
          floats(v.lanewise(VectorOperators.LSHR, 4)).intoArray(piece, k + GROUP + i);
        }
      }
      k += 2 * GROUP;
      q += k % Q4_K_COLUMNS == 0 ? GROUP + Q4_K_FACTORS : GROUP;
    }
  }

  /** Scales and minima of the groups of n columns, from index {@code g} on. */
  private static void factorsQ4K(
      MemorySegment m, long p, int n, float[] scales, float[] minima, int g) {
    long q = p;
    int to = g;
    int end = g + n / GROUP;
    while (to != end) {
      IntVector f = IntVector.fromMemorySegment(FOUR, m, q, LE);
      int halves = f.lane(0);
      // Six bits a group, eight groups a long.
      long a = f.lane(1);
      long c = f.lane(2);
      long e = f.lane(3);
      eight(a & 0x3F3F3F3F | (e & 0x0F0F0F0F | (a >>> 2) & 0x30303030) << 32)
          .mul(Float.float16ToFloat((short) halves))
          .intoArray(scales, to);
      eight(c & 0x3F3F3F3F | ((e >>> 4) & 0x0F0F0F0F | (c >>> 2) & 0x30303030) << 32)
          .mul(-Float.float16ToFloat((short) (halves >> 16)))
          .intoArray(minima, to);
      q += Q4_K_BYTES;
      to += Q4_K_COLUMNS / GROUP;
    }
    if (VL > Q4_K_COLUMNS / GROUP) {
      Arrays.fill(minima, end, Lanes.roundUp(end, VL), 0);
    }
  }

  /** Each of n scales over the lanes of a vector. */
  private static void spread(float[] scales, float[] spread, int g, int n) {
    for (int i = g; i < g + n; i++) {
      FloatVector.broadcast(F, scales[i]).intoArray(spread, i * VL);
    }
  }

  /** Floats of 8 bits that are not NaN: at its place in a float each is its value times 2^-120. */
  private static void rowsF8(MemorySegment m, long p, int rows, float[] x, int cols, float[] acc) {
    long q = p;
    for (int r = 0; r < rows; r++) {
      FloatVector a = FloatVector.zero(F);
      int k = 0;
      while (k != cols) {
        FloatVector scale = FloatVector.broadcast(F, m.get(Lanes.F32, q));
        q += Float.BYTES;
        int end = k + F8_COLUMNS;
        while (k != end) {
          FloatVector t = FloatVector.zero(F);
          if (VL == 8) {
            IntVector v = IntVector.fromMemorySegment(I, m, q, LE);
            for (int i = 0; i < GROUP; i += VL) {
              t = highEights(v).fma(FloatVector.fromArray(F, x, k + i), t);
              v = v.lanewise(VectorOperators.LSHL, 8);
            }
          } else {
            for (int i = 0; i < GROUP; i += VL) {
              t = eights(m, q + i).fma(FloatVector.fromArray(F, x, k + i), t);
            }
          }
          a = t.fma(scale, a);
          q += GROUP;
          k += GROUP;
        }
      }
      a.intoArray(acc, r * VL);
    }
  }

  private static void levelsF8(
      MemorySegment m, long p, int n, float[] piece, float[] spread, int g) {
    long q = p;
    int k = 0;
    while (k != n) {
      FloatVector scale = FloatVector.broadcast(F, m.get(Lanes.F32, q));
      q += Float.BYTES;
      int end = k + F8_COLUMNS;
      while (k != end) {
        if (VL == 8) {
          IntVector v = IntVector.fromMemorySegment(I, m, q, LE);
          for (int i = 0; i < GROUP; i += VL) {
            highEights(v).intoArray(piece, k + i);
            v = v.lanewise(VectorOperators.LSHL, 8);
          }
        } else {
          for (int i = 0; i < GROUP; i += VL) {
            eights(m, q + i).intoArray(piece, k + i);
          }
        }
        scale.intoArray(spread, (g + k / GROUP) * VL);
        q += GROUP;
        k += GROUP;
      }
    }
  }

  /** The highest bytes of ints. */
  private static FloatVector highEights(IntVector v) {
    return v.lanewise(VectorOperators.ASHR, 4)
        .and(EIGHT_MASK)
        .reinterpretAsFloats()
        .mul(EIGHT_SCALE);
  }

  private static FloatVector eights(MemorySegment m, long q) {
    return ((IntVector)
            ByteVector.fromMemorySegment(B, m, q, LE).convertShape(VectorOperators.B2I, I, 0))
        .lanewise(VectorOperators.LSHL, 20)
        .and(EIGHT_MASK)
        .reinterpretAsFloats()
        .mul(EIGHT_SCALE);
  }

  /** Adds minima times sums of the groups of x. */
  static void minima(float[] minima, float[] xSums, int from, int groups, float[] acc, int at) {
    FloatVector a = FloatVector.fromArray(F, acc, at);
    for (int g = 0; g < groups; g += VL) {
      a = FloatVector.fromArray(F, minima, g).fma(FloatVector.fromArray(F, xSums, from + g), a);
    }
    a.intoArray(acc, at);
  }

  /** Adds n columns of a piece that begins at column {@code k0} times a row of x. */
  static void groups(Streaming.Scratch s, int k0, int n, float[] x, int xo, float[] acc, int at) {
    float[] w = s.piece;
    float[] scales = s.spread;
    int g = k0 / GROUP;
    int q = xo + k0;
    FloatVector a = FloatVector.fromArray(F, acc, at);
    for (int k = 0; k < n; k += GROUP) {
      FloatVector t = FloatVector.zero(F);
      for (int i = 0; i < GROUP; i += VL) {
        t = FloatVector.fromArray(F, w, k + i).fma(FloatVector.fromArray(F, x, q + k + i), t);
      }
      a = t.fma(FloatVector.fromArray(F, scales, (g + k / GROUP) * VL), a);
    }
    a.intoArray(acc, at);
  }

  /** The same for four rows of x, {@code xs} apart; row i's sums are at {@code at + i VL}. */
  static void fourGroups(
      Streaming.Scratch s, int k0, int n, float[] x, int xo, int xs, float[] acc, int at) {
    float[] w = s.piece;
    float[] scales = s.spread;
    int g = k0 / GROUP;
    int q = xo + k0;
    FloatVector a0 = FloatVector.fromArray(F, acc, at);
    FloatVector a1 = FloatVector.fromArray(F, acc, at + VL);
    FloatVector a2 = FloatVector.fromArray(F, acc, at + 2 * VL);
    FloatVector a3 = FloatVector.fromArray(F, acc, at + 3 * VL);
    for (int k = 0; k < n; k += GROUP) {
      FloatVector t0 = FloatVector.zero(F);
      FloatVector t1 = FloatVector.zero(F);
      FloatVector t2 = FloatVector.zero(F);
      FloatVector t3 = FloatVector.zero(F);
      for (int i = 0; i < GROUP; i += VL) {
        FloatVector v = FloatVector.fromArray(F, w, k + i);
        t0 = v.fma(FloatVector.fromArray(F, x, q + k + i), t0);
        t1 = v.fma(FloatVector.fromArray(F, x, q + xs + k + i), t1);
        t2 = v.fma(FloatVector.fromArray(F, x, q + 2 * xs + k + i), t2);
        t3 = v.fma(FloatVector.fromArray(F, x, q + 3 * xs + k + i), t3);
      }
      FloatVector scale = FloatVector.fromArray(F, scales, (g + k / GROUP) * VL);
      a0 = t0.fma(scale, a0);
      a1 = t1.fma(scale, a1);
      a2 = t2.fma(scale, a2);
      a3 = t3.fma(scale, a3);
    }
    a0.intoArray(acc, at);
    a1.intoArray(acc, at + VL);
    a2.intoArray(acc, at + 2 * VL);
    a3.intoArray(acc, at + 3 * VL);
  }

  private static float half(MemorySegment m, long q) {
    return Float.float16ToFloat(m.get(Lanes.I16, q));
  }

  private static FloatVector floats(IntVector v) {
    return (FloatVector) v.convert(VectorOperators.I2F, 0);
  }

  private static FloatVector signed(MemorySegment m, long q) {
    return (FloatVector)
        ByteVector.fromMemorySegment(B, m, q, LE).convertShape(VectorOperators.B2F, F, 0);
  }

  private static IntVector unsigned(MemorySegment m, long q) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, m, q, LE)
            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
  }

  /**
   * Sixteen bytes as often as a vector holds them, their nibbles less 8 in two's complement, each
   * four lanes shifted until the next nibble is the highest of its int.
   */
  private static IntVector nibbles(MemorySegment m, long q) {
    return ((IntVector) IntVector.fromMemorySegment(FOUR, m, q, LE).reinterpretShape(I, 0))
        .rearrange(AGAIN)
        .lanewise(VectorOperators.XOR, 0x88888888)
        .lanewise(VectorOperators.LSHL, FIRST);
  }

  /** The bytes of a long as floats; 127 at most. */
  private static FloatVector eight(long bytes) {
    return (FloatVector)
        LongVector.broadcast(L, bytes).reinterpretAsBytes().convertShape(VectorOperators.B2F, F, 0);
  }
}
