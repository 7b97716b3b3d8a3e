package dev.lamina.backend.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lamina.backend.tornado.TornadoRuntime.DeviceFacts;
import dev.lamina.spi.InvalidProgram;
import org.junit.jupiter.api.Test;

class TornadoMemoryTest {
  private static final DeviceFacts LARGE =
      new DeviceFacts("chip", "p", "OPENCL", 1L << 36, 1L << 34);
  private static final DeviceFacts SMALL = new DeviceFacts("chip", "p", "PTX", 1L << 30, 1L << 30);

  @Test
  void unasked_halfOfTheDeviceOrWhatAnIntReaches() throws InvalidProgram {
    assertEquals((1L << 31) - 4096, TornadoMemory.bytes(LARGE, null));
    assertEquals(1L << 29, TornadoMemory.bytes(SMALL, null));
    assertEquals(1L << 28, TornadoMemory.bytes(SMALL, "268435456"));
  }

  @Test
  void whatIsNoSize_isRefusedWithTheBounds() {
    String bounds =
        "open tornado: expected -Dlamina.tornado.memory of 16777216 to 1073741824 bytes";
    for (String asked : new String[] {"much", "1000", "2000000000"}) {
      assertEquals(
          bounds + " for chip, got " + asked,
          assertThrows(InvalidProgram.class, () -> TornadoMemory.bytes(SMALL, asked)).getMessage());
    }
  }
}
