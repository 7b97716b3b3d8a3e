package dev.lamina.backend.sdk;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;

/**
 * Where backends keep files for their user, and how several processes write there at once: a file
 * is there whole, or not at all.
 */
public final class UserCache {
  private UserCache() {}

  /**
   * A folder: what the property {@code lamina.WHOSE.cache} or the variable {@code
   * LAMINA_WHOSE_CACHE} names, else {@code lamina/NAME} in {@code XDG_CACHE_HOME} or {@code
   * ~/.cache}.
   *
   * @param properties of the system
   * @param env of the process
   * @param whose in lower case, such as {@code cuda}
   * @param name of the folder where none is named
   * @return made by {@link #write} when it is first needed
   */
  public static Path folder(
      Properties properties, Map<String, String> env, String whose, String name) {
    String variable = "LAMINA_" + whose.toUpperCase(Locale.ROOT) + "_CACHE";
    String own = properties.getProperty("lamina." + whose + ".cache", env.get(variable));
    if (own != null && !own.isBlank()) {
      return Path.of(own);
    }
    String xdg = env.get("XDG_CACHE_HOME");
    Path caches =
        xdg == null || xdg.isBlank()
            ? Path.of(properties.getProperty("user.home"), ".cache")
            : Path.of(xdg);
    return caches.resolve("lamina").resolve(name);
  }

  /**
   * Writes a file, with its folder, in place of one that is there.
   *
   * @param file where
   * @param content of it
   * @throws IOException if it can't be written; then nothing is left of it
   */
  public static void write(Path file, byte[] content) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    Files.createDirectories(folder);
    Path whole = Files.createTempFile(folder, file.getFileName().toString(), ".part");
    try {
      Files.write(whole, content);
      Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(whole);
    }
  }
}
