package dev.lamina;

import dev.lamina.json.JsonTrees;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** The hub's HTTP interface. Every failure is a line that says what to do. */
final class HubClient {
  private static final int TIMEOUT_MILLIS = 30_000;
  private static final int MAX_REDIRECTS = 5;

  private final HubSettings settings;
  private final String repo;

  HubClient(HubSettings settings, String repo) {
    this.settings = settings;
    this.repo = repo;
  }

  /** A commit and the names of its files. */
  record Listing(String commit, List<String> files) {}

  /** What the model's main revision is now. */
  Listing list() {
    URI uri = uri("/api/models/" + repo + "/revision/" + HubCache.REVISION);
    HttpURLConnection http = open("GET", uri, 0);
    try {
      check(http, uri.getPath());
      byte[] body = http.getInputStream().readAllBytes();
      JsonNode answer = JsonTrees.read(body);
      List<String> files = new ArrayList<>();
      for (JsonNode sibling : answer.path("siblings")) {
        files.add(sibling.path("rfilename").asString(""));
      }
      String commit = answer.path("sha").asString("");
      if (!commit.matches("[0-9a-f]{7,64}")) {
        throw refused("a commit's hash from " + uri, "'" + abridged(commit) + "'");
      }
      return new Listing(commit, files);
    } catch (JacksonException e) {
      throw refused("JSON from " + uri, "something else");
    } catch (IOException e) {
      throw broken(uri, e);
    } finally {
      http.disconnect();
    }
  }

  /** Hash and size of a file; redirects are not followed, their answer tells. */
  HubFile describe(String commit, String name) {
    URI uri = fileUri(commit, name);
    HttpURLConnection http = open("HEAD", uri, 0);
    try {
      int status = http.getResponseCode();
      if (status < 300 || status > 399) {
        check(http, name);
      }
      String linked = http.getHeaderField("X-Linked-Etag");
      String etag = linked == null ? http.getHeaderField("ETag") : linked;
      String hash = etag == null ? "" : etag.replaceFirst("^W/", "").replace("\"", "");
      if (!hash.matches("[0-9a-f]{40}|[0-9a-f]{64}")) {
        throw refused("a hash in the etag of " + name, "'" + abridged(hash) + "'");
      }
      String size = http.getHeaderField("X-Linked-Size");
      if (size == null && status < 300) {
        size = http.getHeaderField("Content-Length");
      }
      boolean known = size != null && size.matches("\\d{1,18}");
      return new HubFile(name, hash, known ? Long.parseLong(size) : -1);
    } catch (IOException e) {
      throw broken(uri, e);
    } finally {
      http.disconnect();
    }
  }

  /** The bytes of a file from an offset on: status 206, or 200 if the hub sends all. */
  HttpURLConnection download(String commit, String name, long from) {
    URI uri = fileUri(commit, name);
    for (int i = 0; i <= MAX_REDIRECTS; i++) {
      HttpURLConnection http = open("GET", uri, from);
      try {
        int status = http.getResponseCode();
        String location = http.getHeaderField("Location");
        if (status >= 300 && status <= 399 && location != null) {
          uri = uri.resolve(location);
          http.disconnect();
          continue;
        }
        check(http, name);
        return http;
      } catch (IOException e) {
        http.disconnect();
        throw broken(uri, e);
      } catch (IllegalArgumentException e) {
        http.disconnect();
        throw refused("an address to go on to for " + name, "none that can be read");
      }
    }
    throw refused("at most %d redirects for %s".formatted(MAX_REDIRECTS, name), "more");
  }

  private HttpURLConnection open(String method, URI uri, long from) {
    try {
      HttpURLConnection http = (HttpURLConnection) uri.toURL().openConnection();
      http.setRequestMethod(method);
      http.setInstanceFollowRedirects(false);
      http.setConnectTimeout(TIMEOUT_MILLIS);
      http.setReadTimeout(TIMEOUT_MILLIS);
      http.setRequestProperty("User-Agent", "lamina");
      // A compressed body would have another length than the file, and no ranges.
      http.setRequestProperty("Accept-Encoding", "identity");
      if (settings.token() != null && sameHost(uri)) {
        http.setRequestProperty("Authorization", "Bearer " + settings.token());
      }
      if (from > 0) {
        http.setRequestProperty("Range", "bytes=" + from + "-");
      }
      return http;
    } catch (IOException | ClassCastException e) {
      throw refused("an http address", "'" + uri + "'");
    }
  }

  /** The token is the hub's alone, not that of where it sends us. */
  private boolean sameHost(URI uri) {
    return uri.getAuthority() != null
        && uri.getAuthority().equals(settings.endpoint().getAuthority())
        && uri.getScheme().equals(settings.endpoint().getScheme());
  }

  private void check(HttpURLConnection http, String what) throws IOException {
    int status = http.getResponseCode();
    switch (status) {
      case 200, 206, 416 -> {}
      case 401, 403 ->
          throw new LaminaException(
              "pull %s: expected to be let in by %s, got %d for %s; it does not exist, or is private or gated: accept its terms there and set HF_TOKEN"
                  .formatted(repo, settings.endpoint(), status, what));
      case 404 ->
          throw new LaminaException(
              "pull %s: expected it at %s, got 404 for %s; check the name"
                  .formatted(repo, settings.endpoint(), what));
      default ->
          throw new LaminaException(
              "pull %s: expected %s from %s, got status %d; try again later"
                  .formatted(repo, what, settings.endpoint(), status));
    }
  }

  private URI fileUri(String commit, String name) {
    return uri("/" + repo + "/resolve/" + commit + "/" + name);
  }

  private URI uri(String path) {
    return URI.create(settings.endpoint() + path);
  }

  LaminaException refused(String expected, String got) {
    return new LaminaException(
        "pull %s: expected %s, got %s; check HF_ENDPOINT".formatted(repo, expected, got));
  }

  private LaminaException broken(URI uri, IOException e) {
    String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new LaminaException(
        "pull %s: expected an answer from %s, got %s; check the network and HF_ENDPOINT"
            .formatted(repo, uri.getAuthority(), why),
        e);
  }

  private static String abridged(@Nullable String text) {
    byte[] bytes = String.valueOf(text).getBytes(StandardCharsets.UTF_8);
    return bytes.length <= 80 ? String.valueOf(text) : "a longer text";
  }
}
