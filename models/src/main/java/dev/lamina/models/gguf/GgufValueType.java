package dev.lamina.models.gguf;

import org.jspecify.annotations.Nullable;

/** The format's types of values, in the order of their numbers. */
enum GgufValueType {
  U8(1),
  I8(1),
  U16(2),
  I16(2),
  U32(4),
  I32(4),
  F32(4),
  BOOL(1),
  TEXT(8),
  ARRAY(12),
  U64(8),
  I64(8),
  F64(8);

  private final int leastBytes;

  GgufValueType(int leastBytes) {
    this.leastBytes = leastBytes;
  }

  static @Nullable GgufValueType of(int number) {
    return number >= 0 && number < values().length ? values()[number] : null;
  }

  /** Bytes of a value: all there are, but for a text or an array. */
  int leastBytes() {
    return leastBytes;
  }
}
