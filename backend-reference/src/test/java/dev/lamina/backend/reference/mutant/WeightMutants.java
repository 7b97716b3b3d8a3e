package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.Embedding;
import dev.lamina.spi.ir.CompositeOp.Linear;
import dev.lamina.spi.ir.QuantFormat;
import java.util.function.Supplier;

/** Projections, lookups and the decoding of quantised weights. */
final class WeightMutants {
  private WeightMutants() {}

  static void addTo(MutantList list) {
    list.area("linear", "linear/*");
    linears(list);
    list.area("embedding", "embedding/*");
    embeddings(list);
    list.area("Q8_0", "linear/*w=q8_0*", "embedding/1/q8_0/*");
    scales(list, QuantFormat.Q8_0);
    q8(list);
    list.area("Q4_0", "linear/*w=q4_0*", "embedding/1/q4_0/*");
    scales(list, QuantFormat.Q4_0);
    q4(list);
  }

  private static PlainLinear.Weights right() {
    return new PlainLinear.Weights();
  }

  private static void linears(MutantList list) {
    list.after("linear-scaled", "times 1.02", Linear.class, Spoils.every(v -> v * 1.02));
    list.after("linear-past-end", "a byte after it", Linear.class, Spoils::writePastTheEnd);
    list.op(
        "linear-bias-lost",
        "no bias",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, right()) {
              @Override
              double withBias(double sum, double bias) {
                return sum;
              }
            });
    list.op(
        "linear-bias-twice",
        "the bias twice",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, right()) {
              @Override
              double withBias(double sum, double bias) {
                return sum + 2 * bias;
              }
            });
    list.op(
        "linear-bias-after-rounding",
        "the sum is rounded to BF16 before the bias",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, right()) {
              @Override
              double withBias(double sum, double bias) {
                return op.biased() ? Spoils.toBf16(sum) + bias : sum;
              }
            });
    list.op(
        "linear-f16-accumulator",
        "sums in F16",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, right()) {
              @Override
              double add(double sum, double product) {
                return Spoils.toF16(sum + product);
              }
            });
    list.op(
        "linear-many-rows",
        "another kernel from 8 rows on, in BF16",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, right()) {
              @Override
              double withBias(double sum, double bias) {
                double y = super.withBias(sum, bias);
                return numRows >= 8 ? Spoils.toBf16(y) : y;
              }
            });
    list.op(
        "linear-one-row",
        "another kernel for one row, scaled by 1.001",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, right()) {
              @Override
              double withBias(double sum, double bias) {
                return super.withBias(sum, bias) * (numRows == 1 ? 1.001 : 1);
              }
            });
  }

  private static void embeddings(MutantList list) {
    list.op(
        "embedding-padding-is-row-0",
        "an id below 0 reads row 0",
        Embedding.class,
        op ->
            new PlainLinear.Embedding(right()) {
              @Override
              long row(long id, int t) {
                return Math.max(0, id);
              }
            });
    list.op(
        "embedding-one-off",
        "the row before, but for row 0",
        Embedding.class,
        op ->
            new PlainLinear.Embedding(right()) {
              @Override
              long row(long id, int t) {
                return id > 0 ? id - 1 : id;
              }
            });
    list.op(
        "embedding-last-row",
        "the last row is out of reach",
        Embedding.class,
        op ->
            new PlainLinear.Embedding(right()) {
              @Override
              long row(long id, int t) {
                return Math.min(id, weights.rows - 2);
              }
            });
    list.after("embedding-scaled", "times 1.001", Embedding.class, Spoils.every(v -> v * 1.001));
  }

  /** A bug of the weights of both projection and lookup; the projection shows it. */
  private static void weights(
      MutantList list, String name, String bug, Supplier<PlainLinear.Weights> wrong) {
    linear(list, name, bug, wrong);
    list.op(
        name + "-lookup",
        bug + ", in a lookup",
        Embedding.class,
        op -> new PlainLinear.Embedding(wrong.get()));
  }

  /** A bug of the weights of a projection. */
  static void linear(
      MutantList list, String name, String bug, Supplier<PlainLinear.Weights> wrong) {
    list.op(name, bug, Linear.class, op -> new PlainLinear.Linear(op, wrong.get()));
  }

  private static void scales(MutantList list, QuantFormat wanted) {
    String prefix = wanted == QuantFormat.Q8_0 ? "q8" : "q4";
    weights(
        list,
        prefix + "-scale-of-the-block-before",
        "the scale of another block",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                return super.scale(format, format == wanted && block > 0 ? block - 1 : block);
              }
            });
    weights(
        list,
        prefix + "-scale-of-the-row",
        "the scale of a row's first block",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                int blocks = depth / format.elements();
                return super.scale(format, format == wanted ? block / blocks * blocks : block);
              }
            });
    weights(
        list,
        prefix + "-scale-without-sign",
        "the scale's magnitude",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                double d = super.scale(format, block);
                return format == wanted ? Math.abs(d) : d;
              }
            });
    weights(
        list,
        prefix + "-scale-in-bf16",
        "the scale cut to 8 bits",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                double d = super.scale(format, block);
                return format == wanted ? Spoils.toBf16(d) : d;
              }
            });
    weights(
        list,
        prefix + "-subnormal-scale-lost",
        "a subnormal scale is 0",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                double d = super.scale(format, block);
                return format == wanted && Math.abs(d) < 0x1p-14 ? 0 : d;
              }
            });
    weights(
        list,
        prefix + "-last-block-lost",
        "the last block of a row is 0",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                int blocks = depth / format.elements();
                boolean last = format == wanted && block % blocks == blocks - 1 && blocks > 1;
                return last ? 0 : super.scale(format, block);
              }
            });
  }

  private static void q8(MutantList list) {
    weights(
        list,
        "q8-unsigned",
        "codes are unsigned",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q8(int block, int e) {
                return code(QuantFormat.Q8_0, block, e) & 255;
              }
            });
    weights(
        list,
        "q8-clamped",
        "the code -128 reads as -127",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q8(int block, int e) {
                return Math.max(-127, super.q8(block, e));
              }
            });
    weights(
        list,
        "q8-element-31",
        "the last code of a block reads as the one before",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q8(int block, int e) {
                return super.q8(block, Math.min(30, e));
              }
            });
  }

  private static void q4(MutantList list) {
    weights(
        list,
        "q4-nibbles-swapped",
        "the high nibble comes first",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q4(int block, int e) {
                return super.q4(block, (e + 16) % 32);
              }
            });
    weights(
        list,
        "q4-nibbles-interleaved",
        "nibbles of a byte are neighbours",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q4(int block, int e) {
                return super.q4(block, e % 2 * 16 + e / 2);
              }
            });
    weights(
        list,
        "q4-offset-7",
        "minus 7 in place of 8",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q4(int block, int e) {
                return super.q4(block, e) + 1;
              }
            });
    weights(
        list,
        "q4-high-nibble-lost",
        "the high nibble reads as the low one",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q4(int block, int e) {
                return super.q4(block, e % 16);
              }
            });
    weights(
        list,
        "q4-two-complement",
        "nibbles as signed numbers",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q4(int block, int e) {
                double v = super.q4(block, e);
                return v < 0 ? v + 8 : v - 8;
              }
            });
  }
}
