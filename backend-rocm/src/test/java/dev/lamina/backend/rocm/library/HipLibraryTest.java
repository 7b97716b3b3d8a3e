package dev.lamina.backend.rocm.library;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.rocm.driver.Shim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where AMD's libraries are looked for, and what may be missing in them. */
class HipLibraryTest {
  @TempDir Path folder;

  @Test
  void aNamedFile_isTheOnlyOneThatIsTried() {
    Map<String, String> env = Map.of("ROCM_PATH", folder.toString());
    assertThat(HipLibrary.open(folder.resolve("none.so").toString(), env)).isEmpty();
    Map<String, String> named = Map.of("LAMINA_ROCM_LIBRARY", folder + "/none.so");
    assertThat(HipLibrary.open(null, named)).isEmpty();
  }

  @Test
  void rocmsFolder_isSearchedBehindTheLoaders() throws IOException {
    Shim.open();
    Path shim = Path.of(System.getProperty("lamina.rocm.library"));
    Path library = Files.createDirectories(folder.resolve("lib")).resolve("libamdhip64.so.7");
    Files.copy(shim, library);
    HipLibrary found = HipLibrary.open(null, Map.of("ROCM_PATH", folder.toString())).orElseThrow();
    assertThat(found.name()).isIn("libamdhip64.so.7", library.toString());
  }

  @Test
  void functions_areThereOrNot_andThoseOfTheCompilerMayLieElsewhere() {
    Shim.open();
    HipLibrary library = HipLibrary.find().orElseThrow();
    assertThat(library.has("hipGetDevicePropertiesR0600")).isTrue();
    assertThat(library.has("hiprtcCompileProgram")).isTrue();
    assertThat(library.has("hipNoSuchFunction")).isFalse();
    assertThat(library.has("hiprtcNoSuchFunction")).isFalse();
  }
}
