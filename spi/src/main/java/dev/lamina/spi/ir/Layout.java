package dev.lamina.spi.ir;

import java.util.List;

/** How the elements of a tensor lie in memory. */
public sealed interface Layout {
  /** Row-major and contiguous. */
  Dense DENSE = new Dense();

  /** Row-major and contiguous: the last axis has stride 1. */
  record Dense() implements Layout {}

  /**
   * A stride an axis.
   *
   * @param strides in elements, at least 0; 0 repeats one element along the axis
   */
  record Strided(List<Long> strides) implements Layout {
    /** Copies and checks the strides. */
    public Strided {
      strides = List.copyOf(strides);
      if (strides.stream().anyMatch(s -> s < 0)) {
        throw new GraphException("layout: expected strides of at least 0, got " + strides);
      }
    }
  }

  /**
   * Rows of quantised blocks over {@link DType#U8}.
   *
   * @param format the block format
   */
  record Blocked(QuantFormat format) implements Layout {}

  /**
   * A backend's own packing, meaningful to that backend only.
   *
   * @param tag its name
   */
  record Opaque(String tag) implements Layout {}
}
