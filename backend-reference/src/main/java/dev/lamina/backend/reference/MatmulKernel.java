package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CoreOp;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Matrix product of any strides: {@code out[.., m, n] = sum over k of a[.., m, k] * b[.., k, n]}.
 * Products and sums in F64, one rounding at the end.
 */
final class MatmulKernel implements Kernel {
  private static final int COLUMNS = 4;

  private final boolean transposeB;

  MatmulKernel(CoreOp.Matmul op) {
    this.transposeB = op.transposeB();
  }

  @Override
  public void run(KernelArgs args) {
    Tensor a = args.in(0);
    Tensor b = args.in(1);
    Tensor out = args.out(0);
    int rank = out.rank();
    List<Integer> batch = IntStream.range(0, rank - 2).boxed().toList();
    Walk fromA = new Walk(a, batch);
    Walk fromB = new Walk(b, batch);
    Walk to = new Walk(out, batch);
    for (long i = 0; i < to.count(); i++) {
      multiply(a, fromA.next(), b, fromB.next(), out, to.next());
    }
  }

  private void multiply(Tensor a, long aBase, Tensor b, long bBase, Tensor out, long outBase) {
    int row = out.rank() - 2;
    int column = out.rank() - 1;
    int kAxis = transposeB ? column : row;
    int nAxis = transposeB ? row : column;
    int m = (int) out.size(row);
    int n = (int) out.size(column);
    int k = (int) a.size(column);
    float[][] rows = new float[m][k];
    float[][] weights = new float[COLUMNS][k];
    float[][] products = new float[m][n];
    for (int i = 0; i < m; i++) {
      read(a, aBase + i * a.stride(row) * a.dtype().bytes(), column, rows[i]);
    }
    for (int j = 0; j < n; j += COLUMNS) {
      int columns = Math.min(COLUMNS, n - j);
      for (int c = 0; c < columns; c++) {
        read(b, bBase + (j + c) * b.stride(nAxis) * b.dtype().bytes(), kAxis, weights[c]);
      }
      for (int i = 0; i < m; i++) {
        dots(rows[i], weights, products[i], j, columns);
      }
    }
    long step = out.stride(column) * out.dtype().bytes();
    for (int i = 0; i < m; i++) {
      long to = outBase + i * out.stride(row) * out.dtype().bytes();
      Elements.setFloats(out.dtype(), out.segment(), to, step, products[i], 0, n);
    }
  }

  private static void read(Tensor t, long at, int axis, float[] line) {
    long step = t.stride(axis) * t.dtype().bytes();
    Elements.getFloats(t.dtype(), t.segment(), at, step, line, 0, line.length);
  }

  /** Four sums side by side: each addition waits for the one before it in its own sum alone. */
  private static void dots(float[] x, float[][] y, float[] out, int at, int columns) {
    float[] y0 = y[0];
    float[] y1 = y[1];
    float[] y2 = y[2];
    float[] y3 = y[3];
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    for (int i = 0; i < x.length; i++) {
      double v = x[i];
      s0 += v * y0[i];
      s1 += v * y1[i];
      s2 += v * y2[i];
      s3 += v * y3[i];
    }
    double[] sums = {s0, s1, s2, s3};
    for (int c = 0; c < columns; c++) {
      out[at + c] = (float) sums[c];
    }
  }
}
