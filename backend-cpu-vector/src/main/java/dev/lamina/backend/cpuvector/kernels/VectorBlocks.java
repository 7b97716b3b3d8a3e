package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumSet;
import java.util.Set;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Widens blocks of quantised weights to floats, for the formats that are used most.
 *
 * <p>Codes are put together as 16 signed bytes, whatever the width of a vector, and then widened a
 * vector at a time. Each product and sum is rounded by itself as the formats say: a fused
 * multiply-add would be another number. Twin: {@link dev.lamina.backend.sdk.BlockDecoder}.
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

  /** Vectors of floats that 16 bytes become: 1, 2 or 4. */
  private static final int PARTS = 16 / VL;

  private static final ByteVector E2M1 =
      ByteVector.fromArray(
          B, new byte[] {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}, 0);

  private VectorBlocks() {}

  /**
   * Widens consecutive blocks.
   *
   * @param format one of {@link #FORMATS}
   * @param m holds them
   * @param p first byte of the first one
   * @param blocks how many
   * @param out takes the elements
   * @param at index of the first element there
   */
  static void widen(QuantFormat format, MemorySegment m, long p, int blocks, float[] out, int at) {
    switch (format) {
      case Q8_0 -> q8(m, p, blocks, out, at);
      case Q4_0 -> q4(m, p, blocks, out, at);
      case Q4_K -> q4k(m, p, blocks, out, at);
      case Q6_K -> q6k(m, p, blocks, out, at);
      case MXFP4 -> mxfp4(m, p, blocks, out, at);
      case F8E4M3_128 -> float8(m, p, blocks, out, at);
      case INT8_128 -> int8(m, p, blocks, out, at);
      case INT4_128 -> int4(m, p, blocks, 128, out, at);
      case INT4_32 -> int4(m, p, blocks, 32, out, at);
      default -> throw new IllegalArgumentException("cpu kernel: no vector form of " + format);
    }
  }

  private static void q8(MemorySegment m, long p, int blocks, float[] out, int at) {
    for (int b = 0; b < blocks; b++) {
      long q = p + 34L * b;
      FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat(m.get(Lanes.I16, q)));
      scaled(bytes(m, q + 2), d, out, at + 32 * b);
      scaled(bytes(m, q + 18), d, out, at + 32 * b + 16);
    }
  }

  private static void q4(MemorySegment m, long p, int blocks, float[] out, int at) {
    for (int b = 0; b < blocks; b++) {
      long q = p + 18L * b;
      FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat(m.get(Lanes.I16, q)));
      ByteVector v = bytes(m, q + 2);
      scaled(low(v).sub((byte) 8), d, out, at + 32 * b);
      scaled(high(v).sub((byte) 8), d, out, at + 32 * b + 16);
    }
  }

  private static void mxfp4(MemorySegment m, long p, int blocks, float[] out, int at) {
    for (int b = 0; b < blocks; b++) {
      long q = p + 17L * b;
      int e = m.get(ValueLayout.JAVA_BYTE, q) & 255;
      float half = Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23);
      FloatVector d = FloatVector.broadcast(F, half);
      ByteVector v = bytes(m, q + 1);
      scaled(low(v).selectFrom(E2M1), d, out, at + 32 * b);
      scaled(high(v).selectFrom(E2M1), d, out, at + 32 * b + 16);
    }
  }

  private static void int8(MemorySegment m, long p, int blocks, float[] out, int at) {
    for (int b = 0; b < blocks; b++) {
      long q = p + 132L * b;
      FloatVector d = FloatVector.broadcast(F, m.get(Lanes.F32, q));
      for (int i = 0; i < 128; i += 16) {
        scaled(bytes(m, q + 4 + i), d, out, at + 128 * b + i);
      }
    }
  }

  private static void int4(MemorySegment m, long p, int blocks, int size, float[] out, int at) {
    int half = size / 2;
    for (int b = 0; b < blocks; b++) {
      long q = p + (8L + half) * b;
      FloatVector d = FloatVector.broadcast(F, m.get(Lanes.F32, q));
      FloatVector min = FloatVector.broadcast(F, m.get(Lanes.F32, q + 4));
      for (int i = 0; i < half; i += 16) {
        ByteVector v = bytes(m, q + 8 + i);
        raised(low(v), d, min, out, at + size * b + i);
        raised(high(v), d, min, out, at + size * b + half + i);
      }
    }
  }

  private static void q4k(MemorySegment m, long p, int blocks, float[] out, int at) {
    for (int b = 0; b < blocks; b++) {
      long q = p + 144L * b;
      float d = Float.float16ToFloat(m.get(Lanes.I16, q));
      float dmin = -Float.float16ToFloat(m.get(Lanes.I16, q + 2));
      // Six bits a sub-block, four sub-blocks an int.
      int a = m.get(Lanes.I32, q + 4);
      int c = m.get(Lanes.I32, q + 8);
      int e = m.get(Lanes.I32, q + 12);
      int scales0 = a & 0x3F3F3F3F;
      int minima0 = c & 0x3F3F3F3F;
      int scales1 = e & 0x0F0F0F0F | (a >>> 2) & 0x30303030;
      int minima1 = (e >>> 4) & 0x0F0F0F0F | (c >>> 2) & 0x30303030;
      for (int pair = 0; pair < 4; pair++) {
        int scales = (pair < 2 ? scales0 : scales1) >>> 16 * (pair & 1);
        int minima = (pair < 2 ? minima0 : minima1) >>> 16 * (pair & 1);
        FloatVector d0 = FloatVector.broadcast(F, d * (scales & 255));
        FloatVector m0 = FloatVector.broadcast(F, dmin * (minima & 255));
        FloatVector d1 = FloatVector.broadcast(F, d * (scales >>> 8 & 255));
        FloatVector m1 = FloatVector.broadcast(F, dmin * (minima >>> 8 & 255));
        int to = at + 256 * b + 64 * pair;
        for (int i = 0; i < 32; i += 16) {
          ByteVector v = bytes(m, q + 16 + 32 * pair + i);
          raised(low(v), d0, m0, out, to + i);
          raised(high(v), d1, m1, out, to + 32 + i);
        }
      }
    }
  }

  private static void q6k(MemorySegment m, long p, int blocks, float[] out, int at) {
    for (int b = 0; b < blocks; b++) {
      long q = p + 210L * b;
      float d = Float.float16ToFloat(m.get(Lanes.I16, q + 208));
      // One body for all sub-blocks: four of them written out are more than C2 inlines.
      for (int sub = 0; sub < 16; sub++) {
        int half = sub / 8;
        int plane = sub / 2 % 4;
        int i = sub % 2 * 16;
        IntVector four = bytes(m, q + 64 * half + 32 * (plane % 2) + i).reinterpretAsInts();
        IntVector two = bytes(m, q + 128 + 32 * half + i).reinterpretAsInts();
        IntVector low = four.lanewise(VectorOperators.LSHR, plane / 2 * 4).and(0x0F0F0F0F);
        IntVector high = two.lanewise(VectorOperators.LSHR, 2 * plane).and(0x03030303);
        ByteVector v = low.or(high.lanewise(VectorOperators.LSHL, 4)).reinterpretAsBytes();
        float scale = d * m.get(ValueLayout.JAVA_BYTE, q + 192 + sub);
        scaled(v.sub((byte) 32), FloatVector.broadcast(F, scale), out, at + 256 * b + 16 * sub);
      }
    }
  }

  private static void float8(MemorySegment m, long p, int blocks, float[] out, int at) {
    for (int b = 0; b < blocks; b++) {
      long q = p + 132L * b;
      FloatVector d = FloatVector.broadcast(F, m.get(Lanes.F32, q));
      for (int i = 0; i < 128; i += 16) {
        ByteVector v = bytes(m, q + 4 + i);
        int to = at + 128 * b + i;
        eights(v, 0, d, out, to);
        if (PARTS > 1) {
          eights(v, 1, d, out, to + VL);
        }
        if (PARTS > 2) {
          eights(v, 2, d, out, to + 2 * VL);
          eights(v, 3, d, out, to + 3 * VL);
        }
      }
    }
  }

  /** Exponent and mantissa moved to their place in a float are the value times 2^-120. */
  private static void eights(ByteVector v, int part, FloatVector d, float[] out, int at) {
    IntVector i = (IntVector) v.convertShape(VectorOperators.B2I, I, part);
    IntVector size = i.and(127);
    IntVector bits = size.lanewise(VectorOperators.LSHL, 20).or(i.and(0x80000000));
    FloatVector f = bits.reinterpretAsFloats().mul(0x1p120f);
    f.blend(Float.NaN, size.compare(VectorOperators.EQ, 127).cast(F)).mul(d).intoArray(out, at);
  }

  private static ByteVector bytes(MemorySegment m, long p) {
    return ByteVector.fromMemorySegment(B, m, p, LE);
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

  private static FloatVector floats(ByteVector v, int part) {
    return (FloatVector) v.convertShape(VectorOperators.B2F, F, part);
  }

  private static void scaled(ByteVector v, FloatVector d, float[] out, int at) {
    floats(v, 0).mul(d).intoArray(out, at);
    if (PARTS > 1) {
      floats(v, 1).mul(d).intoArray(out, at + VL);
    }
    if (PARTS > 2) {
      floats(v, 2).mul(d).intoArray(out, at + 2 * VL);
      floats(v, 3).mul(d).intoArray(out, at + 3 * VL);
    }
  }

  private static void raised(ByteVector v, FloatVector d, FloatVector min, float[] out, int at) {
    floats(v, 0).mul(d).add(min).intoArray(out, at);
    if (PARTS > 1) {
      floats(v, 1).mul(d).add(min).intoArray(out, at + VL);
    }
    if (PARTS > 2) {
      floats(v, 2).mul(d).add(min).intoArray(out, at + 2 * VL);
      floats(v, 3).mul(d).add(min).intoArray(out, at + 3 * VL);
    }
  }
}
