package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.KC;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;
import java.util.Arrays;

/**
 * Copies rows of a matrix, widened, into panels {@code [KC][NR]}: row r of the matrix becomes
 * column r of a panel. Columns past the last row are zeros.
 */
final class Pack {
  /** Floats of a panel. */
  static final int PANEL = KC * NR;

  private Pack() {}

  /**
   * Packs up to NR rows as a whole panel.
   *
   * @param m source
   * @param row first row
   * @param rows rows there are, at most NR
   * @param k0 first column
   * @param kc columns
   * @param panel {@code [kc][NR]} from {@code at}
   * @param at first element of the panel
   * @param square scratch of VL x VL ints for the vector form, or empty for the scalar one
   */
  static void panel(
      Matrix m, int row, int rows, int k0, int kc, float[] panel, int at, int[] square) {
    columns(m, row, rows, k0, kc, panel, at, square);
    clear(kc, panel, at, rows, NR, NR);
  }

  /** Packs rows as the columns from {@code at} on. */
  static void columns(
      Matrix m, int row, int rows, int k0, int kc, float[] panel, int at, int[] square) {
    int done = 0;
    if (square.length > 0) {
      int whole = kc - kc % VectorPack.step(m.type);
      for (; done + VL <= rows; done += VL) {
        VectorPack.rows(m, row + done, k0, whole, panel, at + done, NR, square);
      }
      if (whole < kc) {
        scalar(m, row, done, k0 + whole, kc - whole, panel, at + whole * NR, NR);
      }
    }
    scalar(m, row + done, rows - done, k0, kc, panel, at + done, NR);
  }

  /** Zeros in columns {@code from} to {@code to} of lines {@code stride} apart. */
  static void clear(int kc, float[] panel, int at, int from, int to, int stride) {
    if (from < to) {
      for (int k = 0; k < kc; k++) {
        Arrays.fill(panel, at + k * stride + from, at + k * stride + to, 0);
      }
    }
  }

  /** Packs rows as columns of lines {@code stride} apart, exact for every bit pattern. */
  static void scalar(
      Matrix m, int row, int rows, int k0, int kc, float[] panel, int at, int stride) {
    for (int r = 0; r < rows; r++) {
      scalarRow(m, row + r, k0, kc, panel, at + r, stride);
    }
  }

  private static void scalarRow(
      Matrix m, int row, int k0, int kc, float[] panel, int at, int stride) {
    long p = m.row(row) + (long) k0 * m.type.bytes();
    if (m.type == DType.F32) {
      for (int k = 0; k < kc; k++) {
        panel[at + k * stride] = m.data.get(Lanes.F32, p + 4L * k);
      }
    } else if (m.type == DType.F16) {
      for (int k = 0; k < kc; k++) {
        panel[at + k * stride] = Float.float16ToFloat(m.data.get(Lanes.I16, p + 2L * k));
      }
    } else {
      brainRow(m, p, kc, panel, at, stride);
    }
  }

  /** Four halves a load. */
  private static void brainRow(Matrix m, long p, int kc, float[] panel, int at, int stride) {
    int k = 0;
    for (; k + 4 <= kc; k += 4) {
      long four = m.data.get(Lanes.I64, p + 2L * k);
      int low = (int) four;
      int high = (int) (four >> 32);
      panel[at + k * stride] = Float.intBitsToFloat(low << 16);
      panel[at + (k + 1) * stride] = Float.intBitsToFloat(low & 0xFFFF0000);
      panel[at + (k + 2) * stride] = Float.intBitsToFloat(high << 16);
      panel[at + (k + 3) * stride] = Float.intBitsToFloat(high & 0xFFFF0000);
    }
    for (; k < kc; k++) {
      panel[at + k * stride] = Float.intBitsToFloat(m.data.get(Lanes.I16, p + 2L * k) << 16);
    }
  }
}
