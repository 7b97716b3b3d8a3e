package dev.lamina.backend.sdk;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * A native library that lies in a jar, as a file that can be loaded. All processes of a user share
 * it, and any number may start at once: its name has its content's checksum, and it is there whole
 * or not at all.
 */
public final class JarLibrary {
  private static final System.Logger LOG = System.getLogger(JarLibrary.class.getName());

  private JarLibrary() {}

  /**
   * LWJGL's library for this system, whose own way of putting it into a file fails where two
   * processes start at once, and then leaves it in the current folder.
   *
   * @param lwjgl loads what the jar has, which names its folders by system and processor
   * @param folder where the file is kept
   * @return empty if the jar has none for this system, or if the file can't be written, which is
   *     logged
   */
  public static Optional<Path> ofLwjgl(ClassLoader lwjgl, Path folder) {
    String system = System.getProperty("os.name").startsWith("Mac") ? "macos" : "linux";
    String processor = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "x64";
    String name = system + "/" + processor + "/org/lwjgl/" + System.mapLibraryName("lwjgl");
    try {
      return file(lwjgl, name, folder);
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "LWJGL: "
              + folder
              + " takes no library, so each start writes one to a temporary folder: "
              + e
              + "; LAMINA_LWJGL_CACHE names another folder");
      return Optional.empty();
    }
  }

  /**
   * A library's file.
   *
   * @param loader finds the library
   * @param name of the resource
   * @param folder where the file is kept
   * @return empty if there is no such resource
   * @throws IOException if the file can't be written
   */
  static Optional<Path> file(ClassLoader loader, String name, Path folder) throws IOException {
    byte[] content;
    try (InputStream in = loader.getResourceAsStream(name)) {
      if (in == null) {
        return Optional.empty();
      }
      content = in.readAllBytes();
    }
    CRC32 sum = new CRC32();
    sum.update(content);
    String last = name.substring(name.lastIndexOf('/') + 1);
    Path file = folder.resolve("%08x-%s".formatted(sum.getValue(), last)).toAbsolutePath();
    if (!holds(file, content)) {
      UserCache.write(file, content);
    }
    return Optional.of(file);
  }

  private static boolean holds(Path file, byte[] content) throws IOException {
    try {
      return Arrays.equals(Files.readAllBytes(file), content);
    } catch (NoSuchFileException e) {
      return false;
    }
  }
}
