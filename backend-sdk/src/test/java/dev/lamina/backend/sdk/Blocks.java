package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    float[] block = new float[format.elements()];
    MemorySegment raw = Arena.ofAuto().allocate(format.bytes());
    for (int b = 0; b < blocks; b++) {
      int at = b * format.bytes();
      for (int i = 0; i < format.bytes(); i++) {
        // No factor of infinity or NaN, whatever is written there.
        int drawn = random.nextInt(256) & 0xBB;
        bytes.ints[at + i] = drawn;
        raw.set(ValueLayout.JAVA_BYTE, i, (byte) drawn);
      }
      BlockDecoder.of(format).decode(raw, 0, 1, block, 0);
      for (int i = 0; i < format.elements(); i++) {
        decoded[b * format.elements() + i] = block[i];
      }
    }
    return bytes;
  }
}
