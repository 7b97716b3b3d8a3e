package dev.lamina.backend.cpuvector.kernels;

/** The vector width that the kernels use. */
public final class VectorWidth {
  private VectorWidth() {}

  /**
   * Width of a vector.
   *
   * @return 128, 256 or 512 bits
   */
  public static int bits() {
    return 32 * Lanes.VL;
  }
}
