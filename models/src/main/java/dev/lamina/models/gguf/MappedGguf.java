package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** Tensors of a mapped GGUF file, by whatever names; owns the arena of the mapping. */
abstract sealed class MappedGguf implements TensorSource permits GgufCheckpoint, GgufTensors {
  private final Path path;
  private final Arena arena;
  private final GgufMetadata metadata;
  private final SequencedMap<String, StoredTensor> byName;

  MappedGguf(
      Path path, Arena arena, GgufMetadata metadata, SequencedMap<String, StoredTensor> byName) {
    this.path = path;
    this.arena = arena;
    this.metadata = metadata;
    this.byName = byName;
  }

  /**
   * Its metadata.
   *
   * @return keys and values, arrays being readable until this is closed
   */
  public GgufMetadata metadata() {
    return metadata;
  }

  @Override
  public String origin() {
    return path.toString();
  }

  @Override
  public List<StoredTensor> tensors() {
    return List.copyOf(byName.values());
  }

  @Override
  public @Nullable StoredTensor find(String name) {
    return byName.get(name);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
