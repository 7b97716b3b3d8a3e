package dev.lamina.models.quantized;

import dev.lamina.spi.ir.QuantFormat;
import java.util.Arrays;
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
 * @param scattered group of each column, where those of a group do not follow one another, else
 *     null
 */
record PackedMatrix(
    Kind kind,
    int rows,
    int cols,
    int group,
    Codes codes,
    Scales scales,
    @Nullable Zeros zeros,
    int @Nullable [] scattered) {

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

  /**
   * A matrix with the columns of each group next to one another.
   *
   * @param matrix with as many columns
   * @param order number of each of its columns before
   */
  record Sorted(PackedMatrix matrix, int[] order) {}

  int zero(int row, int col) {
    return zeros == null ? 0 : zeros.at(row, col);
  }

  /** The same numbers, for which no blocks are looked for. */
  PackedMatrix withoutBlocks() {
    return new PackedMatrix(kind, rows, cols, 1, codes, scales, zeros, null);
  }

  /**
   * The same matrix with scattered groups put together, in their order; columns of a group keep
   * theirs.
   *
   * @return null if none are scattered, they are not all of one size, or no block holds them
   */
  @Nullable Sorted sorted() {
    if (scattered == null) {
      return null;
    }
    int[] begins = new int[Arrays.stream(scattered).max().orElse(0) + 2];
    for (int g : scattered) {
      begins[g + 1]++;
    }
    int size = begins[1];
    for (int g = 0; g + 1 < begins.length; g++) {
      if (begins[g + 1] != size) {
        return null;
      }
      begins[g + 1] += begins[g];
    }
    int[] order = new int[cols];
    for (int c = 0; c < cols; c++) {
      order[begins[scattered[c]]++] = c;
    }
    PackedMatrix sorted = inOrder(order, size);
    return sorted.blocks() == null ? null : new Sorted(sorted, order);
  }

  private PackedMatrix inOrder(int[] order, int size) {
    Codes all =
        (row, out) -> {
          byte[] before = new byte[cols];
          codes.row(row, before);
          for (int c = 0; c < cols; c++) {
            out[c] = before[order[c]];
          }
        };
    Zeros z = zeros;
    return new PackedMatrix(
        kind,
        rows,
        cols,
        size,
        all,
        (row, col) -> scales.at(row, order[col]),
        z == null ? null : (row, col) -> z.at(row, order[col]),
        null);
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
