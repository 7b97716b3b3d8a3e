package dev.lamina.backend.rocm.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.lamina.backend.sdk.grid.KernelSource;
import dev.lamina.spi.SpiVersion;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** AMD's own run-time compiler, where it is installed, for a chip of each size of wave. */
class HiprtcTest {
  private static Process start(String... args) throws IOException {
    List<String> folders = new ArrayList<>();
    for (Class<?> type :
        List.of(CompileKernels.class, Hip.class, KernelSource.class, SpiVersion.class)) {
      try {
        folders.add(
            Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
      } catch (URISyntaxException e) {
        throw new AssertionError(e);
      }
    }
    folders.add(Path.of("target", "test-classes").toString());
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.add(String.join(File.pathSeparator, folders));
    command.add(CompileKernels.class.getName());
    command.addAll(List.of(args));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private static String output(Process process) throws IOException, InterruptedException {
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    assumeFalse(text.startsWith("absent"), "no libamdhip64, so hiprtc compiled nothing");
    return text;
  }

  @Test
  void everyKernelFile_compilesForWavesOf64AndOf32() throws IOException, InterruptedException {
    Process wide = start("gfx90a");
    Process narrow = start("gfx1030");
    assertEachIsCode(output(wide), "gfx90a");
    assertEachIsCode(output(narrow), "gfx1030");
  }

  private static void assertEachIsCode(String text, String arch) {
    List<String> lines = text.lines().toList();
    assertThat(lines).hasSize(CompileKernels.FILES.size());
    assertThat(lines)
        .allSatisfy(line -> assertThat(line).matches(arch + " [a-z]+ [0-9]{4,} (ELF|_CL)"));
  }

  @Test
  void aChipThatItDoesNotKnow_isNeverAskedFor() throws IOException, InterruptedException {
    assertThat(output(start("refuse", "gfx9999")))
        .startsWith("kernels: expected one of gfx900, ")
        .contains("got gfx9999; install a newer ROCm");
  }
}
