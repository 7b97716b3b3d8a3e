package dev.lamina.spi.ir;

import java.util.Locale;

/**
 * Block formats of quantised weights, with their normative decoding.
 *
 * <p>A blocked tensor of logical shape {@code [..., K]} stores each row of K elements as {@code K /
 * elements} consecutive blocks of {@code bytes} bytes. All multi-byte fields are little-endian.
 * Source: the GGUF formats of ggml (facts only).
 */
public enum QuantFormat {
  /** F16 scale d, then 32 signed bytes q: {@code value[i] = d * q[i]}. */
  Q8_0(32, 34),
  /**
   * F16 scale d, then 16 bytes b: {@code value[i] = d * ((b[i] & 15) - 8)} for i &lt; 16 and {@code
   * value[i] = d * ((b[i-16] >> 4) - 8)} above.
   */
  Q4_0(32, 18);

  private final int elements;
  private final int bytes;

  QuantFormat(int elements, int bytes) {
    this.elements = elements;
    this.bytes = bytes;
  }

  /**
   * Elements in a block.
   *
   * @return a power of two
   */
  public int elements() {
    return elements;
  }

  /**
   * Size of a block.
   *
   * @return bytes
   */
  public int bytes() {
    return bytes;
  }

  /**
   * Name in graph text.
   *
   * @return lower-case name, such as {@code q8_0}
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
