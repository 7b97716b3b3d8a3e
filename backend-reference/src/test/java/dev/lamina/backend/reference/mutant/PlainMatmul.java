package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CoreOp;

/**
 * A product of dense matrices {@code [.., M, K]} and {@code [.., K, N]}; bugs override a method.
 */
class PlainMatmul implements Kernel {
  final CoreOp.Matmul op;
  int numRows;
  int depth;
  int numColumns;
  private Cells left;
  private Cells right;

  @SuppressWarnings("NullAway.Init")
  PlainMatmul(CoreOp.Matmul op) {
    this.op = op;
  }

  @Override
  public void run(KernelArgs args) {
    left = Cells.in(args, 0);
    right = Cells.in(args, 1);
    Cells out = Cells.out(args, 0);
    numRows = out.size(-2);
    numColumns = out.size(-1);
    depth = left.size(-1);
    for (int i = 0; i < out.count(); i++) {
      int batch = i / numColumns / numRows;
      out.set(i, element(batch, i / numColumns % numRows, i % numColumns));
    }
  }

  double element(int batch, int m, int n) {
    double sum = 0;
    for (int k = 0; k < depth; k++) {
      sum = add(sum, left(batch, m, k) * right(batch, k, n));
    }
    return sum;
  }

  double add(double sum, double product) {
    return sum + product;
  }

  double left(int batch, int m, int k) {
    return left.get(((long) batch * numRows + m) * depth + k);
  }

  double right(int batch, int k, int n) {
    long base = (long) batch * depth * numColumns;
    return right.get(base + (op.transposeB() ? (long) n * depth + k : (long) k * numColumns + n));
  }
}
