package dev.lamina.conformance.cases;

import dev.lamina.spi.ir.DType;
import java.util.List;

/** Groups of dtypes that cases range over, the same for every backend. */
final class Dtypes {
  /** Floats with arithmetic of their own. */
  static final List<DType> FLOATS = List.of(DType.F32, DType.F16, DType.BF16);

  /** All floats, the 8-bit storage formats included. */
  static final List<DType> ALL_FLOATS =
      List.of(DType.F32, DType.F16, DType.BF16, DType.F8E4M3, DType.F8E5M2);

  /** All integers. */
  static final List<DType> INTEGERS =
      List.of(DType.I64, DType.I32, DType.I16, DType.I8, DType.U32, DType.U16, DType.U8);

  /** One dtype of each width, and BOOL: for ops that only move elements. */
  static final List<DType> WIDTHS = List.of(DType.F32, DType.BF16, DType.I64, DType.U8, DType.BOOL);

  private Dtypes() {}

  /** Sizes joined for an id. */
  static String shape(long... sizes) {
    if (sizes.length == 0) {
      return "scalar";
    }
    StringBuilder out = new StringBuilder();
    for (long s : sizes) {
      out.append(out.isEmpty() ? "" : "x").append(s);
    }
    return out.toString();
  }
}
