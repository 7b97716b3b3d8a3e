package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * A mapped GGUF file as a checkpoint, its tensors by the names that transformers gives them. Safe
 * for many threads.
 *
 * <p>Types that the IR has a format for are used where they lie. Others are decoded to F32, tensor
 * by tensor, off the heap, at first use; so are rows of rotary projections put into transformers'
 * order.
 */
public final class GgufCheckpoint extends MappedGguf {
  private final ModelConfig config;

  private GgufCheckpoint(
      Path path,
      Arena arena,
      GgufMetadata metadata,
      ModelConfig config,
      SequencedMap<String, StoredTensor> byName) {
    super(path, arena, metadata, byName);
    this.config = config;
  }

  /**
   * Opens a file.
   *
   * @param path the file
   * @return the checkpoint; the caller closes it
   * @throws ModelException if it is malformed or of an architecture that is not read; one line
   */
  @SuppressWarnings("MustBeClosedChecker") // the checkpoint owns the arena
  public static GgufCheckpoint open(Path path) throws ModelException {
    Arena arena = Arena.ofShared();
    try {
      GgufFile file = GgufParts.open(path, arena);
      GgufArchitecture architecture = GgufArchitecture.of(file.metadata());
      ModelConfig config = GgufConfig.of(file, architecture);
      GgufNames names = GgufArchitecture.names(config);
      SequencedMap<String, StoredTensor> byName = new LinkedHashMap<>();
      GgufHalves halves = new GgufHalves();
      for (GgufFile.Tensor t : file.tensors()) {
        if (t.name().equals(GgufConfig.ROPE_FACTORS)) {
          continue; // It is in the configuration now.
        }
        String whole = names.whole(t.name());
        if (whole != null) {
          halves.add(whole, t, names.halves(whole));
          continue;
        }
        String name = names.toHf(t.name());
        name = name == null ? t.name() : name;
        int heads = architecture.pairedHeads(name, config);
        StoredTensor stored = GgufTensors.stored(name, t, heads, arena, path);
        if (architecture.dialect().addsOne(t.name())) {
          stored = GgufRows.lessOne(stored, arena);
        } else if (t.name().endsWith(GgufRows.SHARED_GATE)) {
          stored = GgufRows.row(stored);
        }
        put(byName, stored, t.name(), path);
      }
      for (StoredTensor joined : halves.joined(arena, path)) {
        put(byName, joined, joined.name(), path);
      }
      return new GgufCheckpoint(path, arena, file.metadata(), config, byName);
    } catch (ModelException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private static void put(
      SequencedMap<String, StoredTensor> byName, StoredTensor t, String gguf, Path path)
      throws ModelException {
    if (byName.putIfAbsent(t.name(), t) != null) {
      throw GgufFile.refuse(
          path.toString(),
          "tensor '" + gguf + "'",
          "it once",
          "it by the name '" + t.name() + "' too",
          "convert the model again");
    }
  }

  /** All elements of a small tensor. */
  static float[] decode(GgufFile.Tensor t) {
    float[] values = new float[Math.toIntExact(t.shape().elements())];
    t.type().decode(t.data(), 0, values, 0, values.length);
    return values;
  }

  /**
   * Its hyper-parameters.
   *
   * @return by the names of transformers
   */
  public ModelConfig config() {
    return config;
  }
}
