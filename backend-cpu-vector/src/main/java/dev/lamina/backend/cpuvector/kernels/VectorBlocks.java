package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Takes blocks of quantised weights apart, for the formats that are used most: levels as signed
 * bytes, 16 at a time whatever the width of a vector, and the factors of each 16. Twin: {@link
 * BlockDecoder#unpack}.
 */
final class VectorBlocks {
  /** The formats that have a form here. */
  static final Set<QuantFormat> FORMATS =
      Set.copyOf(
          EnumSet.of(
              QuantFormat.Q8_0,
              QuantFormat.Q4_0,
              QuantFormat.Q4_K,
              QuantFormat.Q6_K,
              QuantFormat.MXFP4,
              QuantFormat.F8E4M3_128,
              QuantFormat.INT8_128,
              QuantFormat.INT4_128,
              QuantFormat.INT4_32));

  private static final VectorSpecies<Byte> B = ByteVector.SPECIES_128;

  private static final VarHandle SHORTS = MethodHandles.byteArrayViewVarHandle(short[].class, LE);
  private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, LE);

  private static final ByteVector E2M1 =
      ByteVector.fromArray(
          B, new byte[] {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}, 0);

  private VectorBlocks() {}

  /**
   * Takes consecutive blocks apart.
   *
   * @param format one of {@link #FORMATS}
   * @param m holds them, from its first byte on
   * @param blocks how many
   * @param to takes levels and factors
   */
  static void unpack(QuantFormat format, byte[] m, int blocks, BlockDecoder.Unpacked to) {
    byte[] levels = to.levels();
    float[] scales = to.scales();
    float[] minima = to.minima();
    switch (format) {
      case Q8_0 -> q8(m, blocks, levels, scales);
      case Q4_0 -> q4(m, blocks, levels, scales);
      case Q4_K -> q4k(m, blocks, levels, scales, minima);
      case Q6_K -> q6k(m, blocks, levels, scales);
      case MXFP4 -> mxfp4(m, blocks, levels, scales);
      case F8E4M3_128, INT8_128 -> eightBits(m, blocks, levels, scales);
      case INT4_128 -> int4(m, blocks, 128, levels, scales, minima);
      case INT4_32 -> int4(m, blocks, 32, levels, scales, minima);
      default -> throw new IllegalArgumentException("cpu kernel: no vector form of " + format);
    }
  }

  private static void q8(byte[] m, int blocks, byte[] levels, float[] scales) {
    for (int b = 0; b < blocks; b++) {
      int q = 34 * b;
      both(scales, 2 * b, half(m, q));
      bytes(m, q + 2).intoArray(levels, 32 * b);
      bytes(m, q + 18).intoArray(levels, 32 * b + 16);
    }
  }

  private static void q4(byte[] m, int blocks, byte[] levels, float[] scales) {
    for (int b = 0; b < blocks; b++) {
      int q = 18 * b;
      both(scales, 2 * b, half(m, q));
      ByteVector v = bytes(m, q + 2);
      low(v).sub((byte) 8).intoArray(levels, 32 * b);
      high(v).sub((byte) 8).intoArray(levels, 32 * b + 16);
    }
  }

  private static void mxfp4(byte[] m, int blocks, byte[] levels, float[] scales) {
    for (int b = 0; b < blocks; b++) {
      int q = 17 * b;
      int e = m[q] & 255;
      both(scales, 2 * b, Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23));
      ByteVector v = bytes(m, q + 1);
      low(v).selectFrom(E2M1).intoArray(levels, 32 * b);
      high(v).selectFrom(E2M1).intoArray(levels, 32 * b + 16);
    }
  }

  private static void eightBits(byte[] m, int blocks, byte[] levels, float[] scales) {
    for (int b = 0; b < blocks; b++) {
      int q = 132 * b;
      Arrays.fill(scales, 8 * b, 8 * b + 8, single(m, q));
      for (int i = 0; i < 128; i += 16) {
        bytes(m, q + 4 + i).intoArray(levels, 128 * b + i);
      }
    }
  }

  private static void int4(
      byte[] m, int blocks, int size, byte[] levels, float[] scales, float[] minima) {
    int half = size / 2;
    int groups = size / 16;
    for (int b = 0; b < blocks; b++) {
      int q = (8 + half) * b;
      Arrays.fill(scales, groups * b, groups * (b + 1), single(m, q));
      Arrays.fill(minima, groups * b, groups * (b + 1), single(m, q + 4));
      for (int i = 0; i < half; i += 16) {
        ByteVector v = bytes(m, q + 8 + i);
        low(v).intoArray(levels, size * b + i);
        high(v).intoArray(levels, size * b + half + i);
      }
    }
  }

  private static void q4k(byte[] m, int blocks, byte[] levels, float[] scales, float[] minima) {
    for (int b = 0; b < blocks; b++) {
      int q = 144 * b;
      float d = half(m, q);
      float dmin = half(m, q + 2);
      // Six bits a sub-block, eight sub-blocks a long.
      long a = (int) INTS.get(m, q + 4);
      long c = (int) INTS.get(m, q + 8);
      long e = (int) INTS.get(m, q + 12);
      long factors = a & 0x3F3F3F3F | (e & 0x0F0F0F0F | (a >>> 2) & 0x30303030) << 32;
      long lows = c & 0x3F3F3F3F | ((e >>> 4) & 0x0F0F0F0F | (c >>> 2) & 0x30303030) << 32;
      for (int sub = 0; sub < 8; sub++) {
        both(scales, 16 * b + 2 * sub, d * (int) (factors >>> 8 * sub & 255));
        both(minima, 16 * b + 2 * sub, -(dmin * (int) (lows >>> 8 * sub & 255)));
      }
      for (int i = 0; i < 128; i += 16) {
        ByteVector v = bytes(m, q + 16 + i);
        int to = 256 * b + i + (i & -32);
        low(v).intoArray(levels, to);
        high(v).intoArray(levels, to + 32);
      }
    }
  }

  private static void q6k(byte[] m, int blocks, byte[] levels, float[] scales) {
    for (int b = 0; b < blocks; b++) {
      int q = 210 * b;
      float d = half(m, q + 208);
      for (int sub = 0; sub < 16; sub++) {
        scales[16 * b + sub] = d * m[q + 192 + sub];
      }
      for (int part = 0; part < 4; part++) {
        int i = part % 2 * 16;
        int half = part / 2;
        IntVector f0 = bytes(m, q + 64 * half + i).reinterpretAsInts();
        IntVector f1 = bytes(m, q + 64 * half + 32 + i).reinterpretAsInts();
        IntVector two = bytes(m, q + 128 + 32 * half + i).reinterpretAsInts();
        int to = 256 * b + 128 * half + i;
        six(f0, two.lanewise(VectorOperators.LSHL, 4), levels, to);
        six(f1, two.lanewise(VectorOperators.LSHL, 2), levels, to + 32);
        six(f0.lanewise(VectorOperators.LSHR, 4), two, levels, to + 64);
        six(
            f1.lanewise(VectorOperators.LSHR, 4),
            two.lanewise(VectorOperators.LSHR, 2),
            levels,
            to + 96);
      }
    }
  }

  private static void six(IntVector four, IntVector two, byte[] levels, int at) {
    IntVector v = four.and(0x0F0F0F0F).or(two.and(0x30303030));
    v.reinterpretAsBytes().sub((byte) 32).intoArray(levels, at);
  }

  private static float half(byte[] m, int at) {
    return Float.float16ToFloat((short) SHORTS.get(m, at));
  }

  private static float single(byte[] m, int at) {
    return Float.intBitsToFloat((int) INTS.get(m, at));
  }

  private static ByteVector bytes(byte[] m, int at) {
    return ByteVector.fromArray(B, m, at);
  }

  private static ByteVector low(ByteVector v) {
    return v.and((byte) 15);
  }

  private static ByteVector high(ByteVector v) {
    return v.reinterpretAsInts()
        .lanewise(VectorOperators.LSHR, 4)
        .reinterpretAsBytes()
        .and((byte) 15);
  }

  private static void both(float[] factors, int at, float value) {
    factors[at] = value;
    factors[at + 1] = value;
  }
}
