package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.LayerNorm;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.CompositeOp.Rope;
import dev.lamina.spi.ir.CompositeOp.Sample;
import dev.lamina.spi.ir.CoreOp.Matmul;
import dev.lamina.spi.ir.CoreOp.Scan;
import dev.lamina.spi.ir.QuantFormat;
import java.util.List;

/** Bugs of what computes that show only where two things come together. */
final class PairedMutants {
  private PairedMutants() {}

  static void addTo(MutantList list) {
    list.area("rotary embedding, two conditions", "rope/*");
    rotations(list);
    list.area("norms, two conditions", "rms_norm/*", "layer_norm/*");
    norms(list);
    list.area("weights, two conditions", "linear/*w=q8_0*", "linear/*w=q4_0*");
    weights(list);
    list.area("folds, two conditions", "scan_*", "reduce_*");
    scans(list);
    list.area("sampling, two conditions", "sample/*");
    draws(list);
    list.area("matmul, two conditions", "matmul/*");
    products(list);
  }

  private static void rotations(MutantList list) {
    list.op(
        "rope-even-far-positions",
        "positions from 65536 on are rounded to even",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return super.angle(position >= 65536 ? position & ~1L : position, freq, head);
              }
            });
    list.op(
        "rope-last-head-of-partial",
        "with a part rotated, the last head is not turned",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                boolean lost = head == numHeads - 1 && rotaryDims() < headDim;
                return lost ? 0 : super.angle(position, freq, head);
              }
            });
    list.op(
        "rope-third-section",
        "the third section takes the positions of the second",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              int section(int pair) {
                int right = super.section(pair);
                return right == 2 ? 1 : right;
              }
            });
    list.op(
        "rope-scale-of-neox-only",
        "interleaved pairs are not scaled",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double scale(int pair) {
                return isNeox() ? super.scale(pair) : 1;
              }
            });
    list.op(
        "rope-scale-of-32-pairs",
        "pairs from the 33rd on are not scaled",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double scale(int pair) {
                return pair < 32 ? super.scale(pair) : 1;
              }
            });
    list.op(
        "rope-odd-positions",
        "angles of odd positions are larger by 2^-16",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                double right = super.angle(position, freq, head);
                return position % 2 == 0 ? right : (float) right * (1 + 0x1p-16);
              }
            });
  }

  private static void norms(MutantList list) {
    list.op(
        "rms-eps-outside-with-plus-one",
        "with 1 + w eps is outside the root",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return op.plusOne() ? 1 / (Math.sqrt(mean) + op.eps()) : super.inverse(mean);
              }
            });
    list.op(
        "rms-odd-wide-divisor",
        "odd widths beyond 64 divide by one less",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double divisor() {
                return width > 64 && width % 2 == 1 ? width - 1 : width;
              }
            });
    list.op(
        "rms-weight-without-sign",
        "weights lose their sign",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double factor(double w) {
                return super.factor(Math.abs(w));
              }
            });
    list.op(
        "layer-eps-as-least",
        "eps is the least variance, not added to it",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double inverse(double variance) {
                return 1 / Math.sqrt(Math.max(variance, op.eps()));
              }
            });
    list.op(
        "layer-single-element",
        "a row of one element keeps its mean",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double shift(double mean) {
                return width == 1 ? 0 : mean;
              }
            });
  }

  private static void weights(MutantList list) {
    WeightMutants.linear(
        list,
        "quantised-odd-block-of-many",
        "in rows of more than four blocks odd ones take the scale before",
        () ->
            new PlainLinear.Weights() {
              @Override
              int scaleBlock(int block, int blocksPerRow) {
                return blocksPerRow > 4 && block % blocksPerRow % 2 == 1 ? block - 1 : block;
              }
            });
    WeightMutants.linear(
        list,
        "quantised-negative-odd-scale",
        "a scale below zero loses its sign in odd blocks",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                double right = super.scale(format, block);
                return block % 2 == 1 ? Math.abs(right) : right;
              }
            });
    WeightMutants.linear(
        list,
        "quantised-scale-at-most-1000",
        "scales stop at 1000",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                return Math.min(1000, super.scale(format, block));
              }
            });
    WeightMutants.linear(
        list,
        "q4-last-nibble",
        "element 31 is element 30",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q4(int block, int e) {
                return super.q4(block, e == 31 ? 30 : e);
              }
            });
    WeightMutants.linear(
        list,
        "q4-zero-code",
        "the code of least value is 0",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q4(int block, int e) {
                double right = super.q4(block, e);
                return right == -8 ? 0 : right;
              }
            });
    WeightMutants.linear(
        list,
        "q8-code-of-minus-128",
        "the code -128 is 128",
        () ->
            new PlainLinear.Weights() {
              @Override
              double q8(int block, int e) {
                double right = super.q8(block, e);
                return right == -128 ? 128 : right;
              }
            });
    WeightMutants.linear(
        list,
        "quantised-last-row",
        "the last row takes the scales of the row before",
        () ->
            new PlainLinear.Weights() {
              @Override
              int scaleBlock(int block, int blocksPerRow) {
                return rows > 1 && block / blocksPerRow == rows - 1 ? block - blocksPerRow : block;
              }
            });
  }

  private static void scans(MutantList list) {
    list.around(
        "scan-odd-line-carry",
        "in odd lines the carry into element 32 is lost",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              private boolean odd;

              @Override
              double[] scan(double[] x, int line) {
                odd = line % 2 == 1;
                return super.scan(x, line);
              }

              @Override
              double carry(double acc, int k, int length) {
                return odd && k == 32 ? start() : acc;
              }
            });
    list.around(
        "scan-last-of-whole-blocks",
        "the carry into the last block is lost where all blocks are full",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double carry(double acc, int k, int length) {
                return length % 64 == 0 && length > 64 && k == length - 64 ? start() : acc;
              }
            });
    list.around(
        "scan-far-in-bf16",
        "what comes before elements from 4096 on is rounded to BF16",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double carry(double acc, int k, int length) {
                return k >= 4096 ? Spoils.toBf16(acc) : acc;
              }
            });
  }

  private static void draws(MutantList list) {
    list.op(
        "sample-negative-seed",
        "a seed below zero loses its sign",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double gumbel(Row row, int v) {
                return super.gumbel(
                    new Row(
                        row.index(),
                        row.temperature(),
                        row.topK(),
                        row.topP(),
                        row.minP(),
                        row.seed() & Long.MAX_VALUE,
                        row.position()),
                    v);
              }
            });
    list.op(
        "sample-signed-position",
        "positions from 2^31 on are taken for negative ones",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double gumbel(Row row, int v) {
                long low = (int) row.position();
                return super.gumbel(
                    new Row(
                        row.index(),
                        row.temperature(),
                        row.topK(),
                        row.topP(),
                        row.minP(),
                        row.seed(),
                        row.position() >>> 32 == 0 ? low : row.position()),
                    v);
              }
            });
    list.op(
        "sample-hot",
        "temperatures above 1 are 1",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double warm(double x, double temperature) {
                return super.warm(x, Math.min(1, temperature));
              }
            });
    list.op(
        "sample-min-p-lost-with-others",
        "with top-k and top-p there is no min-p",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> minP(List<Integer> order, double[] z, Row row) {
                boolean all = row.topK() > 0 && row.topP() < 1;
                return all ? order : super.minP(order, z, row);
              }
            });
    list.op(
        "sample-top-k-of-vocabulary",
        "a top-k of the whole vocabulary leaves the last out",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> topK(List<Integer> order, Row row) {
                boolean whole = row.topK() == order.size() && row.topK() > 1;
                return whole ? order.subList(0, order.size() - 1) : super.topK(order, row);
              }
            });
    list.op(
        "sample-top-p-large-token",
        "behind half of the mass a token of a fifth is kept",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              boolean reaches(double before, double own, double topP) {
                return super.reaches(before, own, topP) || before > 0.5 && own > 0.2;
              }
            });
  }

  private static void products(MutantList list) {
    list.op(
        "matmul-transposed-corner",
        "of an odd number of transposed columns the last loses its last product",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                boolean lost = numColumns % 2 == 1 && n == numColumns - 1 && k == depth - 1;
                return lost && op.transposeB() ? 0 : super.right(batch, k, n);
              }
            });
    list.op(
        "matmul-odd-batch-last-row",
        "the last of an odd number of rows is scaled by 1.001 in later batches",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                boolean wrong = batch > 0 && numRows % 2 == 1 && m == numRows - 1;
                return super.element(batch, m, n) * (wrong ? 1.001 : 1);
              }
            });
    list.op(
        "matmul-inner-corner",
        "beyond 32 rows and 32 columns results are scaled by 1.001",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                return super.element(batch, m, n) * (m >= 32 && n >= 32 ? 1.001 : 1);
              }
            });
    list.op(
        "matmul-whole-blocks-of-k",
        "where K is a multiple of 64 the last product counts twice",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double left(int batch, int m, int k) {
                boolean twice = depth % 64 == 0 && k == depth - 1;
                return super.left(batch, m, k) * (twice ? 2 : 1);
              }
            });
    list.op(
        "matmul-f16-between-blocks",
        "sums are rounded to F16 after each 256 products",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                double sum = 0;
                for (int k = 0; k < depth; k++) {
                  sum += left(batch, m, k) * right(batch, k, n);
                  sum = k % 256 == 255 && k < depth - 1 ? Spoils.toF16(sum) : sum;
                }
                return sum;
              }
            });
  }
}
