package dev.lamina.backend.cuda.driver;

import dev.lamina.backend.sdk.UserCache;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where kernels come from. A system property such as {@code lamina.cuda.kernels} goes before the
 * variable {@code LAMINA_CUDA_KERNELS}.
 *
 * @param origin of {@code lamina.cuda.kernels}
 * @param toolkits folders in which NVIDIA's libraries may lie, of {@code lamina.cuda.path}, {@code
 *     CUDA_HOME} and {@code CUDA_PATH}
 * @param cache folder of what NVRTC compiled, of {@code lamina.cuda.cache}, else {@code
 *     lamina/kernels} in {@code XDG_CACHE_HOME} or {@code ~/.cache}
 */
record KernelSettings(Origin origin, List<Path> toolkits, Path cache) {
  /** Who compiles. */
  enum Origin {
    /** What the jar brings, and NVRTC if it brings nothing for this GPU. */
    AUTO,
    /** What the jar brings. */
    CUBIN,
    /** NVRTC, with its cache. */
    NVRTC
  }

  KernelSettings {
    toolkits = List.copyOf(toolkits);
  }

  static KernelSettings ofSystem() {
    return of(System.getProperties(), System.getenv());
  }

  static KernelSettings of(Properties properties, Map<String, String> env) {
    List<Path> toolkits = new ArrayList<>();
    for (String folders :
        new @Nullable String[] {
          text(properties, env, "path"), env.get("CUDA_HOME"), env.get("CUDA_PATH")
        }) {
      if (folders != null && !folders.isBlank()) {
        for (String folder : folders.split(Pattern.quote(File.pathSeparator))) {
          toolkits.add(Path.of(folder));
        }
      }
    }
    return new KernelSettings(
        origin(text(properties, env, "kernels")),
        toolkits,
        UserCache.folder(properties, env, "cuda", "kernels"));
  }

  private static Origin origin(@Nullable String word) {
    if (word == null) {
      return Origin.AUTO;
    }
    return switch (word) {
      case "auto" -> Origin.AUTO;
      case "cubin" -> Origin.CUBIN;
      case "nvrtc" -> Origin.NVRTC;
      default ->
          throw new IllegalArgumentException(
              "LAMINA_CUDA_KERNELS: expected auto, cubin or nvrtc, got '%s'".formatted(word));
    };
  }

  /** The property {@code lamina.cuda.NAME}, else the variable {@code LAMINA_CUDA_NAME}. */
  static @Nullable String text(Properties properties, Map<String, String> env, String name) {
    String value = properties.getProperty("lamina.cuda." + name);
    return value != null ? value : env.get("LAMINA_CUDA_" + name.toUpperCase(Locale.ROOT));
  }
}
