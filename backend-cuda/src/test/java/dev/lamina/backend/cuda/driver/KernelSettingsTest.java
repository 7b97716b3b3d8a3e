package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;

/** Properties go before variables, and a wrong word is told. */
class KernelSettingsTest {
  private final Properties properties = new Properties();

  KernelSettingsTest() {
    properties.setProperty("user.home", "/home/ada");
  }

  @Test
  void nothingSet_meansAuto() {
    assertThat(KernelSettings.of(properties, Map.of()))
        .isEqualTo(
            new KernelSettings(
                KernelSettings.Origin.AUTO, List.of(), Path.of("/home/ada/.cache/lamina/kernels")));
  }

  @Test
  void properties_goBeforeVariables() {
    properties.setProperty("lamina.cuda.kernels", "nvrtc");
    Map<String, String> env = Map.of("LAMINA_CUDA_KERNELS", "cubin", "LAMINA_CUDA_CACHE", "/c");
    KernelSettings settings = KernelSettings.of(properties, env);
    assertThat(settings.origin()).isEqualTo(KernelSettings.Origin.NVRTC);
    assertThat(settings.cache()).isEqualTo(Path.of("/c"));
    assertThat(KernelSettings.of(new Properties(properties), env).origin())
        .isEqualTo(KernelSettings.Origin.NVRTC);
  }

  @Test
  void folders_areOursThenTheToolkits() {
    KernelSettings settings =
        KernelSettings.of(
            properties,
            Map.of(
                "LAMINA_CUDA_PATH",
                "/a" + File.pathSeparator + "/b",
                "CUDA_HOME",
                "/cuda",
                "CUDA_PATH",
                "",
                "XDG_CACHE_HOME",
                "/x"));
    assertThat(settings.toolkits()).containsExactly(Path.of("/a"), Path.of("/b"), Path.of("/cuda"));
    assertThat(settings.cache()).isEqualTo(Path.of("/x/lamina/kernels"));
  }

  @Test
  void anotherWord_isRefused() {
    assertThatThrownBy(() -> KernelSettings.of(properties, Map.of("LAMINA_CUDA_KERNELS", "ptx")))
        .hasMessage("LAMINA_CUDA_KERNELS: expected auto, cubin or nvrtc, got 'ptx'");
  }
}
