package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;

/** Matrix product; its conditioning magnitude is the sum of |a||b|. */
final class MatmulOracle {
  private MatmulOracle() {}

  static RefTensor matmul(RefTensor a, RefTensor b, boolean transposeB, DType dtype, long[] sizes) {
    RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
    int rank = sizes.length;
    int m = (int) sizes[rank - 2];
    int n = (int) sizes[rank - 1];
    int k = a.size(rank - 1);
    int batches = Axes.product(sizes, 0, rank - 2);
    for (int batch = 0; batch < batches; batch++) {
      for (int row = 0; row < m; row++) {
        for (int column = 0; column < n; column++) {
          int firstA = (batch * m + row) * k;
          int firstB = batch * k * n + (transposeB ? column * k : column);
          dot(a, firstA, b, firstB, transposeB ? 1 : n, k, out, (batch * m + row) * n + column);
        }
      }
    }
    return out.build();
  }

  private static void dot(
      RefTensor a,
      int firstA,
      RefTensor b,
      int firstB,
      int strideB,
      int k,
      RefTensor.Builder out,
      int to) {
    double sum = 0;
    double magnitude = 0;
    double carried = 0;
    for (int i = 0; i < k; i++) {
      double u = a.real(firstA + i);
      double v = b.real(firstB + i * strideB);
      double du = a.bound(firstA + i);
      double dv = b.bound(firstB + i * strideB);
      sum += u * v;
      magnitude += Math.abs(u * v);
      carried += Math.abs(u) * dv + Math.abs(v) * du + du * dv;
    }
    if (k == 0) {
      out.unsignedZero(to, 0);
    } else {
      out.near(to, sum, Tolerance.accumulated(k, magnitude) + carried + k * 0x1p-149);
    }
  }
}
