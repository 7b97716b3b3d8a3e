package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class NativeMemoryTest {
  @Test
  void allocate_givesZeroesFromACacheLineOn() throws Exception {
    for (long bytes : new long[] {0, 1, 100, 40L << 20}) {
      try (NativeMemory m = NativeMemory.allocate(bytes, "test")) {
        assertThat(m.segment().byteSize()).isEqualTo(bytes);
        assertThat(m.segment().address() % 64).isZero();
        for (long at = 0; at < bytes; at += 4093) {
          assertThat(m.segment().get(ValueLayout.JAVA_BYTE, at)).isZero();
        }
      }
    }
  }

  @Test
  void allocate_saysWhatDidNotFit() {
    assertThatThrownBy(() -> NativeMemory.allocate(1L << 61, "pool kv.0"))
        .isInstanceOf(OutOfDeviceMemory.class)
        .hasMessage(
            "pool kv.0: expected 2305843009213693952 bytes of host memory,"
                + " the system has not so many; ask for less");
  }
}
