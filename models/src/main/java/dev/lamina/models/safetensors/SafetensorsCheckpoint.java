package dev.lamina.models.safetensors;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A mapped checkpoint: one safetensors file, or the shards of a folder. Safe for many threads. */
public final class SafetensorsCheckpoint implements TensorSource {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final String origin;
  private final Arena arena;
  private final SequencedMap<String, StoredTensor> byName;
  private final Map<String, String> metadata;

  private SafetensorsCheckpoint(
      String origin,
      Arena arena,
      SequencedMap<String, StoredTensor> byName,
      Map<String, String> metadata) {
    this.origin = origin;
    this.arena = arena;
    this.byName = byName;
    this.metadata = metadata;
  }

  /**
   * Opens a file, or a folder: its {@code model.safetensors}, else the shards that {@code
   * model.safetensors.index.json} names, else every {@code *.safetensors} in it.
   *
   * @param path file or folder
   * @return the checkpoint; the caller closes it
   * @throws ModelException if there are no weights or a file is malformed; one line
   */
  @SuppressWarnings("MustBeClosedChecker") // the checkpoint owns the arena
  public static SafetensorsCheckpoint open(Path path) throws ModelException {
    Arena arena = Arena.ofShared();
    try {
      SequencedMap<String, StoredTensor> byName = new LinkedHashMap<>();
      Map<String, String> metadata = new LinkedHashMap<>();
      if (!Files.isDirectory(path)) {
        add(path, arena, byName, metadata);
      } else if (Files.isRegularFile(path.resolve(SINGLE))) {
        add(path.resolve(SINGLE), arena, byName, metadata);
      } else if (Files.isRegularFile(path.resolve(INDEX))) {
        addShards(ShardIndex.read(path.resolve(INDEX)), arena, byName, metadata);
      } else {
        for (Path file : loose(path)) {
          add(file, arena, byName, metadata);
        }
      }
      return new SafetensorsCheckpoint(path.toString(), arena, byName, Map.copyOf(metadata));
    } catch (ModelException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private static void add(
      Path file, Arena arena, Map<String, StoredTensor> byName, Map<String, String> metadata)
      throws ModelException {
    SafetensorsFile opened = SafetensorsFile.open(file, arena);
    metadata.putAll(opened.metadata());
    for (StoredTensor t : opened.tensors()) {
      StoredTensor before = byName.putIfAbsent(t.name(), t);
      if (before != null) {
        throw SafetensorsHeader.refuse(
            file.toString(),
            "tensor '" + t.name() + "'",
            "it in one shard",
            "it in " + before.origin() + " too",
            "remove the file that is not part of the model");
      }
    }
  }

  private static void addShards(
      ShardIndex index, Arena arena, Map<String, StoredTensor> byName, Map<String, String> metadata)
      throws ModelException {
    for (Path shard : index.shards()) {
      add(shard, arena, byName, metadata);
    }
    for (Map.Entry<String, String> e : index.weightMap().entrySet()) {
      StoredTensor t = byName.get(e.getKey());
      Path shard = index.file().resolveSibling(e.getValue());
      if (t == null || !t.origin().equals(shard.toString())) {
        throw SafetensorsHeader.refuse(
            shard.toString(),
            "tensor '" + e.getKey() + "'",
            "it here, as " + index.file().getFileName() + " says",
            t == null ? "no such tensor" : "it in " + t.origin(),
            "fetch index and shards again, from one revision");
      }
    }
  }

  private static List<Path> loose(Path folder) throws ModelException {
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files =
          all.filter(f -> f.getFileName().toString().endsWith(".safetensors")).sorted().toList();
    } catch (IOException e) {
      throw new ModelException(
          "read %s: expected a folder that can be listed, got %s; check its rights"
              .formatted(folder, e.getMessage()),
          e);
    }
    if (files.isEmpty()) {
      throw new ModelException(
          "read %s: expected weights in *.safetensors, got a folder without any; fetch them or"
                  .formatted(folder)
              + " convert the checkpoint to safetensors");
    }
    return files;
  }

  @Override
  public String origin() {
    return origin;
  }

  @Override
  public List<StoredTensor> tensors() {
    return List.copyOf(byName.values());
  }

  @Override
  public @Nullable StoredTensor find(String name) {
    return byName.get(name);
  }

  /**
   * The strings of {@code __metadata__}, of all files together.
   *
   * @return an immutable map
   */
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
