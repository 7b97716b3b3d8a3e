package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.and;
import static dev.lamina.backend.sdk.Elementwise.equal;
import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.or;
import static dev.lamina.backend.sdk.Elementwise.over;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.BlockSpec.Levels;
import dev.lamina.spi.ir.Codebook;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Looks up coordinates of a {@link Codebook} by core ops. Its points are constants of 64 bits with
 * as many digits as fit, which are spread into a table before the first lookup.
 */
final class CodebookOps {
  private CodebookOps() {}

  /**
   * The levels of codes.
   *
   * @param g where to add the ops
   * @param meaning of the codes
   * @param codes I32 {@code [n, blocks, elements]}
   * @return F32 of the same shape, whole numbers
   */
  static Value levels(Ops g, Levels.Points meaning, Value codes) {
    Codebook book = meaning.book();
    Shape shape = codes.shape();
    Value element = g.iota(Shape.of(shape.dim(2)), 0, DType.I32);
    Value dim = g.broadcast(rest(g, element, book.dims()), shape, 2);
    Value point = and(g, codes, like(g, codes, book.points() - 1L));
    Value index = g.add(times(g, point, book.dims()), dim);
    Value coordinate = g.gather(table(g, book), index, 0);
    Value bits = over(g, codes, book.points());
    return switch (meaning.above()) {
      case SIGN -> signed(g, coordinate, bits);
      case EVEN_SIGNS -> {
        // The lowest bit of all seven folded into one is their parity.
        Value folded = folded(g, folded(g, folded(g, bits, 4), 2), 1);
        Value all = or(g, bits, shifted(g, BinaryKind.SHL, folded, 7));
        Value eighth = g.broadcast(rest(g, element, Byte.SIZE), shape, 2);
        yield signed(g, coordinate, g.binary(BinaryKind.SHR, all, eighth));
      }
      case EIGHTHS -> {
        Value less = times(g, f32(g, bits), -2.0);
        yield g.add(times(g, coordinate, 8.0), plus(g, less, 1.0));
      }
    };
  }

  /** The entries of a table of numbers at indices. */
  static Value pick(Ops g, List<Integer> values, Value index) {
    Value[] entries = new Value[values.size()];
    for (int i = 0; i < entries.length; i++) {
      entries[i] = g.fill(Shape.of(1), Scalar.f32(values.get(i)));
    }
    return g.gather(g.concat(0, entries), index, 0);
  }

  /** Negative where the lowest bit is set; no coordinate is zero. */
  private static Value signed(Ops g, Value coordinate, Value bits) {
    Value one = and(g, bits, like(g, bits, 1L));
    return g.select(
        equal(g, one, like(g, one, 1L)), g.unary(UnaryKind.NEG, coordinate), coordinate);
  }

  private static Value folded(Ops g, Value bits, long by) {
    return g.binary(BinaryKind.XOR, bits, shifted(g, BinaryKind.SHR, bits, by));
  }

  private static Value shifted(Ops g, BinaryKind kind, Value x, long by) {
    return g.binary(kind, x, like(g, x, by));
  }

  private static Value rest(Ops g, Value x, long by) {
    return g.binary(BinaryKind.REM, x, like(g, x, by));
  }

  /** All coordinates, F32 {@code [points * dims]}. */
  private static Value table(Ops g, Codebook book) {
    int width = book.levels().size() <= 4 ? 2 : 4;
    int each = Long.SIZE / width;
    int words = book.points() * book.dims() / each;
    Value[] constants = new Value[words];
    for (int w = 0; w < words; w++) {
      long word = 0;
      for (int i = 0; i < each; i++) {
        int at = w * each + i;
        word |= (long) book.digit(at / book.dims(), at % book.dims()) << width * i;
      }
      constants[w] = g.fill(Shape.of(1), Scalar.integer(DType.I64, word));
    }
    Shape shape = Shape.of(words, each);
    Value all = g.broadcast(g.concat(0, constants), shape, 0);
    Value shift = times(g, g.iota(shape, 1, DType.I64), width);
    Value low = g.binary(BinaryKind.SHR, all, shift);
    Value digits = g.cast(and(g, low, like(g, low, (1L << width) - 1)), DType.I32);
    return g.view(pick(g, book.levels(), digits), Dim.of((long) words * each));
  }
}
