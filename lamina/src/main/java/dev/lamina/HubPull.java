package dev.lamina;

import dev.lamina.json.JsonTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Fetches a checkpoint into the cache: of its files, those that a model is opened from. What is
 * there already, whole or in part, is not fetched again. {@code refs/main} is written last, so that
 * nobody finds half a model.
 */
public final class HubPull {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final Set<String> BESIDE_WEIGHTS =
      Set.of(
          "config.json",
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "tokenizer.model",
          "special_tokens_map.json",
          "added_tokens.json",
          "vocab.json",
          "merges.txt",
          "chat_template.jinja",
          "chat_template.json",
          "adapter_config.json");

  private final HubCache cache;
  private final HubClient client;
  private final String repo;
  private final Consumer<String> progress;

  private HubPull(HubSettings settings, String repo, Consumer<String> progress) {
    this.cache = new HubCache(settings.cache());
    this.client = new HubClient(settings, repo);
    this.repo = repo;
    this.progress = progress;
  }

  /**
   * Fetches a checkpoint, or what is missing of it.
   *
   * @param settings hub and cache
   * @param repo {@code ORG/NAME}
   * @param progress told in one line of each file and, while one takes long, each second
   * @return the folder of its files
   * @throws LaminaException if it is not there, may not be read, arrives damaged or finds no room;
   *     one line. What has arrived stays, and the next call goes on from there
   */
  public static Path pull(HubSettings settings, String repo, Consumer<String> progress) {
    if (!HubCache.isRepo(repo)) {
      throw new LaminaException("pull: expected ORG/NAME, got '" + repo + "'");
    }
    return new HubPull(settings, repo, progress).run();
  }

  private Path run() {
    HubClient.Listing listing = client.list();
    Path folder = cache.folder(repo);
    Path snapshot = folder.resolve("snapshots").resolve(listing.commit());
    try {
      BlobStore blobs = new BlobStore(folder.resolve("blobs"), client, progress);
      Files.createDirectories(snapshot);
      Set<String> files = new TreeSet<>(listing.files());
      List<String> wanted = new ArrayList<>();
      files.stream().filter(BESIDE_WEIGHTS::contains).forEach(wanted::add);
      if (files.contains(INDEX) && !files.contains(SINGLE)) {
        link(blobs, listing.commit(), INDEX, snapshot);
        wanted.addAll(shards(snapshot.resolve(INDEX), files));
      } else {
        wanted.addAll(weights(files));
      }
      for (String name : wanted) {
        link(blobs, listing.commit(), name, snapshot);
      }
      Path ref = Files.createDirectories(folder.resolve("refs")).resolve(HubCache.REVISION);
      Files.writeString(ref, listing.commit());
      return snapshot;
    } catch (IOException e) {
      throw new LaminaException(
          "pull %s: expected to write in %s, got %s; check its rights and room, or set HF_HOME"
              .formatted(repo, folder, e.getMessage() == null ? e : e.getMessage()),
          e);
    }
  }

  private List<String> weights(Set<String> files) {
    if (files.contains(SINGLE)) {
      return List.of(SINGLE);
    }
    List<String> loose =
        files.stream().filter(f -> f.endsWith(".safetensors") && !f.contains("/")).toList();
    if (loose.isEmpty()) {
      String other =
          files.stream()
              .filter(f -> f.endsWith(".gguf") || f.endsWith(".bin") || f.endsWith(".pth"))
              .findFirst()
              .orElse("no weights");
      throw new LaminaException(
          "pull %s: expected weights in *.safetensors, got %s; choose a repository that has them"
              .formatted(repo, other));
    }
    return loose;
  }

  /** The shards that an index names. */
  private Set<String> shards(Path index, Set<String> files) throws IOException {
    Set<String> shards = new TreeSet<>();
    try {
      for (JsonNode file : JsonTrees.read(Files.readAllBytes(index)).path("weight_map")) {
        shards.add(file.asString(""));
      }
    } catch (JacksonException e) {
      throw new LaminaException(
          "pull %s: expected JSON in %s, got something else; tell its owner".formatted(repo, INDEX),
          e);
    }
    if (shards.isEmpty() || !files.containsAll(shards)) {
      shards.removeAll(files);
      throw new LaminaException(
          "pull %s: expected the shards that %s names, got a repository without %s; tell its owner"
              .formatted(repo, INDEX, shards.isEmpty() ? "any" : shards.iterator().next()));
    }
    return shards;
  }

  private void link(BlobStore blobs, String commit, String name, Path snapshot) throws IOException {
    Path blob = blobs.fetch(commit, client.describe(commit, name));
    Path link = snapshot.resolve(name);
    Path target = snapshot.relativize(blob);
    if (Files.isSymbolicLink(link) && Files.readSymbolicLink(link).equals(target)) {
      return;
    }
    Files.deleteIfExists(link);
    Files.createSymbolicLink(link, target);
  }
}
