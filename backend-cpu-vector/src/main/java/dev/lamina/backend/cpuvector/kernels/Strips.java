package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;
import static dev.lamina.backend.cpuvector.kernels.WideTile.MR;

import dev.lamina.spi.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * Lays rows out for {@link WideTile}, in parallel: strips {@code [cols][MR]} of {@link WideTile#MR}
 * rows, with zeros for rows that the last one lacks.
 */
final class Strips implements WorkerPool.Task {
  private final WorkerPool pool;
  private final int[][] squares;
  private float[] data = new float[0];
  private int m;
  private int stride;
  private @Nullable Matrix x;

  Strips(WorkerPool pool) {
    this.pool = pool;
    squares = new int[pool.size()][VL * VL];
  }

  void run(Linear.Rows rows, int m, int cols) {
    x = Matrix.dense(rows.type(), rows.data(), rows.offset(), m, cols);
    this.m = m;
    // VectorPack writes VL columns at once, the last ones past the strip's end.
    stride = Lanes.roundUp(cols * MR + VL, 16);
    int strips = (m + MR - 1) / MR;
    if (data.length < strips * stride) {
      data = new float[Math.max(strips * stride, Math.min(2 * data.length, 1 << 24))];
    }
    pool.forEach(strips, this);
  }

  float[] data() {
    return data;
  }

  /** Where the strip begins that has this row first. */
  int strip(int row) {
    return row / MR * stride;
  }

  @Override
  public void run(int index, int worker) {
    Matrix rows = x;
    if (rows == null) {
      throw new AssertionError("strips: run without arguments");
    }
    int row = index * MR;
    int here = Math.min(MR, m - row);
    int at = index * stride;
    int whole = isVector(rows, row) ? rows.cols - rows.cols % VectorPack.step(rows.type) : 0;
    // The last ones first: what they write past MR columns is overwritten by the first ones.
    for (int r = (MR - 1) / VL * VL; r >= 0 && whole > 0; r -= VL) {
      VectorPack.rows(rows, row + r, 0, whole, data, at + r, MR, squares[worker]);
    }
    Pack.scalar(rows, row, here, whole, rows.cols - whole, data, at + whole * MR, MR);
    Pack.clear(rows.cols, data, at, here, MR, MR);
  }

  private boolean isVector(Matrix rows, int row) {
    if (row + Lanes.roundUp(MR, VL) > m || !HotKernel.pack(rows.type).isWarm()) {
      return false;
    }
    for (int i = 0; rows.type == DType.F16 && i < MR; i++) {
      if (Matrix.specialHalf(rows.data, rows.row(row + i), rows.cols)) {
        return false;
      }
    }
    return true;
  }
}
