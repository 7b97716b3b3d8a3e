package dev.lamina.conformance.cases;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.util.Arrays;

/**
 * The bytes of a buffer that holds one tensor between two guards. All that is no element is 0xFF,
 * which is NaN in every float type, so that reading a gap or leaving an element unwritten shows.
 */
final class HostImage {
  private static final int GUARD = 64;
  private static final byte FILLER = (byte) 0xFF;

  /** The whole buffer. */
  final byte[] bytes;

  /** Byte offset of the first element. */
  final int offset;

  private final TensorType type;
  private final long[] sizes;
  private final int payload;

  /**
   * An image without content.
   *
   * @param type dtype and layout
   * @param sizes elements an axis
   * @param offsetElements elements by which the tensor is shifted off its natural alignment
   */
  HostImage(TensorType type, long[] sizes, int offsetElements) {
    this.type = type;
    this.sizes = sizes.clone();
    this.payload = Math.toIntExact(type.byteSize(sizes));
    this.offset = GUARD + offsetElements * type.dtype().bytes();
    this.bytes = new byte[offset + payload + GUARD];
    Arrays.fill(bytes, FILLER);
  }

  /** Writes the elements; along an axis of stride 0 all must agree, and the first counts. */
  HostImage write(RefTensor tensor) {
    for (int i = tensor.count() - 1; i >= 0; i--) {
      Elements.write(bytes, at(i), type.dtype(), tensor.bits(i));
    }
    return this;
  }

  /** Reads the elements. */
  long[] read(byte[] memory) {
    long count = 1;
    for (long s : sizes) {
      count *= s;
    }
    long[] bits = new long[Math.toIntExact(count)];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Elements.read(memory, at(i), type.dtype());
    }
    return bits;
  }

  /** The tensor that these bytes hold, with repeated elements where a stride is 0. */
  RefTensor tensor() {
    return RefTensor.exact(type.dtype(), sizes, read(bytes));
  }

  private int at(int flat) {
    long rest = flat;
    long position = 0;
    long dense = 1;
    for (int axis = sizes.length - 1; axis >= 0; axis--) {
      long stride = type.layout() instanceof Layout.Strided s ? s.strides().get(axis) : dense;
      position += rest % sizes[axis] * stride;
      rest /= sizes[axis];
      dense *= sizes[axis];
    }
    return offset + (int) position * type.dtype().bytes();
  }

  /** Fails if a byte outside the tensor changed. */
  void checkGuards(String name, byte[] memory) {
    for (int i = 0; i < memory.length; i++) {
      boolean outside = i < offset || i >= offset + payload;
      if (outside && memory[i] != bytes[i]) {
        int distance = i < offset ? i - offset : i - offset - payload + 1;
        throw new CheckFailedException(
            "%s: expected nothing written outside the tensor, got a byte changed %d bytes %s"
                .formatted(name, Math.abs(distance), i < offset ? "before it" : "after it"));
      }
    }
  }

  /** Fails if any byte changed. */
  void checkUnchanged(String name, byte[] memory) {
    int i = Arrays.mismatch(bytes, memory);
    if (i >= 0) {
      throw new CheckFailedException(
          "input %s: expected it unchanged, got byte %d of its buffer changed from 0x%02x to 0x%02x"
              .formatted(name, i - offset, bytes[i], memory[i]));
    }
  }
}
