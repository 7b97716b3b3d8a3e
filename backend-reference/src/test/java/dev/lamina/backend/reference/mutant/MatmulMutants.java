package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CoreOp.Matmul;

/** Products of matrices. */
final class MatmulMutants {
  private MatmulMutants() {}

  static void addTo(MutantList list) {
    list.area("matmul", "matmul/*");
    results(list);
    sums(list);
    tiles(list);
    operands(list);
  }

  private static void results(MutantList list) {
    list.after("matmul-scaled", "times 1.02", Matmul.class, Spoils.every(v -> v * 1.02));
    list.after("matmul-scaled-slightly", "times 1.001", Matmul.class, Spoils.every(v -> v * 1.001));
    list.after("matmul-offset", "plus 0.001", Matmul.class, Spoils.every(v -> v + 1e-3));
    list.after("matmul-clamped", "at most 60", Matmul.class, Spoils.every(v -> Math.min(v, 60)));
    list.after("matmul-in-bf16", "result cut to BF16", Matmul.class, Spoils.every(Spoils::toBf16));
    list.after(
        "matmul-in-5-bits",
        "result cut to 5 bits of mantissa",
        Matmul.class,
        Spoils.every(Spoils::toFiveBits));
    list.after("matmul-nan-lost", "NaN becomes 0", Matmul.class, Spoils.every(Spoils::noNan));
    list.after("matmul-last-lost", "last element 0", Matmul.class, Spoils::loseLast);
    list.after("matmul-past-end", "a byte after the result", Matmul.class, Spoils::writePastTheEnd);
    list.after("matmul-spoils-input", "writes into its operand", Matmul.class, Spoils::writeInput);
    list.after(
        "matmul-one-zero-in-4096",
        "one element 0 beyond 4096 of them",
        Matmul.class,
        args -> {
          Cells out = Cells.out(args, 0);
          if (out.count() > 4096) {
            out.set(4096, 0);
          }
        });
    list.after(
        "matmul-race",
        "one element in 1000 is lost",
        Matmul.class,
        args -> {
          Cells out = Cells.out(args, 0);
          for (int i = 997; i < out.count(); i += 1000) {
            out.set(i, 0);
          }
        });
  }

  private static void sums(MutantList list) {
    list.op(
        "matmul-last-k-lost",
        "the last product is left out",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                return k == depth - 1 && k > 0 ? 0 : super.right(batch, k, n);
              }
            });
    list.op(
        "matmul-k-tail-lost",
        "products beyond a multiple of 8 are left out",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                return k >= depth / 8 * 8 && depth > 8 ? 0 : super.right(batch, k, n);
              }
            });
    list.op(
        "matmul-f16-accumulator",
        "sums in F16",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double add(double sum, double product) {
                return Spoils.toF16(sum + product);
              }
            });
    list.op(
        "matmul-bf16-accumulator",
        "sums in BF16",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double add(double sum, double product) {
                return Spoils.toBf16(sum + product);
              }
            });
    list.op(
        "matmul-truncating-adder",
        "the adder cuts off instead of rounding, at 20 bits",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double add(double sum, double product) {
                int bits = Float.floatToRawIntBits((float) (sum + product));
                return Float.intBitsToFloat(bits & 0xFFFFFFF0);
              }
            });
    list.op(
        "matmul-bf16-operands",
        "F32 operands cut to BF16",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double left(int batch, int m, int k) {
                return Spoils.toBf16(super.left(batch, m, k));
              }
            });
    list.op(
        "matmul-accumulator-kept",
        "starts from the last row's sum in column 0",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              private double kept;

              @Override
              double element(int batch, int m, int n) {
                double y = super.element(batch, m, n) + (n == 0 && m > 0 ? kept : 0);
                kept = n == 0 ? y : kept;
                return y;
              }
            });
  }

  private static void tiles(MutantList list) {
    list.op(
        "matmul-tail-column",
        "last column 0 where M is no multiple of 128",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                return numRows % 128 != 0 && n == numColumns - 1 ? 0 : super.element(batch, m, n);
              }
            });
    list.op(
        "matmul-batch-variant",
        "BF16 where there is more than one row",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                double y = super.element(batch, m, n);
                return numRows > 1 ? Spoils.toBf16(y) : y;
              }
            });
    list.op(
        "matmul-gemv-scaled",
        "times 1.001 where M is 1",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                return super.element(batch, m, n) * (numRows == 1 ? 1.001 : 1);
              }
            });
    list.op(
        "matmul-wide-tail",
        "last column repeated where N exceeds 256 and is no multiple of 16",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                boolean tail = numColumns > 256 && numColumns % 16 != 0 && n == numColumns - 1;
                return super.element(batch, m, tail ? n - 1 : n);
              }
            });
    list.op(
        "matmul-int16-offset",
        "offsets into b wrap at 2^15 elements, as those of a 32-bit int do at 2^31",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                boolean beyond = op.transposeB() && (long) n * depth + k >= 1 << 15;
                return beyond ? super.right(batch, 0, 0) : super.right(batch, k, n);
              }
            });
    list.op(
        "matmul-row-17",
        "row 17 reads row 16",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double left(int batch, int m, int k) {
                return super.left(batch, m == 17 ? 16 : m, k);
              }
            });
  }

  private static void operands(MutantList list) {
    list.op(
        "matmul-b-as-if-transposed",
        "reads b transposed where it is square",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                return depth == numColumns && !op.transposeB()
                    ? super.right(batch, n, k)
                    : super.right(batch, k, n);
              }
            });
    list.op(
        "matmul-first-batch",
        "b of batch 0 for all batches",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                return super.right(0, k, n);
              }
            });
    list.op(
        "matmul-skips-zero",
        "0 times NaN or infinity is 0",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double right(int batch, int k, int n) {
                double b = super.right(batch, k, n);
                return Double.isNaN(b) || Double.isInfinite(b) ? 0 : b;
              }
            });
    list.op(
        "matmul-subnormals-lost",
        "subnormal operands are zero",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double left(int batch, int m, int k) {
                return Spoils.flush(super.left(batch, m, k));
              }
            });
  }
}
