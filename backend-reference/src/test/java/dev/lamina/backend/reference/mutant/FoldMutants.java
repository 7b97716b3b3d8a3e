package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.Argmax;
import dev.lamina.spi.ir.CoreOp.Reduce;
import dev.lamina.spi.ir.CoreOp.Scan;
import dev.lamina.spi.ir.CoreOp.Topk;
import java.util.Arrays;

/** Reduce, scan, argmax and top-k. */
final class FoldMutants {
  private FoldMutants() {}

  static void addTo(MutantList list) {
    list.area("reduce", "reduce_*");
    reduces(list);
    list.area("scan", "scan_*");
    scans(list);
    list.area("argmax", "argmax/*");
    argmaxes(list);
    list.area("top-k", "topk/*");
    topks(list);
  }

  private static boolean isSum(Reduce op) {
    return op.kind() == CoreOp.ReduceKind.SUM;
  }

  private static void reduces(MutantList list) {
    list.after("reduce-scaled", "times 1.02", Reduce.class, Spoils.every(v -> v * 1.02));
    list.after("reduce-nan-lost", "NaN becomes 0", Reduce.class, Spoils.every(Spoils::noNan));
    list.around(
        "reduce-last-lost",
        "the last term is left out",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double fold(double[] terms) {
                return super.fold(Arrays.copyOf(terms, Math.max(1, terms.length) - 1));
              }
            });
    list.around(
        "reduce-tail-lost",
        "terms beyond a multiple of 32 are left out, from 64 on",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double fold(double[] terms) {
                int n = terms.length;
                return super.fold(n < 64 ? terms : Arrays.copyOf(terms, n / 32 * 32));
              }
            });
    list.around(
        "reduce-f16-accumulator",
        "sums in F16",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double step(double acc, double term) {
                double next = super.step(acc, term);
                return isSum(op) ? Spoils.toF16(next) : next;
              }
            });
    list.around(
        "reduce-long-sums-in-bf16",
        "sums of more than 256 terms in BF16",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double fold(double[] terms) {
                double y = super.fold(terms);
                return isSum(op) && terms.length > 256 ? Spoils.toBf16(y) : y;
              }
            });
    list.around(
        "reduce-max-padded-with-zero",
        "zero takes part in max and min",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double start() {
                return 0;
              }
            });
    list.around(
        "reduce-max-ignores-nan",
        "max and min pass over NaN",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double step(double acc, double term) {
                return Double.isNaN(term) && !isSum(op) ? acc : super.step(acc, term);
              }
            });
    list.around(
        "reduce-empty",
        "an empty maximum is the least finite number",
        Reduce.class,
        (op, right) ->
            new PlainFold.Reduce(op, right) {
              @Override
              double fold(double[] terms) {
                double y = super.fold(terms);
                return terms.length == 0 && !isSum(op) ? Math.copySign(Float.MAX_VALUE, y) : y;
              }
            });
    list.after(
        "reduce-min-of-unsigned",
        "unsigned integers compare as signed",
        Reduce.class,
        args -> {
          Cells x = Cells.in(args, 0);
          Cells out = Cells.out(args, 0);
          if (!x.isFloat() && !x.tensor().dtype().isSigned() && out.count() > 0) {
            out.setInteger(0, out.integer(0) ^ 1L << 8 * x.tensor().dtype().bytes() - 1);
          }
        });
  }

  private static void scans(MutantList list) {
    list.around(
        "scan-exclusive-inclusive",
        "exclusive and inclusive change places",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              boolean exclusive() {
                return !op.exclusive();
              }
            });
    list.around(
        "scan-reversed",
        "from the end",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double[] scan(double[] x, int line) {
                return reverse(super.scan(reverse(x), line));
              }
            });
    list.around(
        "scan-carry-lost-at-32",
        "starts anew after each 32 elements",
        Scan.class,
        (op, right) -> blocks(op, right, 32, 0));
    list.around(
        "scan-carry-lost-at-128",
        "starts anew after each 128 elements",
        Scan.class,
        (op, right) -> blocks(op, right, 128, 0));
    list.around(
        "scan-carry-lost-at-1024",
        "starts anew after each 1024 elements",
        Scan.class,
        (op, right) -> blocks(op, right, 1024, 0));
    list.around(
        "scan-carry-lost-exclusive",
        "exclusive scans longer than 128 lose the carry into the last block",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double carry(double acc, int k, int length) {
                boolean lost = op.exclusive() && length > 128 && k == (length - 1) / 128 * 128;
                return lost ? start() : acc;
              }
            });
    list.around(
        "scan-carry-of-the-block-before",
        "a block's carry is the sum of one block",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              private double begun;

              @Override
              double carry(double acc, int k, int length) {
                begun = k == 0 ? 0 : begun;
                if (k > 0 && k % 64 == 0 && op.kind() == CoreOp.ScanKind.SUM) {
                  double own = acc - begun;
                  begun = k == 64 ? 0 : own;
                  return own;
                }
                return acc;
              }
            });
    list.around(
        "scan-f16-accumulator",
        "sums in F16",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double step(double acc, double term) {
                double next = super.step(acc, term);
                return op.kind() == CoreOp.ScanKind.SUM ? Spoils.toF16(next) : next;
              }
            });
    list.around(
        "scan-line-carried",
        "a line starts where the last one ended",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              private double last;

              @Override
              double carry(double acc, int k, int length) {
                return k == 0 && op.kind() == CoreOp.ScanKind.SUM ? last : acc;
              }

              @Override
              double[] scan(double[] x, int line) {
                last = line == 0 ? 0 : last;
                double[] y = super.scan(x, line);
                last = y.length == 0 ? 0 : y[y.length - 1];
                return y;
              }
            });
    list.around(
        "scan-max-from-zero",
        "maxima start at zero",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double start() {
                return 0;
              }
            });
    list.around(
        "scan-nan-passes",
        "NaN does not go on",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double step(double acc, double term) {
                return super.step(Double.isNaN(acc) ? start() : acc, term);
              }
            });
    list.after("scan-last-lost", "last element 0", Scan.class, Spoils::loseLast);
  }

  private static PlainFold.Scan blocks(
      Scan op, dev.lamina.backend.sdk.Kernel right, int block, int after) {
    return new PlainFold.Scan(op, right) {
      @Override
      double carry(double acc, int k, int length) {
        return k > after && k % block == 0 ? start() : acc;
      }
    };
  }

  private static double[] reverse(double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[x.length - 1 - i];
    }
    return y;
  }

  private static void argmaxes(MutantList list) {
    list.after("argmax-last-tie", "the last of equal maxima", Argmax.class, FoldMutants::lastTie);
    list.after(
        "argmax-one-off",
        "one above where it is",
        Argmax.class,
        args -> {
          Cells out = Cells.out(args, 0);
          if (out.count() > 0) {
            out.setInteger(0, out.integer(0) + 1);
          }
        });
    list.after(
        "argmax-nan-wins",
        "NaN counts as the largest",
        Argmax.class,
        args -> {
          Cells x = Cells.in(args, 0);
          Cells out = Cells.out(args, 0);
          boolean rows = x.tensor().rank() == 2 && out.count() == x.size(0);
          for (int i = 0; i < x.count() && rows && x.isFloat(); i++) {
            if (Double.isNaN(x.get(i))) {
              out.setInteger(i / x.width(), i % x.width());
            }
          }
        });
  }

  /** As a kernel finds it that compares with {@code >=}. */
  private static void lastTie(KernelArgs args) {
    Cells x = Cells.in(args, 0);
    Cells out = Cells.out(args, 0);
    if (x.tensor().rank() != 2 || out.count() != x.size(0)) {
      return;
    }
    for (int row = 0; row < out.count(); row++) {
      long first = (long) row * x.width();
      double max = x.get(first + out.integer(row));
      for (int k = 0; k < x.width(); k++) {
        if (x.get(first + k) == max) {
          out.setInteger(row, k);
        }
      }
    }
  }

  private static void topks(MutantList list) {
    list.after(
        "topk-ties-reversed",
        "of equal values the highest index comes first",
        Topk.class,
        args -> {
          Cells values = Cells.out(args, 0);
          Cells indices = Cells.out(args, 1);
          for (int i = 1; i < values.count(); i++) {
            boolean sameLine = values.width() > 0 && i % values.width() != 0;
            if (sameLine && values.get(i) == values.get(i - 1L)) {
              swap(indices, i - 1, i);
            }
          }
        });
    list.after(
        "topk-ties-beyond-32",
        "ties after place 32 are out of order",
        Topk.class,
        args -> {
          Cells values = Cells.out(args, 0);
          Cells indices = Cells.out(args, 1);
          for (int i = 33; i < values.count() && values.tensor().rank() == 2; i++) {
            boolean late = i % values.width() > 32;
            if (late && values.get(i) == values.get(i - 1L)) {
              swap(indices, i - 1, i);
            }
          }
        });
    list.after(
        "topk-swapped",
        "the first two indices change places",
        Topk.class,
        args -> {
          if (Cells.out(args, 1).count() >= 2) {
            swap(Cells.out(args, 1), 0, 1);
          }
        });
    list.after("topk-last-lost", "the last value is 0", Topk.class, Spoils::loseLast);
  }

  private static void swap(Cells indices, int i, int j) {
    long kept = indices.integer(i);
    indices.setInteger(i, indices.integer(j));
    indices.setInteger(j, kept);
  }
}
