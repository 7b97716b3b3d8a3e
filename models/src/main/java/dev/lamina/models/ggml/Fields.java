package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads the fields of a block. */
final class Fields {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Fields() {}

  /** An unsigned byte. */
  static int u8(MemorySegment data, long at) {
    return data.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
  }

  /** A signed byte. */
  static int i8(MemorySegment data, long at) {
    return data.get(ValueLayout.JAVA_BYTE, at);
  }

  /** An unsigned 16-bit number. */
  static int u16(MemorySegment data, long at) {
    return data.get(SHORT, at) & 0xFFFF;
  }

  /** 32 bits. */
  static int u32(MemorySegment data, long at) {
    return data.get(INT, at);
  }

  /** An F16, widened. */
  static float f16(MemorySegment data, long at) {
    return Float.float16ToFloat(data.get(SHORT, at));
  }

  /** The low (0) or high (1) half of a byte. */
  static int nibble(MemorySegment data, long at, int half) {
    return u8(data, at) >> 4 * half & 15;
  }
}
