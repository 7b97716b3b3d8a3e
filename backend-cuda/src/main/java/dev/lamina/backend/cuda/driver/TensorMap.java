package dev.lamina.backend.cuda.driver;

import java.util.List;

/**
 * A tensor in device memory as the tensor memory accelerator copies tiles of it: {@code
 * cuTensorMapEncodeTiled} without interleaving, with element strides of 1, whole 256-byte pieces of
 * L2, and zeros for what lies outside.
 *
 * @param element what it holds
 * @param address device address, a multiple of 16
 * @param sizes elements of each dimension, the innermost first; 1 to 5
 * @param stridesBytes from one index to the next in each dimension but the innermost; multiples of
 *     16
 * @param box elements of a tile in each dimension, each at most 256
 * @param swizzle how a tile lies in shared memory
 */
public record TensorMap(
    Element element,
    long address,
    List<Long> sizes,
    List<Long> stridesBytes,
    List<Integer> box,
    Swizzle swizzle) {
  /** Copies the lists and compares their lengths. */
  public TensorMap {
    sizes = List.copyOf(sizes);
    stridesBytes = List.copyOf(stridesBytes);
    box = List.copyOf(box);
    if (sizes.isEmpty()
        || sizes.size() > 5
        || stridesBytes.size() != sizes.size() - 1
        || box.size() != sizes.size()) {
      throw new IllegalArgumentException(
          "tensor map: expected 1 to 5 sizes, a stride less and as many box sizes, got sizes %s, strides %s, box %s"
              .formatted(sizes, stridesBytes, box));
    }
  }

  /** {@code CUtensorMapDataType}. */
  public enum Element {
    /** Bytes, also for FP8 and packed formats. */
    U8(0),
    /** IEEE half. */
    F16(6),
    /** IEEE single. */
    F32(7),
    /** bfloat16. */
    BF16(9);

    final int number;

    Element(int number) {
      this.number = number;
    }
  }

  /** {@code CUtensorMapSwizzle}: the width in which 16-byte pieces are exchanged. */
  public enum Swizzle {
    /** Rows lie one after the other. */
    NONE,
    /** Within 32 bytes. */
    B32,
    /** Within 64 bytes. */
    B64,
    /** Within 128 bytes. */
    B128
  }
}
