package dev.lamina.backend.cpuvector.kernels;

/**
 * A form of the blocked product: how x and a thread's block of weights lie, and the loop over them.
 *
 * <p>All forms add a sum's products in the order of k: their bits are the same.
 */
interface Gemm {
  /** Most rows of x that are multiplied at once; a multiplication begins at a multiple of it. */
  int height();

  /**
   * Lays x out, with the pool, and makes room for weights.
   *
   * @param x {@code [m, cols]}
   * @param m rows
   * @param cols depth
   * @param panels of {@link Lanes#KC} x {@link Lanes#NR} weights that a thread holds
   */
  void begin(Linear.Rows x, int m, int cols, int panels);

  /** Takes a panel that is to be packed, from {@link #at} on. */
  float[] panel(int worker);

  /** Where a panel begins in {@link #panel}. */
  int at(int panel);

  /** Ends the packing of a panel. */
  void packed(int panel, int worker);

  /**
   * Adds products.
   *
   * @param row first row of x
   * @param rows how many, up to {@link #height}
   * @param k0 first column of x, at which the panels begin
   * @param kc depth
   * @param worker whose panels
   * @param sums {@code [height][width]}, of which rows past the last may be overwritten
   * @param at where they begin
   * @param width a multiple of NR: as many panels
   */
  void multiply(int row, int rows, int k0, int kc, int worker, float[] sums, int at, int width);
}
