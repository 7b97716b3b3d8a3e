package dev.lamina.models.gguf;

import java.lang.foreign.MemorySegment;

/** A value of the metadata. */
sealed interface GgufValue {
  /** Any integer type. */
  record Whole(long value) implements GgufValue {}

  /** F32 or F64. */
  record Real(double value) implements GgufValue {}

  /** A truth value. */
  record Flag(boolean value) implements GgufValue {}

  /** A text. */
  record Text(String value) implements GgufValue {}

  /**
   * An array, left where it is in the file.
   *
   * @param element type of each element
   * @param count elements
   * @param bytes the elements back to back, checked to be whole
   */
  record Many(GgufValueType element, int count, MemorySegment bytes) implements GgufValue {}
}
