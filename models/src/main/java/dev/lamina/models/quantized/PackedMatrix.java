package dev.lamina.models.quantized;

import dev.lamina.spi.ir.QuantFormat;
import org.jspecify.annotations.Nullable;

/**
 * A matrix of codes with scales, wherever its parts lie: element (r, c) is {@code scale(r, c) *
 * (level of its code - zero(r, c))}.
 *
 * @param kind what the codes are
 * @param rows N
 * @param cols K
 * @param group consecutive columns that share scale and zero point, from a multiple of it on; 1
 *     where they are scattered
 * @param codes of a row
 * @param scales of elements
 * @param zeros of elements, null if there are none
 */
record PackedMatrix(
    Kind kind, int rows, int cols, int group, Codes codes, Scales scales, @Nullable Zeros zeros) {

  /** What a code is. */
  enum Kind {
    /** An unsigned integer of 4 bits. */
    INT4,
    /** A signed integer of 8 bits. */
    INT8,
    /** An E4M3 float. */
    FLOAT8,
    /** An E2M1 float, in the low half of a byte. */
    FLOAT4
  }

  /** Codes of a row. */
  interface Codes {
    /** Writes the code of each column. */
    void row(int row, byte[] out);
  }

  /** Scales of elements. */
  interface Scales {
    /** The scale of an element. */
    float at(int row, int col);
  }

  /** Zero points of elements. */
  interface Zeros {
    /** What is subtracted from the code of an element. */
    int at(int row, int col);
  }

  int zero(int row, int col) {
    return zeros == null ? 0 : zeros.at(row, col);
  }

  /** The same numbers, for which no blocks are looked for. */
  PackedMatrix withoutBlocks() {
    return new PackedMatrix(kind, rows, cols, 1, codes, scales, zeros);
  }

  /** The blocks that hold it exactly, null if none do. */
  @Nullable QuantFormat blocks() {
    return switch (kind) {
      case INT4 -> fitting(QuantFormat.INT4_128, QuantFormat.INT4_32);
      case INT8 -> zeros == null ? fitting(QuantFormat.INT8_128, QuantFormat.INT8_16) : null;
      case FLOAT8 -> fitting(QuantFormat.F8E4M3_128, QuantFormat.F8E4M3_16);
      case FLOAT4 -> fitting(QuantFormat.FP4_16);
    };
  }

  private @Nullable QuantFormat fitting(QuantFormat... largestFirst) {
    for (QuantFormat f : largestFirst) {
      if (cols % f.elements() == 0 && group % f.elements() == 0) {
        return f;
      }
    }
    return null;
  }
}
