package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.Set;

/** Encodes floats to the types that models are converted to. Stateless. */
public final class GgmlEncoder {
  /** What can be encoded. */
  public static final Set<GgmlType> TYPES =
      Set.copyOf(
          EnumSet.of(
              GgmlType.F32,
              GgmlType.F16,
              GgmlType.BF16,
              GgmlType.Q8_0,
              GgmlType.Q4_0,
              GgmlType.Q4_K,
              GgmlType.Q6_K));

  private GgmlEncoder() {}

  /**
   * Encodes consecutive blocks.
   *
   * @param type one of {@link #TYPES}
   * @param x holds the elements
   * @param from index of the first one
   * @param count elements, a multiple of the type's block
   * @param out takes the blocks
   * @param at first byte of the first one
   */
  public static void encode(
      GgmlType type, float[] x, int from, int count, MemorySegment out, long at) {
    ByteBuffer block = ByteBuffer.allocate(type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    MemorySegment bytes = MemorySegment.ofBuffer(block);
    for (int i = 0; i < count / type.elements(); i++) {
      block.clear();
      encodeBlock(type, x, from + i * type.elements(), block);
      MemorySegment.copy(bytes, 0, out, at + (long) i * type.bytes(), type.bytes());
    }
  }

  private static void encodeBlock(GgmlType type, float[] x, int from, ByteBuffer block) {
    switch (type) {
      case F32 -> block.putFloat(x[from]);
      case F16 -> block.putShort(Float.floatToFloat16(x[from]));
      case BF16 -> block.putShort(bf16(x[from]));
      case Q8_0 -> q8(x, from, block);
      case Q4_0 -> q4(x, from, block);
      case Q4_K -> KEncoder.q4(x, from, block);
      case Q6_K -> KEncoder.q6(x, from, block);
      default ->
          throw new IllegalArgumentException(
              "encode: expected one of %s, got %s".formatted(TYPES, type));
    }
  }

  /** To nearest, ties to even; a NaN stays one. */
  static short bf16(float x) {
    int bits = Float.floatToRawIntBits(x);
    if (Float.isNaN(x)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  /** The largest number in size takes 127 steps. */
  private static void q8(float[] x, int from, ByteBuffer block) {
    float most = 0;
    for (int i = 0; i < 32; i++) {
      most = Math.max(most, Math.abs(x[from + i]));
    }
    float d = most / 127;
    float inverse = d == 0 ? 0 : 1 / d;
    block.putShort(Float.floatToFloat16(d));
    for (int i = 0; i < 32; i++) {
      block.put((byte) roundAway(x[from + i] * inverse));
    }
  }

  /** The largest number in size, whatever its sign, is -8 steps. */
  private static void q4(float[] x, int from, ByteBuffer block) {
    float most = 0;
    for (int i = 0; i < 32; i++) {
      if (Math.abs(x[from + i]) > Math.abs(most)) {
        most = x[from + i];
      }
    }
    float d = most / -8;
    float inverse = d == 0 ? 0 : 1 / d;
    block.putShort(Float.floatToFloat16(d));
    for (int i = 0; i < 16; i++) {
      int low = Math.min(15, (int) (x[from + i] * inverse + 8.5f));
      int high = Math.min(15, (int) (x[from + 16 + i] * inverse + 8.5f));
      block.put((byte) (low | high << 4));
    }
  }

  /** To nearest, ties away from zero. */
  static int roundAway(float x) {
    int size = (int) (Math.abs(x) + 0.5);
    return x < 0 ? -size : size;
  }

  /**
   * Decodes elements of a plain or quantised tensor and encodes them again.
   *
   * @param from type of the given bytes
   * @param data the given bytes
   * @param to type of the result
   * @param out takes the result
   * @param count elements, a multiple of both types' blocks
   */
  public static void convert(
      GgmlType from, MemorySegment data, GgmlType to, MemorySegment out, long count) {
    if (from == to) {
      MemorySegment.copy(
          data, ValueLayout.JAVA_BYTE, 0, out, ValueLayout.JAVA_BYTE, 0, from.byteSize(count));
      return;
    }
    // A multiple of every block.
    float[] piece = new float[(int) Math.min(1 << 14, count)];
    for (long at = 0; at < count; at += piece.length) {
      int n = (int) Math.min(piece.length, count - at);
      from.decode(data, from.byteSize(at), piece, 0, n);
      encode(to, piece, 0, n, out, to.byteSize(at));
    }
  }
}
