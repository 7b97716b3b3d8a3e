package dev.lamina;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.CodeSource;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What devices' self-checks gave, kept in a folder by device, driver and module, so that each is
 * checked once. A check that took its process down is found by what it left, and counts as failed.
 * Thread-safe, and safe among processes.
 */
final class Verdicts {
  private static final System.Logger LOG = System.getLogger(Verdicts.class.getName());
  private static final String PASSED = "passed";
  private static final String FAILED = "failed: ";
  private static final String RUNNING = "running in process ";

  private final Path folder;

  /**
   * Verdicts of a folder.
   *
   * @param folder made when there is something to keep
   */
  Verdicts(Path folder) {
    this.folder = folder;
  }

  /** Those of this user: {@code lamina/self-check} in {@code XDG_CACHE_HOME} or ~/.cache. */
  static Verdicts ofUser(Map<String, String> env, Path home) {
    String xdg = env.get("XDG_CACHE_HOME");
    Path caches = xdg == null || xdg.isBlank() ? home.resolve(".cache") : Path.of(xdg);
    return new Verdicts(caches.resolve("lamina").resolve("self-check"));
  }

  /** Compares a device with the reference. */
  interface Check {
    /**
     * Runs it.
     *
     * @return what differs, or nothing
     * @throws BackendException if it does not run, which may pass: memory that others hold
     */
    Optional<String> failure() throws BackendException;
  }

  /**
   * The kept verdict, else that of a check made now, which is kept if it ran to its end.
   *
   * @param provider whose device
   * @param device which
   * @param check gives why it fails, or nothing
   * @return why it fails, or nothing
   */
  Optional<String> failure(BackendProvider provider, DeviceInfo device, Check check) {
    String key = key(provider, device);
    Path file = folder.resolve(name(key));
    String known = read(file);
    if (known != null) {
      if (known.equals(PASSED)) {
        return Optional.empty();
      }
      if (known.startsWith(FAILED)) {
        return Optional.of(known.substring(FAILED.length()));
      }
      if (!isAlive(known.substring(RUNNING.length()))) {
        String words = "the process of its last self-check ended in the middle of it";
        write(file, FAILED + words, key);
        return Optional.of(words);
      }
    } else {
      write(file, RUNNING + ProcessHandle.current().pid(), key);
    }
    try {
      Optional<String> failure = check.failure();
      write(file, failure.map(FAILED::concat).orElse(PASSED), key);
      return failure;
    } catch (BackendException e) {
      forget(file);
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private static void forget(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "self-check: can't forget a verdict: " + e.getMessage());
    }
  }

  private static boolean isAlive(String pid) {
    return ProcessHandle.of(Long.parseLong(pid)).map(ProcessHandle::isAlive).orElse(false);
  }

  private static String key(BackendProvider provider, DeviceInfo device) {
    return String.join(
        "\n",
        provider.id(),
        device.name(),
        device.arch(),
        Integer.toString(device.ordinal()),
        provider.driver(),
        module(provider.getClass()));
  }

  /** Where a class comes from, and which build of it. */
  private static String module(Class<?> type) {
    CodeSource source = type.getProtectionDomain().getCodeSource();
    if (source == null) {
      return type.getName();
    }
    try {
      Path jar = Path.of(source.getLocation().toURI());
      return "%s %d %s".formatted(jar, Files.size(jar), Files.getLastModifiedTime(jar));
    } catch (URISyntaxException | IOException e) {
      LOG.log(System.Logger.Level.DEBUG, () -> "self-check: " + e.getMessage());
      return source.getLocation().toString();
    }
  }

  private static String name(String key) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  /** The verdict in a file, null if there is none that makes sense. */
  private static @Nullable String read(Path file) {
    if (!Files.exists(file)) {
      return null;
    }
    try {
      List<String> lines = Files.readAllLines(file);
      String verdict = lines.isEmpty() ? "" : lines.getFirst();
      boolean isOne =
          verdict.equals(PASSED)
              || verdict.startsWith(FAILED)
              || verdict.matches(RUNNING + "\\d{1,18}");
      return isOne ? verdict : null;
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "self-check: can't read a verdict: " + e.getMessage());
      return null;
    }
  }

  private void write(Path file, String verdict, String key) {
    try {
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, "verdict", ".part");
      Files.writeString(part, verdict.lines().findFirst().orElse("") + "\n\n" + key + "\n");
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "self-check: its verdict is not kept, so it runs again: " + e.getMessage());
    }
  }
}
