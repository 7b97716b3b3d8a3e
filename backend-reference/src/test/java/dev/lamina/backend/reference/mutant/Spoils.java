package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;
import java.util.function.DoubleUnaryOperator;

/** Ways to spoil what a right kernel has just done. */
final class Spoils {
  private Spoils() {}

  /** Every float of the first result. */
  static Consumer<KernelArgs> every(DoubleUnaryOperator change) {
    return everyOf(1, 0, change);
  }

  /** Each float of the first result whose index is {@code at} modulo {@code step}. */
  static Consumer<KernelArgs> everyOf(int step, int at, DoubleUnaryOperator change) {
    return args -> {
      Cells out = Cells.out(args, 0);
      for (int i = at; i < out.count() && out.isFloat(); i += step) {
        out.set(i, change.applyAsDouble(out.get(i)));
      }
    };
  }

  /** The last element of the first result becomes zero. */
  static void loseLast(KernelArgs args) {
    Cells out = Cells.out(args, 0);
    if (out.count() > 0) {
      out.set(out.count() - 1L, 0);
    }
  }

  /** The byte after the first result becomes zero. */
  static void writePastTheEnd(KernelArgs args) {
    Tensor out = args.out(0);
    long end = out.offset() + out.elements() * out.dtype().bytes();
    if (end < out.segment().byteSize()) {
      out.segment().set(ValueLayout.JAVA_BYTE, end, (byte) 0);
    }
  }

  /** The first byte of the first operand becomes zero. */
  static void writeInput(KernelArgs args) {
    Tensor in = args.in(0);
    if (in.elements() > 0) {
      in.segment().set(ValueLayout.JAVA_BYTE, in.offset(), (byte) 0);
    }
  }

  /** To the nearest F16. */
  static double toF16(double v) {
    return Float.float16ToFloat(Float.floatToFloat16((float) v));
  }

  /** Cut down to BF16. */
  static double toBf16(double v) {
    return Float.intBitsToFloat(Float.floatToRawIntBits((float) v) & 0xFFFF0000);
  }

  /** Cut down to five bits of mantissa. */
  static double toFiveBits(double v) {
    return Float.intBitsToFloat(Float.floatToRawIntBits((float) v) & 0xFFFC0000);
  }

  static double noNan(double v) {
    return Double.isNaN(v) ? 0 : v;
  }

  static double flush(double v) {
    return Math.abs(v) < Float.MIN_NORMAL ? 0 : v;
  }
}
