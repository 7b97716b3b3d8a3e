package dev.lamina.backend.cpuvector.kernels;

/**
 * Kernels whose vector form starts slow: until C2 has compiled it, each vector is an object on the
 * heap. Until it is warm the scalar twin runs, with the same bits.
 */
public enum HotKernel {
  /** {@link VectorDot}. */
  DOT,
  /** {@link VectorTile}. */
  TILE,
  /** {@link VectorPack}. */
  PACK,
  /** Softmax, activations and norms. */
  ROWS;

  private volatile boolean warm;

  /**
   * Whether the vector form is used.
   *
   * @return false at the start of a process
   */
  public boolean isWarm() {
    return warm;
  }

  void setWarm(boolean warm) {
    this.warm = warm;
  }
}
