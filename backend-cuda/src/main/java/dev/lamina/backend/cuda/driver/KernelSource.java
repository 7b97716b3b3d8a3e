package dev.lamina.backend.cuda.driver;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * A kernel file with all that it includes.
 *
 * @param name such as {@code rms_norm.cu}
 * @param text its own
 * @param headers text of each included file by the name it is included by
 */
record KernelSource(String name, String text, Map<String, String> headers) {
  private static final Pattern INCLUDE =
      Pattern.compile("^\\s*#\\s*include\\s+\"([^\"]+)\"", Pattern.MULTILINE);

  KernelSource {
    headers = Map.copyOf(headers);
  }

  /** The files that the jar brings. */
  interface Files {
    /** Those of this module's jar. */
    Files IN_JAR = Files::resource;

    /**
     * Reads one.
     *
     * @param name without a folder
     * @return empty if there is none
     */
    Optional<byte[]> read(String name);

    private static Optional<byte[]> resource(String name) {
      try (InputStream in =
          KernelSource.class.getResourceAsStream("/dev/lamina/backend/cuda/cu/" + name)) {
        return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
      } catch (IOException e) {
        throw new UncheckedIOException("kernels: the jar's " + name + " can't be read", e);
      }
    }
  }

  static KernelSource read(Files files, String name) {
    String text = text(files, name, "the backend");
    TreeMap<String, String> headers = new TreeMap<>();
    include(files, name, text, headers);
    return new KernelSource(name, text, headers);
  }

  private static void include(
      Files files, String name, String text, TreeMap<String, String> headers) {
    for (MatchResult match : INCLUDE.matcher(text).results().toList()) {
      String header = match.group(1);
      if (!headers.containsKey(header)) {
        headers.put(header, text(files, header, name));
        include(files, header, headers.get(header), headers);
      }
    }
  }

  private static String text(Files files, String name, String wantedBy) {
    byte[] bytes =
        files
            .read(name)
            .orElseThrow(() ->
                new IllegalStateException(
                    "kernels: expected %s in the jar, as %s wants it, found none"
                        .formatted(name, wantedBy)));
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
