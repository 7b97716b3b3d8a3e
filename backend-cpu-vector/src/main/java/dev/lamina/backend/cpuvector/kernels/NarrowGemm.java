package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;

/** {@link VectorTile} or its scalar twin over arrays: for any vectors, warm or not. */
final class NarrowGemm implements Gemm {
  private final Staging staging;
  private final float[][] panels;
  private final Operand[] operands;
  private boolean vector;

  NarrowGemm(WorkerPool pool) {
    staging = new Staging(pool);
    panels = new float[pool.size()][0];
    operands = new Operand[pool.size()];
    for (int i = 0; i < operands.length; i++) {
      operands[i] = new Operand();
    }
  }

  @Override
  public int height() {
    return Lanes.MR;
  }

  @Override
  public void begin(Linear.Rows x, int m, int cols, int numPanels) {
    vector = HotKernel.TILE.isWarm();
    staging.run(x, m, cols);
    for (int i = 0; i < panels.length; i++) {
      if (panels[i].length < numPanels * Pack.PANEL) {
        panels[i] = new float[numPanels * Pack.PANEL];
      }
    }
  }

  @Override
  public float[] panel(int worker) {
    return panels[worker];
  }

  @Override
  public int at(int panel) {
    return panel * Pack.PANEL;
  }

  @Override
  public void packed(int panel, int worker) {}

  /** A few rows of x, which stay in the first cache, times all panels, from the second. */
  @Override
  public void multiply(
      int row, int rows, int k0, int kc, int worker, float[] sums, int at, int width) {
    Operand x = operands[worker].set(staging.data(), staging.stride(), width);
    int xo = row * x.stride + k0;
    for (int i = 0; i < width / NR; i++) {
      if (vector) {
        VectorTile.rows(rows, panels[worker], at(i), x, xo, kc, sums, at + i * NR);
      } else {
        ScalarTile.rows(rows, panels[worker], at(i), x, xo, kc, sums, at + i * NR);
      }
    }
  }
}
