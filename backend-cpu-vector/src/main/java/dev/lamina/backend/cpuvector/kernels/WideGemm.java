package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.WideTile.MR;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** {@link WideTile} over strips of x and weights off the heap: for vectors of sixteen lanes. */
final class WideGemm implements Gemm {
  private final Strips strips;
  private final float[][] panel;
  private final MemorySegment[] panels;

  WideGemm(WorkerPool pool) {
    strips = new Strips(pool);
    panel = new float[pool.size()][0];
    panels = new MemorySegment[pool.size()];
    for (int i = 0; i < panels.length; i++) {
      panels[i] = MemorySegment.NULL;
    }
  }

  @Override
  public int height() {
    return MR;
  }

  @Override
  public void begin(Linear.Rows x, int m, int cols, int numPanels) {
    strips.run(x, m, cols);
    long bytes = bytes(numPanels);
    for (int i = 0; i < panels.length; i++) {
      if (panels[i].byteSize() < bytes) {
        panel[i] = new float[Pack.PANEL];
        panels[i] = Arena.ofAuto().allocate(bytes, 64);
      }
    }
  }

  private static long bytes(int numPanels) {
    return 4L * Pack.PANEL * numPanels;
  }

  @Override
  public float[] panel(int worker) {
    return panel[worker];
  }

  @Override
  public int at(int index) {
    return 0;
  }

  @Override
  public void packed(int index, int worker) {
    MemorySegment.copy(panel[worker], 0, panels[worker], Lanes.F32, bytes(index), Pack.PANEL);
  }

  @Override
  public void multiply(
      int row, int rows, int k0, int kc, int worker, float[] sums, int at, int width) {
    float[] x = strips.data();
    int xo = strips.strip(row) + k0 * MR;
    for (int i = 0; i < width / NR; i++) {
      WideTile.rows(rows, panels[worker], bytes(i), x, xo, kc, sums, at + i * NR, width);
    }
  }
}
