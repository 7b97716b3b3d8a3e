package dev.lamina.backend.rocm.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What AMD's compiler made of each kernel file when the module was built: {@code kernels.xml}. */
class HipccTest {
  static final Iterable<String> FILES = CompileKernels.FILES;

  @ParameterizedTest
  @FieldSource("FILES")
  void aFile_isCompiledForWavesOf64AndOf32(String file) throws IOException {
    Path folder = Path.of("target", "hip");
    assumeTrue(Files.exists(folder), "hipcc was not there or not wanted, so it compiled no kernel");
    String bundle = Files.readString(folder.resolve(file + ".hsaco"), StandardCharsets.ISO_8859_1);
    assertThat(bundle).contains("amdgcn-amd-amdhsa--gfx90a", "amdgcn-amd-amdhsa--gfx1030");
  }
}
