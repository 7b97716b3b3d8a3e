package dev.lamina.backend.sdk.grid;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A kernel file with all that it includes.
 *
 * @param name such as {@code rms_norm.cu}
 * @param text its own
 * @param headers text of each included file by the name it is included by
 */
public record KernelSource(String name, String text, Map<String, String> headers) {
  private static final Pattern INCLUDE =
      Pattern.compile("^\\s*#\\s*include\\s+\"([^\"]+)\"", Pattern.MULTILINE);

  /** Copies the map. */
  public KernelSource {
    headers = Map.copyOf(headers);
  }

  /** The files that a jar brings. */
  @FunctionalInterface
  public interface Files {
    /**
     * Reads one.
     *
     * @param name without a folder
     * @return empty if there is none
     */
    Optional<byte[]> read(String name);

    /**
     * Reads one of a jar.
     *
     * @param in the open resource, closed here; null if there is none
     * @param name for messages
     * @return empty if there is none
     */
    static Optional<byte[]> of(@Nullable InputStream in, String name) {
      try (in) {
        return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
      } catch (IOException e) {
        throw new UncheckedIOException("kernels: the jar's " + name + " can't be read", e);
      }
    }
  }

  /**
   * Reads a file and what it includes, as far as the jar has it: an include that is not there may
   * lie in a branch that is not compiled, and if not, the compiler names it with its line.
   *
   * @param files where from
   * @param name of a file that the jar has
   * @return with everything found
   */
  public static KernelSource read(Files files, String name) {
    String text =
        files
            .read(name)
            .map(KernelSource::text)
            .orElseThrow(() ->
                new IllegalStateException(
                    "kernels: expected %s in the jar, found none".formatted(name)));
    TreeMap<String, String> headers = new TreeMap<>();
    include(files, text, headers);
    return new KernelSource(name, text, headers);
  }

  private static void include(Files files, String text, TreeMap<String, String> headers) {
    for (MatchResult match : INCLUDE.matcher(text).results().toList()) {
      String name = match.group(1);
      Optional<byte[]> header = headers.containsKey(name) ? Optional.empty() : files.read(name);
      if (header.isPresent()) {
        headers.put(name, text(header.get()));
        include(files, headers.get(name), headers);
      }
    }
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
