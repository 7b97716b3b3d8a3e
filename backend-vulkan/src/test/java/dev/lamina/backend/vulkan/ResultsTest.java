package dev.lamina.backend.vulkan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Unsupported;
import org.junit.jupiter.api.Test;

/** What users of the SPI are told of Vulkan's result codes. */
class ResultsTest {
  @Test
  void fullMemory_saysWhatTakesLess() {
    assertThat(Results.of(-2, "loadWeight w of 12 bytes"))
        .isInstanceOf(OutOfDeviceMemory.class)
        .hasMessage(
            "loadWeight w of 12 bytes: VK_ERROR_OUT_OF_DEVICE_MEMORY (-2); a model takes less with"
                + " --kv-memory or --max-num-batched-tokens");
  }

  @Test
  void aLostDevice_endsTheDevice() {
    assertThat(Results.of(-4, "run"))
        .isInstanceOf(DeviceLost.class)
        .hasMessage("run: VK_ERROR_DEVICE_LOST (-4); start the process anew");
  }

  @Test
  void others_keepTheirNumber() {
    assertThat(Results.of(-8, "open")).isInstanceOf(Unsupported.class);
    assertThat(Results.of(-1000, "open"))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage("open: VkResult (-1000)");
  }
}
