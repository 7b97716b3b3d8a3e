package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.GatedActivation;
import dev.lamina.spi.ir.CompositeOp.LayerNorm;
import dev.lamina.spi.ir.CompositeOp.Linear;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.CompositeOp.Rope;
import dev.lamina.spi.ir.CompositeOp.StateCopy;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.Matmul;
import dev.lamina.spi.ir.CoreOp.Reduce;
import dev.lamina.spi.ir.CoreOp.Scan;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.StateSpec;

/** Bugs that show in one corner only: a size, a place, a dtype. */
final class SubtleMutants {
  private SubtleMutants() {}

  static void addTo(MutantList list) {
    list.area("matmul, in a corner", "matmul/*");
    matmuls(list);
    list.area("folds, in a corner", "reduce_*", "scan_*");
    folds(list);
    list.area("norms, in a corner", "rms_norm/*", "layer_norm/*");
    norms(list);
    list.area("rotary embedding, in a corner", "rope/*");
    ropes(list);
    list.area("weights, in a corner", "linear/*", "embedding/*");
    weights(list);
    list.area("KV copy, in a corner", "state_copy/*");
    copies(list);
    list.area("gated activation, in a corner", "gated_activation/*");
    list.op(
        "gate-rounded",
        "the gate is rounded to BF16 before the product",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(op) {
              @Override
              double gate(double g) {
                return Spoils.toBf16(super.gate(g));
              }
            });
    list.op(
        "gate-tail",
        "a gate far below zero is 0",
        GatedActivation.class,
        op ->
            new PlainLayers.Gated(op) {
              @Override
              double gate(double g) {
                return g < -3 ? 0 : super.gate(g);
              }
            });
  }

  /** Says what becomes of an element. */
  private interface Element {
    double of(PlainMatmul m, int batch, int row, int column, double y);
  }

  private static void element(MutantList list, String name, String bug, Element element) {
    list.op(
        "matmul-" + name,
        bug,
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                return element.of(this, batch, m, n, super.element(batch, m, n));
              }
            });
  }

  private static void matmuls(MutantList list) {
    element(
        list,
        "one-column",
        "times 1.001 where N is 1",
        (o, b, m, n, y) -> o.numColumns == 1 ? y * 1.001 : y);
    element(
        list,
        "batch-of-rows",
        "times 1.001 from the second batch on",
        (o, b, m, n, y) -> b > 0 ? y * 1.001 : y);
    element(
        list,
        "beyond-4096-columns",
        "columns from 4096 on are 0",
        (o, b, m, n, y) -> n >= 4096 ? 0 : y);
    element(
        list,
        "row-64",
        "rows from 64 on are scaled by 1.001",
        (o, b, m, n, y) -> m >= 64 ? y * 1.001 : y);
    element(
        list,
        "small-lost",
        "results below 1e-4 are 0",
        (o, b, m, n, y) -> Math.abs(y) < 1e-4 ? 0 : y);
    element(
        list,
        "scaled-16-bit",
        "16-bit results are scaled by 1.0005",
        (o, b, m, n, y) -> o.op.out() == DType.F32 ? y : y * 1.0005);
    element(
        list,
        "twice-rounded",
        "16-bit results go through F16",
        (o, b, m, n, y) -> o.op.out() == DType.BF16 ? Spoils.toF16(y) : y);
    element(
        list,
        "saturates",
        "F16 results stop at 65504",
        (o, b, m, n, y) -> o.op.out() == DType.F16 ? Math.max(-65504, Math.min(65504, y)) : y);
    element(
        list,
        "odd-k",
        "the last product counts twice where K is odd",
        (o, b, m, n, y) ->
            o.depth % 2 == 1 ? y + o.left(b, m, o.depth - 1) * o.right(b, o.depth - 1, n) : y);
    element(
        list,
        "long-k",
        "products beyond 4096 are lost",
        (o, b, m, n, y) -> {
          double sum = y;
          for (int k = 4096; k < o.depth; k++) {
            sum -= o.left(b, m, k) * o.right(b, k, n);
          }
          return sum;
        });
    element(
        list,
        "two-rows",
        "of two rows the second is the first",
        (o, b, m, n, y) -> {
          double sum = 0;
          for (int k = 0; k < o.depth && o.numRows == 2; k++) {
            sum += o.left(b, 0, k) * o.right(b, k, n);
          }
          return o.numRows == 2 ? sum : y;
        });
    element(
        list,
        "swapped-tail",
        "where N is 8 i + 3, the last two columns are alike",
        (o, b, m, n, y) -> {
          double sum = 0;
          boolean hit = o.numColumns % 8 == 3 && n == o.numColumns - 1;
          for (int k = 0; k < o.depth && hit; k++) {
            sum += o.left(b, m, k) * o.right(b, k, n - 1);
          }
          return hit ? sum : y;
        });
  }

  private static void folds(MutantList list) {
    list.around(
        "scan-first-kept",
        "an exclusive scan begins with the first element",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double[] scan(double[] x, int line) {
                double[] y = super.scan(x, line);
                if (op.exclusive() && y.length > 0) {
                  y[0] = x[0];
                }
                return y;
              }
            });
    list.around(
        "scan-finite-start",
        "an exclusive maximum begins with the least number",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double start() {
                return op.kind() == CoreOp.ScanKind.SUM ? 0 : -Float.MAX_VALUE;
              }
            });
    list.around(
        "scan-bf16-carry",
        "the carry is rounded to BF16 at each 64 elements",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double carry(double acc, int k, int length) {
                return k > 0 && k % 64 == 0 ? Spoils.toBf16(acc) : acc;
              }
            });
    list.around(
        "scan-line-256",
        "lines from 256 on are those before",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              private double[] last = {};

              @Override
              double[] scan(double[] x, int line) {
                double[] y = line >= 256 ? last : super.scan(x, line);
                last = y;
                return y;
              }
            });
    list.around(
        "scan-inner-128",
        "the carry into element 128 is lost off the last axis",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double carry(double acc, int k, int length) {
                return op.dim() == 0 && k == 128 ? start() : acc;
              }
            });
    list.after(
        "scan-i32-saturates",
        "integer sums stop at 2^31 - 1",
        Scan.class,
        args -> {
          Cells out = Cells.out(args, 0);
          for (int i = 0; i < out.count() && out.tensor().dtype() == DType.I32; i++) {
            out.setInteger(i, out.integer(i) < -1 << 30 ? Integer.MAX_VALUE : out.integer(i));
          }
        });
    list.around(
        "reduce-long",
        "terms beyond 4096 are lost",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double fold(double[] terms) {
                int n = Math.min(terms.length, 4096);
                return super.fold(java.util.Arrays.copyOf(terms, n));
              }
            });
    list.around(
        "reduce-order-of-nan",
        "max is NaN only if the first term is",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              private int seen;

              @Override
              double fold(double[] terms) {
                seen = 0;
                return super.fold(terms);
              }

              @Override
              double step(double acc, double term) {
                boolean skip =
                    seen++ > 0 && Double.isNaN(term) && op.kind() != CoreOp.ReduceKind.SUM;
                return skip ? acc : super.step(acc, term);
              }
            });
  }

  private static void norms(MutantList list) {
    list.op(
        "rms-rounded-before-weight",
        "rounded to BF16 before the weight",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return Spoils.toBf16(super.inverse(mean));
              }
            });
    list.op(
        "rms-long-rows",
        "the sum stops at 4096 elements",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              int counted() {
                return Math.min(4096, width);
              }
            });
    list.op(
        "rms-eps-of-the-sum",
        "eps is added to the sum, not to the mean",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double inverse(double mean) {
                return 1 / Math.sqrt(mean + op.eps() / width);
              }
            });
    list.op(
        "rms-plus-one-in-bf16",
        "1 + w is rounded to BF16",
        RmsNorm.class,
        op ->
            new PlainNorms.Rms(op) {
              @Override
              double factor(double w) {
                return op.plusOne() ? Spoils.toBf16(super.factor(w)) : super.factor(w);
              }
            });
    row(list, "rms-row-8", RmsNorm.class, 8);
    row(list, "rms-row-64", RmsNorm.class, 64);
    row(list, "layer-row-8", LayerNorm.class, 8);
    row(list, "layer-row-64", LayerNorm.class, 64);
    list.op(
        "layer-mean-in-bf16",
        "the mean is rounded to BF16",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double shift(double mean) {
                return Spoils.toBf16(mean);
              }
            });
    list.op(
        "layer-variance-in-f16",
        "the variance is rounded to F16",
        LayerNorm.class,
        op ->
            new PlainNorms.Layer(op) {
              @Override
              double variance(double[] v, double mean) {
                return Spoils.toF16(super.variance(v, mean));
              }
            });
  }

  /** Rows from some row on are scaled. */
  private static <O extends dev.lamina.spi.ir.Op> void row(
      MutantList list, String name, Class<O> type, int first) {
    list.after(
        name,
        "rows from %d on are scaled by 1.001".formatted(first),
        type,
        args -> {
          Cells out = Cells.out(args, 0);
          for (long i = (long) first * out.width();
              i < out.count() && out.tensor().dtype() == DType.F32;
              i++) {
            out.set(i, out.get(i) * 1.001);
          }
        });
  }

  private static void ropes(MutantList list) {
    list.op(
        "rope-16-bit-position",
        "positions wrap at 65536",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return super.angle(position & 0xFFFF, freq, head);
              }
            });
    list.op(
        "rope-fast-sine",
        "angles are reduced in F32 by 3.1415927",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                float a = (float) super.angle(position, freq, head);
                float turn = (float) (2 * Math.PI);
                return a - turn * (float) Math.floor(a / turn);
              }
            });
    list.op(
        "rope-head-8",
        "heads from the ninth on are not turned",
        Rope.class,
        op ->
            new PlainLayers.Rope(op) {
              @Override
              double angle(long position, double freq, int head) {
                return head >= 8 ? 0 : super.angle(position, freq, head);
              }
            });
    list.after(
        "rope-rest-lost",
        "what is not rotated is 0",
        Rope.class,
        args -> {
          Cells x = Cells.in(args, 0);
          Cells freqs = Cells.in(args, 2);
          Cells out = Cells.out(args, 0);
          for (int i = 0; i < x.count(); i++) {
            if (i % x.width() >= 2 * freqs.count()) {
              out.set(i, 0);
            }
          }
        });
    list.after(
        "rope-token-33",
        "tokens from the 34th on repeat the 33rd's angles",
        Rope.class,
        args -> {
          Cells out = Cells.out(args, 0);
          int row = out.size(1) * out.size(2);
          for (int i = 33 * row; i < out.count(); i++) {
            out.set(i, Cells.in(args, 0).get(i));
          }
        });
  }

  private static void weights(MutantList list) {
    list.op(
        "linear-row-16",
        "rows of weights from 16 on take their scale 16 rows above",
        Linear.class,
        op ->
            new PlainLinear.Linear(
                op,
                new PlainLinear.Weights() {
                  @Override
                  int scaleBlock(int block, int blocksPerRow) {
                    int up = 16 * blocksPerRow;
                    return block >= up ? block - up : block;
                  }
                }));
    list.op(
        "q8-product-in-f16",
        "scale times code is rounded to F16",
        Linear.class,
        op ->
            new PlainLinear.Linear(
                op,
                new PlainLinear.Weights() {
                  @Override
                  double q8(int block, int e) {
                    double d = scale(QuantFormat.Q8_0, block);
                    double v = super.q8(block, e);
                    return d == 0 ? v : Spoils.toF16(d * v) / d;
                  }
                }));
    list.op(
        "q4-first-block-only",
        "codes beyond 4096 elements of a row repeat",
        Linear.class,
        op ->
            new PlainLinear.Linear(
                op,
                new PlainLinear.Weights() {
                  @Override
                  double q4(int block, int e) {
                    int blocks = depth / 32;
                    return super.q4(block / blocks * blocks + block % blocks % 128, e);
                  }
                }));
    list.op(
        "linear-bias-of-16",
        "biases beyond 16 repeat",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, new PlainLinear.Weights()) {
              private int column;

              @Override
              double withBias(double sum, double bias) {
                column++;
                return op.biased() && (column - 1) % weights.rows >= 64 ? sum : sum + bias;
              }
            });
    list.op(
        "linear-act-in-8-bits",
        "products of more than one row are rounded to 8 bits",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, new PlainLinear.Weights()) {
              @Override
              double add(double sum, double product) {
                return sum + (numRows > 1 ? Spoils.toBf16(product) : product);
              }
            });
  }

  private static void copies(MutantList list) {
    list.op(
        "copy-whole-words",
        "bytes beyond a multiple of 8 are not copied",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              long bytes(StateSpec.Entry entry) {
                return entry.bytesPerSlot() / 8 * 8;
              }
            });
    list.op(
        "copy-first-head",
        "the first head only",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              long bytes(StateSpec.Entry entry) {
                return entry.bytesPerSlot() / entry.shape().getFirst();
              }
            });
    list.op(
        "copy-last-slot",
        "the pool's last slot is out of reach",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return super.isWanted(src, dst) && src != 159 && src != 31;
              }
            });
    list.op(
        "copy-within-a-page",
        "pairs within one page are left out",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return super.isWanted(src, dst) && src / 16 != dst / 16;
              }
            });
    list.op(
        "copy-upwards-only",
        "pairs downwards are left out",
        StateCopy.class,
        op ->
            new PlainPool.Copy() {
              @Override
              boolean isWanted(long src, long dst) {
                return super.isWanted(src, dst) && src <= dst;
              }
            });
  }
}
