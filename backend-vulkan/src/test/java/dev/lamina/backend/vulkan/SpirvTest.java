package dev.lamina.backend.vulkan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every kernel is a module that {@code spirv-val} finds valid, as drivers take many that are not.
 * Skipped where that program is not installed, and the kernels whose capabilities it is too old to
 * know.
 */
class SpirvTest {
  private static final String TOO_OLD = "Invalid capability operand";

  @TempDir private Path folder;

  @TestFactory
  Stream<DynamicTest> kernels_areValid() throws IOException {
    assumeTrue(isInstalled(), "spirv-val is not installed; the package spirv-tools has it");
    List<Path> modules = SpirvModule.files();
    assertThat(modules).hasSizeGreaterThan(50);
    return modules.stream()
        .map(m -> DynamicTest.dynamicTest(m.getFileName().toString(), () -> validate(m)));
  }

  private static boolean isInstalled() {
    return Stream.of(System.getenv("PATH").split(Pattern.quote(File.pathSeparator)))
        .anyMatch(f -> Files.isExecutable(Path.of(f, "spirv-val")));
  }

  /** As a device gets it that lets itself be told everything. */
  private void validate(Path module) throws IOException, InterruptedException {
    int[] told =
        FloatControls.add(SpirvModule.words(module), FloatControlsTest.device(true, true, true));
    ByteBuffer out = ByteBuffer.allocate(4 * told.length).order(ByteOrder.LITTLE_ENDIAN);
    out.asIntBuffer().put(told);
    Path file = Files.write(folder.resolve(module.getFileName()), out.array());
    Process validator =
        new ProcessBuilder(
                "spirv-val", "--target-env", "vulkan1.2", "--scalar-block-layout", file.toString())
            .redirectErrorStream(true)
            .start();
    String said =
        new String(validator.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    int code = validator.waitFor();
    assumeFalse(said.contains(TOO_OLD), "spirv-val is too old for " + file.getFileName());
    assertThat(code).as(said).isZero();
  }
}
