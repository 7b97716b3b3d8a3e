package dev.lamina.models.checkpoint;

import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;

/**
 * A tensor as it lies in a checkpoint.
 *
 * @param name its name there
 * @param type element type, shape and layout; all dims constant
 * @param data its bytes, little-endian, off the heap, valid until the source is closed
 * @param origin file that holds it, for messages
 */
public record StoredTensor(String name, TensorType type, MemorySegment data, String origin) {
  /** Checks that the bytes are as many as the type says. */
  public StoredTensor {
    if (data.byteSize() != type.byteSize()) {
      throw new IllegalArgumentException(
          "tensor %s: expected %d bytes for %s, got %d in %s"
              .formatted(name, type.byteSize(), type, data.byteSize(), origin));
    }
  }

  /**
   * Number of (decoded) elements.
   *
   * @return the product of the dims
   */
  public long elements() {
    return type.shape().elements();
  }
}
