package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Value;

/**
 * Tensors with constants, for the decompositions; a constant takes the tensor's shape and dtype.
 */
final class Elementwise {
  private Elementwise() {}

  static Value f32(Ops g, Value x) {
    return g.cast(x, DType.F32);
  }

  static Value like(Ops g, Value x, double c) {
    return g.fill(x.shape(), Scalar.f32(c));
  }

  static Value like(Ops g, Value x, long c) {
    return g.fill(x.shape(), Scalar.integer(x.dtype(), c));
  }

  static Value plus(Ops g, Value x, double c) {
    return g.add(x, like(g, x, c));
  }

  static Value times(Ops g, Value x, double c) {
    return c == 1 ? x : g.mul(x, like(g, x, c));
  }

  static Value plus(Ops g, Value x, long c) {
    return c == 0 ? x : g.add(x, like(g, x, c));
  }

  static Value times(Ops g, Value x, long c) {
    return c == 1 ? x : g.mul(x, like(g, x, c));
  }

  static Value over(Ops g, Value x, long c) {
    return c == 1 ? x : g.div(x, like(g, x, c));
  }

  static Value equal(Ops g, Value a, Value b) {
    return g.compare(CompareKind.EQ, a, b);
  }

  static Value less(Ops g, Value a, Value b) {
    return g.compare(CompareKind.LT, a, b);
  }

  static Value atMost(Ops g, Value a, Value b) {
    return g.compare(CompareKind.LE, a, b);
  }

  static Value and(Ops g, Value a, Value b) {
    return g.binary(BinaryKind.AND, a, b);
  }

  static Value or(Ops g, Value a, Value b) {
    return g.binary(BinaryKind.OR, a, b);
  }

  static Value max(Ops g, Value a, Value b) {
    return g.binary(BinaryKind.MAX, a, b);
  }

  /** Index below 0 as it is, all others taken from {@code other}. */
  static Value dropWhereNegative(Ops g, Value index, Value other) {
    return g.select(less(g, index, like(g, index, 0L)), index, other);
  }
}
