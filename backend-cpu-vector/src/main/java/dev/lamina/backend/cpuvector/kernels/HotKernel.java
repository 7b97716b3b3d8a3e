package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;

/**
 * Kernels whose vector form starts slow: until C2 has compiled it, each vector is an object on the
 * heap. Until it is warm the scalar twin runs, with the same bits; {@link WarmUp} compiles the ones
 * that were asked for in the background.
 */
public enum HotKernel {
  /** {@link VectorTile}. */
  TILE,
  /** {@link VectorRows}. */
  ROWS,
  /** {@link VectorGates} and {@link Functions}. */
  GATES,
  /** {@link VectorDot} of F32. */
  DOT_F32,
  /** {@link VectorDot} of F16. */
  DOT_F16,
  /** {@link VectorDot} of BF16. */
  DOT_BF16,
  /** {@link VectorPack} of F32. */
  PACK_F32,
  /** {@link VectorPack} of F16. */
  PACK_F16,
  /** {@link VectorPack} of BF16. */
  PACK_BF16;

  private volatile boolean warm;
  private volatile boolean wanted;

  /**
   * The streaming product of a weight type.
   *
   * @param type F32, F16 or BF16
   * @return its kernel
   */
  public static HotKernel dot(DType type) {
    return type == DType.F32 ? DOT_F32 : type == DType.F16 ? DOT_F16 : DOT_BF16;
  }

  /**
   * The packing of a weight or pool type.
   *
   * @param type F32, F16 or BF16
   * @return its kernel
   */
  public static HotKernel pack(DType type) {
    return type == DType.F32 ? PACK_F32 : type == DType.F16 ? PACK_F16 : PACK_BF16;
  }

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

  /** Asks {@link WarmUp} to compile the vector form. */
  public void want() {
    wanted = true;
  }

  boolean isWanted() {
    return wanted && !warm;
  }
}
