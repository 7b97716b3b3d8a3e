package dev.lamina.spi;

import dev.lamina.spi.ir.TensorType;

/**
 * A tensor in a buffer.
 *
 * @param buffer where
 * @param offset of the first element, in bytes
 * @param type dtype, shape and layout; symbols take the values bound with it
 */
public record View(Buffer buffer, long offset, TensorType type) {
  /** Checks the offset. */
  public View {
    if (offset < 0 || offset > buffer.size()) {
      throw new IllegalArgumentException(
          "view: expected an offset of 0.." + buffer.size() + " bytes, got " + offset);
    }
  }
}
