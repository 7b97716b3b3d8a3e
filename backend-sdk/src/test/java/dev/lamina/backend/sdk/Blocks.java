package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.util.Random;

/** Random quantised matrices with their decoded values. */
final class Blocks {
  private Blocks() {}

  /**
   * Random blocks.
   *
   * @param random source
   * @param format of the blocks
   * @param decoded {@code [n, k]}, filled in
   * @param k elements a row
   * @return the bytes
   */
  static Array random(Random random, QuantFormat format, double[] decoded, int k) {
    int blocks = decoded.length / format.elements();
    Array bytes =
        new Array(DType.U8, decoded.length / k, (long) k / format.elements() * format.bytes());
    for (int b = 0; b < blocks; b++) {
      short scale = Float.floatToFloat16(random.nextFloat() - 0.5f);
      int at = b * format.bytes();
      bytes.ints[at] = scale & 255;
      bytes.ints[at + 1] = scale >> 8 & 255;
      for (int i = 2; i < format.bytes(); i++) {
        bytes.ints[at + i] = random.nextInt(256);
      }
      double d = Float.float16ToFloat(scale);
      for (int i = 0; i < format.elements(); i++) {
        decoded[b * format.elements() + i] =
            switch (format) {
              case Q8_0 -> d * (byte) bytes.ints[at + 2 + i];
              case Q4_0 -> {
                long packed = bytes.ints[at + 2 + i % 16];
                yield d * ((i < 16 ? packed & 15 : packed >> 4) - 8);
              }
            };
      }
    }
    return bytes;
  }
}
