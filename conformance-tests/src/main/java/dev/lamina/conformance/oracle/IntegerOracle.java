package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import java.math.BigInteger;

/** Functions of two integers in unbounded arithmetic, wrapped to the width at the end (R4). */
final class IntegerOracle {
  private IntegerOracle() {}

  static long binary(CoreOp.BinaryKind kind, DType dtype, long a, long b) {
    BigInteger x = BigInteger.valueOf(a);
    BigInteger y = BigInteger.valueOf(b);
    BigInteger result =
        switch (kind) {
          case ADD -> x.add(y);
          case SUB -> x.subtract(y);
          case MUL -> x.multiply(y);
          case DIV -> b == 0 ? BigInteger.ZERO : x.divide(y);
          case REM -> b == 0 ? BigInteger.ZERO : x.remainder(y);
          case MAX -> x.max(y);
          case MIN -> x.min(y);
          case AND -> x.and(y);
          case OR -> x.or(y);
          case XOR -> x.xor(y);
          case SHL -> b >= width(dtype) ? BigInteger.ZERO : x.shiftLeft((int) b);
          case SHR -> x.shiftRight((int) Math.min(b, width(dtype)));
          case POW -> throw new AssertionError("pow of integers");
        };
    return Elements.wrap(dtype, result.longValue());
  }

  private static int width(DType dtype) {
    return 8 * dtype.bytes();
  }
}
