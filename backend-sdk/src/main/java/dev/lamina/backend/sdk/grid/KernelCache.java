package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.UserCache;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Compiled kernels on disk, by a digest of all that went into them. A file is its content's SHA-256
 * and the content; one that does not match is as good as none. Several processes may share a
 * folder. Thread-safe.
 */
public final class KernelCache {
  private static final System.Logger LOG = System.getLogger(KernelCache.class.getName());
  private static final int DIGEST_BYTES = 32;

  private final Path folder;
  private final String ending;
  private final String setting;

  /**
   * A cache in a folder, which is made when something is first written.
   *
   * @param folder where
   * @param ending of its files' names, such as {@code .cubin}
   * @param setting what names another folder, for messages
   */
  public KernelCache(Path folder, String ending, String setting) {
    this.folder = folder;
    this.ending = ending;
    this.setting = setting;
  }

  /**
   * A name for what a compiler makes of a source.
   *
   * @param source with its headers
   * @param options the architecture among them
   * @param compiler its version
   * @return 64 hexadecimal digits
   */
  public static String key(KernelSource source, List<String> options, String compiler) {
    MessageDigest digest = sha256();
    // Each text with its length, so that no two lists of texts are one string.
    put(digest, compiler);
    options.forEach(option -> put(digest, option));
    put(digest, source.name());
    put(digest, source.text());
    for (Map.Entry<String, String> header : new TreeMap<>(source.headers()).entrySet()) {
      put(digest, header.getKey());
      put(digest, header.getValue());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /**
   * Reads.
   *
   * @param key of {@link #key}
   * @return empty if it is not there, can't be read or is damaged; the latter two are logged
   */
  public Optional<byte[]> read(String key) {
    Path file = file(key);
    try {
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length > DIGEST_BYTES) {
        byte[] content = Arrays.copyOfRange(bytes, DIGEST_BYTES, bytes.length);
        if (Arrays.equals(sha256().digest(content), Arrays.copyOf(bytes, DIGEST_BYTES))) {
          return Optional.of(content);
        }
      }
      LOG.log(System.Logger.Level.WARNING, "kernels: {0} is damaged and is compiled anew", file);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "kernels: " + file + " can't be read: " + e);
    }
    return Optional.empty();
  }

  /**
   * Writes; if that fails, it is logged, and the next start compiles again.
   *
   * @param key of {@link #key}
   * @param content what was compiled
   */
  public void write(String key, byte[] content) {
    Path file = file(key);
    try {
      byte[] bytes = Arrays.copyOf(sha256().digest(content), DIGEST_BYTES + content.length);
      System.arraycopy(content, 0, bytes, DIGEST_BYTES, content.length);
      UserCache.write(file, bytes);
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "kernels: "
              + file
              + " can't be written, so each start compiles anew: "
              + e
              + "; "
              + setting
              + " names another folder");
    }
  }

  private Path file(String key) {
    return folder.resolve(key + ending);
  }

  private static void put(MessageDigest digest, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    digest.update((bytes.length + ":").getBytes(StandardCharsets.US_ASCII));
    digest.update(bytes);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
