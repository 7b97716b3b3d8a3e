package dev.lamina.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.conformance.oracle.BlockOracle;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Holds the kit's decoding of blocks to that of the SDK, with which it shares no code and which is
 * itself held to golden blocks.
 */
class BlockOracleTest {
  private static final long SEED = 20261128;

  /** Every byte is drawn, so that factors and codes of all kinds meet, NaN and infinities too. */
  @ParameterizedTest
  @EnumSource
  void element_hasTheDecodersBits(QuantFormat format) {
    int blocks = 100;
    byte[] data = new byte[blocks * format.bytes()];
    new Random(SEED).nextBytes(data);
    float[] decoded = new float[blocks * format.elements()];
    BlockDecoder.of(format).decode(MemorySegment.ofArray(data), 0, blocks, decoded, 0);
    float[] elements = new float[decoded.length];
    for (int i = 0; i < elements.length; i++) {
      int block = i / format.elements() * format.bytes();
      elements[i] =
          (float)
              BlockOracle.element(format.spec(), b -> data[block + b] & 255, i % format.elements());
    }
    assertThat(elements).as("%s, seed %d", format, SEED).isEqualTo(decoded);
  }
}
