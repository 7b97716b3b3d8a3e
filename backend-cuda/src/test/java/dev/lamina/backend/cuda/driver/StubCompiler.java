package dev.lamina.backend.cuda.driver;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * Compiles the stub libraries of {@code src/test/native/stub} with the system's C compiler. Skips
 * the test that asks where there is none. Kept under {@code target} by a hash of sources and flags.
 */
final class StubCompiler {
  private static final Path SOURCES = Path.of("src/test/native/stub");
  private static final Path KEPT = Path.of("target/stubs");
  private static final List<String> FLAGS =
      List.of(
          "-std=c11",
          "-O1",
          "-Wall",
          "-Wextra",
          "-Werror",
          "-Wno-enum-conversion",
          "-fvisibility=hidden",
          "-shared",
          "-fPIC",
          "-pthread");

  private StubCompiler() {}

  /**
   * One library.
   *
   * @param source its file without the ending
   * @param soname as it is looked for
   * @return the shared object, in one folder with the others
   */
  static Path compile(String source, String soname) {
    try {
      List<String> command = new ArrayList<>(List.of("cc"));
      command.addAll(FLAGS);
      command.addAll(
          List.of(
              "-Wl,-soname," + soname, SOURCES.resolve(source + ".c").toString(), "-ldl", "-o"));
      Path folder = KEPT.resolve(hash());
      Path library = folder.resolve(soname);
      if (!Files.exists(library)) {
        Files.createDirectories(folder);
        Path fresh = Files.createTempFile(folder, source, ".tmp");
        command.add(fresh.toString());
        run(command);
        Files.move(fresh, library, StandardCopyOption.ATOMIC_MOVE);
      }
      return library.toAbsolutePath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void run(List<String> command) throws IOException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      Assumptions.abort("no C compiler (cc), so no stub of NVIDIA's libraries: " + e.getMessage());
      return;
    }
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ":\n" + text);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static String hash() throws IOException {
    try (Stream<Path> sources = Files.list(SOURCES)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(FLAGS.toString().getBytes(StandardCharsets.UTF_8));
      for (Path source : sources.sorted().toList()) {
        digest.update(Files.readAllBytes(source));
      }
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
