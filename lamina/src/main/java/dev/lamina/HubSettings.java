package dev.lamina;

import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where the hub and its cache are, by the variables that the hub's own tools read.
 *
 * @param endpoint the hub: {@code HF_ENDPOINT}
 * @param cache {@code HF_HUB_CACHE}, else {@code hub} in {@code HF_HOME}, else in {@code
 *     huggingface} in {@code XDG_CACHE_HOME} or {@code ~/.cache}
 * @param token {@code HF_TOKEN}, null for none; sent to the endpoint alone
 */
public record HubSettings(URI endpoint, Path cache, @Nullable String token) {
  private static final String HUB = "https://huggingface.co";

  /**
   * Reads the variables.
   *
   * @param env the environment
   * @param home the user's folder
   * @throws LaminaException if {@code HF_ENDPOINT} is no address
   */
  public static HubSettings of(Map<String, String> env, Path home) {
    String at = text(env, "HF_ENDPOINT");
    String address = at == null ? HUB : at.replaceAll("/+$", "");
    if (!address.matches("https?://[^/\\s]+(/\\S*)?")) {
      throw new LaminaException(
          "HF_ENDPOINT: expected an address that begins with http:// or https://, got " + address);
    }
    return new HubSettings(URI.create(address), cache(env, home), text(env, "HF_TOKEN"));
  }

  /** Those of this process. */
  public static HubSettings ofProcess() {
    return of(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  private static Path cache(Map<String, String> env, Path home) {
    String cache = text(env, "HF_HUB_CACHE");
    if (cache != null) {
      return Path.of(cache);
    }
    String hub = text(env, "HF_HOME");
    if (hub != null) {
      return Path.of(hub).resolve("hub");
    }
    String xdg = text(env, "XDG_CACHE_HOME");
    Path caches = xdg == null ? home.resolve(".cache") : Path.of(xdg);
    return caches.resolve("huggingface/hub");
  }

  private static @Nullable String text(Map<String, String> env, String name) {
    String value = env.get(name);
    return value == null || value.isBlank() ? null : value.strip();
  }
}
