package dev.lamina.backend.rocm.driver;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the backend knows of HIP's structs and numbers, beside the header of this machine. */
class StructsTest {
  private static final String SOURCE =
      """
      #include <hip/hip_runtime_api.h>
      #include <stddef.h>
      #include <stdio.h>
      int main(void) {
        printf("%zu %zu %d %d %d %d %d %d", sizeof(hipDeviceProp_t),
               offsetof(hipDeviceProp_t, gcnArchName), hipDeviceAttributeMemoryBusWidth,
               hipDeviceAttributeMemoryClockRate, hipDeviceAttributeMultiprocessorCount,
               hipDeviceAttributeMaxSharedMemoryPerBlock, hipDeviceAttributeWarpSize,
               hipErrorNotReady);
      }
      """;

  @TempDir Path folder;

  @Test
  void theyAreThoseOfTheHeader() throws IOException, InterruptedException {
    assumeTrue(
        Files.exists(Path.of("/usr/include/hip/hip_runtime_api.h")),
        "no header of HIP, so its structs were not looked at");
    Path source = Files.writeString(folder.resolve("structs.c"), SOURCE);
    String program = folder.resolve("structs").toString();
    run(List.of("cc", "-w", "-D__HIP_PLATFORM_AMD__", source.toString(), "-o", program));
    String[] numbers = run(List.of(program)).split(" ");
    Hip.Properties known =
        numbers[0].equals("" + Hip.Properties.OLD.bytes)
            ? Hip.Properties.OLD
            : Hip.Properties.R0600;
    assertThat(numbers)
        .containsExactly(
            "" + known.bytes,
            "" + known.archOffset,
            "" + Hip.Attribute.MEMORY_BUS_WIDTH.number,
            "" + Hip.Attribute.MEMORY_CLOCK_RATE.number,
            "" + Hip.Attribute.MULTIPROCESSOR_COUNT.number,
            "" + Hip.Attribute.MAX_SHARED_MEMORY_PER_BLOCK.number,
            "" + Hip.Attribute.WARP_SIZE.number,
            "" + HipException.NOT_READY);
  }

  private static String run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), US_ASCII);
    assertThat(process.waitFor()).as(text).isZero();
    return text;
  }
}
