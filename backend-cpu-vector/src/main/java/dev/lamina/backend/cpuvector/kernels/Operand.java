package dev.lamina.backend.cpuvector.kernels;

/**
 * The left matrix of a product and the row stride of its result.
 *
 * <p>Mutable, so that a step allocates nothing.
 */
final class Operand {
  /** Rows, {@code stride} apart. */
  float[] data = new float[0];

  int stride;
  int outStride;

  Operand set(float[] data, int stride, int outStride) {
    this.data = data;
    this.stride = stride;
    this.outStride = outStride;
    return this;
  }
}
