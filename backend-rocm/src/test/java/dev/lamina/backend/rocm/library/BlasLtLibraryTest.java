package dev.lamina.backend.rocm.library;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.rocm.driver.Shim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where hipBLASLt is looked for: it must be of the HIP runtime's own ROCm. */
class BlasLtLibraryTest {
  @TempDir Path folder;

  private void put(String soname) throws IOException {
    Shim.open();
    Path lib = Files.createDirectories(folder.resolve("lib"));
    Files.copy(Path.of(System.getProperty("lamina.rocm.blaslt")), lib.resolve(soname));
  }

  @Test
  void theSoname_isThatOfTheRuntimesVersion() throws IOException {
    put("libhipblaslt.so.1");
    Map<String, String> env = Map.of("ROCM_PATH", folder.toString());
    BlasLtLibrary found = BlasLtLibrary.open(null, env, 7).orElseThrow();
    assertThat(found.name()).isIn("libhipblaslt.so.1", folder + "/lib/libhipblaslt.so.1");
    assertThat(found.has("hipblasLtMatmul")).isTrue();
    assertThat(found.has("hipblasLtNoSuchFunction")).isFalse();
    assertThat(BlasLtLibrary.open(null, env, 5)).isEmpty();
  }

  @Test
  void aNamedFile_isTheOnlyOneThatIsTried_andNoneIsNone() throws IOException {
    put("libhipblaslt.so.0");
    String rocm = folder.toString();
    assertThat(BlasLtLibrary.open(folder + "/none.so", Map.of("ROCM_PATH", rocm), 6)).isEmpty();
    Map<String, String> off = Map.of("ROCM_PATH", rocm, "LAMINA_ROCM_BLASLT", "none");
    assertThat(BlasLtLibrary.open(null, off, 6)).isEmpty();
    Map<String, String> named =
        Map.of("LAMINA_ROCM_BLASLT", System.getProperty("lamina.rocm.blaslt"));
    assertThat(BlasLtLibrary.open(null, named, 5)).isPresent();
  }
}
