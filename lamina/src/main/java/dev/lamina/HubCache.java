package dev.lamina;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The cache's layout: {@code models--ORG--NAME} with {@code refs/main}, which names a commit,
 * {@code snapshots/COMMIT}, whose files are links, and {@code blobs}, which they point to, named by
 * hash.
 *
 * @param root the cache's folder
 */
public record HubCache(Path root) {
  static final String REVISION = "main";

  private static final Pattern REPO =
      Pattern.compile("[A-Za-z0-9][\\w.-]{0,95}/[A-Za-z0-9][\\w.-]{0,95}");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{7,64}");

  /**
   * Whether a text has the form of a model's name on the hub.
   *
   * @param name such as {@code ORG/NAME}
   */
  public static boolean isRepo(String name) {
    return REPO.matcher(name).matches() && !name.contains("..") && !name.contains("--");
  }

  /** Folder of a model. */
  Path folder(String repo) {
    return root.resolve("models--" + repo.replace("/", "--"));
  }

  /**
   * Finds a model that was fetched.
   *
   * @param repo {@code ORG/NAME}
   * @return the folder of its files, empty if it is not there or not whole
   * @throws LaminaException if the cache can't be read; one line
   */
  public Optional<Path> find(String repo) {
    Path ref = folder(repo).resolve("refs").resolve(REVISION);
    if (!Files.isRegularFile(ref)) {
      return Optional.empty();
    }
    try {
      String commit = Files.readString(ref).strip();
      Path snapshot = folder(repo).resolve("snapshots").resolve(commit);
      boolean whole =
          COMMIT.matcher(commit).matches() && Files.isRegularFile(snapshot.resolve("config.json"));
      return whole ? Optional.of(snapshot) : Optional.empty();
    } catch (IOException e) {
      throw new LaminaException(
          "model %s: expected to read %s, got %s; check its rights".formatted(repo, ref, e), e);
    }
  }
}
