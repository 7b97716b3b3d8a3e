package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;

/** Counter-based random numbers, Philox-4x32-10. Source: Salmon et al., SC 2011. */
final class Philox {
  private static final long M0 = 0xD2511F53L;
  private static final long M1 = 0xCD9E8D57L;
  private static final long W0 = 0x9E3779B9L;
  private static final long W1 = 0xBB67AE85L;
  private static final int ROUNDS = 10;

  private Philox() {}

  /**
   * Gumbel noise {@code [R, vocab]}: element v uses word {@code v % 4} of the block with counter
   * {@code (position, v / 4, 0)} and the row's seed as key.
   *
   * @param g where to add the ops
   * @param seed I64 {@code [R]}
   * @param position I64 {@code [R]}
   * @param vocab elements a row
   * @return F32
   */
  static Value gumbel(Ops g, Value seed, Value position, long vocab) {
    Dim rows = seed.shape().dim(0);
    Dim blocks = Dim.of((vocab + 3) / 4);
    Shape shape = Shape.of(rows, blocks);
    Value[] counter = {
      word(g, position, 0, shape),
      word(g, position, 32, shape),
      g.iota(shape, 1, DType.U32),
      g.fill(shape, Scalar.integer(DType.U32, 0))
    };
    Value[] words = rounds(g, counter, word(g, seed, 0, shape), word(g, seed, 32, shape));
    Shape column = Shape.of(rows, blocks, Dim.of(1));
    Value[] columns = new Value[4];
    for (int i = 0; i < 4; i++) {
      columns[i] = g.view(words[i], column);
    }
    Value all = g.view(g.concat(2, columns), rows, Dim.of((vocab + 3) / 4 * 4));
    Value bits = g.slice(all, 1, 0, Dim.of(vocab));
    Value top = g.binary(BinaryKind.SHR, bits, like(g, bits, 9L));
    Value u = times(g, plus(g, g.cast(top, DType.F32), 0.5), 0x1p-23);
    return minusLog(g, minusLog(g, u));
  }

  private static Value minusLog(Ops g, Value x) {
    return g.unary(UnaryKind.NEG, g.unary(UnaryKind.LOG, x));
  }

  private static Value[] rounds(Ops g, Value[] counter, Value key0, Value key1) {
    Value[] c = counter;
    for (int round = 0; round < ROUNDS; round++) {
      Value k0 = plus(g, key0, round * W0);
      Value k1 = plus(g, key1, round * W1);
      Value a = product(g, c[0], M0);
      Value b = product(g, c[2], M1);
      c =
          new Value[] {
            xor(g, xor(g, high(g, b), c[1]), k0),
            low(g, b),
            xor(g, xor(g, high(g, a), c[3]), k1),
            low(g, a)
          };
    }
    return c;
  }

  private static Value product(Ops g, Value word, long factor) {
    return times(g, g.cast(word, DType.I64), factor);
  }

  /** Upper word of a product; the cast drops what an arithmetic shift brings in. */
  private static Value high(Ops g, Value product) {
    return g.cast(g.binary(BinaryKind.SHR, product, like(g, product, 32L)), DType.U32);
  }

  private static Value low(Ops g, Value product) {
    return g.cast(product, DType.U32);
  }

  private static Value xor(Ops g, Value a, Value b) {
    return g.binary(BinaryKind.XOR, a, b);
  }

  private static Value word(Ops g, Value x, long shift, Shape shape) {
    Value w = shift == 0 ? low(g, x) : high(g, x);
    return g.broadcast(w, shape, 0);
  }
}
