package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.plus;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Value;

/** Decodes quantised rows; exact in F32 for every format here. */
final class Dequantisation {
  private Dequantisation() {}

  /**
   * Decodes rows.
   *
   * @param g where to add the ops
   * @param format of the blocks
   * @param rows U8 {@code [n, K / elements * bytes]}
   * @param k decoded elements a row
   * @return F32 {@code [n, K]}
   */
  static Value decode(Ops g, QuantFormat format, Value rows, long k) {
    Dim n = rows.shape().dim(0);
    Dim blocks = Dim.of(k / format.elements());
    Value raw = g.view(rows, n, blocks, Dim.of(format.bytes()));
    Value scale = g.cast(g.bitcast(g.slice(raw, 2, 0, Dim.of(2)), DType.F16), DType.F32);
    Value codes = g.slice(raw, 2, 2, Dim.of(format.bytes() - 2L));
    Value quants =
        switch (format) {
          case Q8_0 -> g.cast(g.bitcast(codes, DType.I8), DType.F32);
          case Q4_0 -> nibbles(g, codes);
        };
    Value values = g.mul(quants, g.broadcast(scale, quants.shape(), 0, 1));
    return g.view(values, n, Dim.of(k));
  }

  /** Low halves of all bytes, then high halves, less 8. */
  private static Value nibbles(Ops g, Value codes) {
    Value low = g.binary(BinaryKind.AND, codes, Elementwise.like(g, codes, 15L));
    Value high = g.binary(BinaryKind.SHR, codes, Elementwise.like(g, codes, 4L));
    return g.concat(2, centred(g, low), centred(g, high));
  }

  private static Value centred(Ops g, Value nibble) {
    return plus(g, g.cast(nibble, DType.F32), -8.0);
  }

  /** The bytes of a blocked matrix, U8 {@code [rows, bytes a row]}. */
  static Value bytes(Ops g, Value blocked) {
    return g.bitcast(blocked, DType.U8);
  }
}
