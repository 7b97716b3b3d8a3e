package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * The tensors of a GGUF file of any architecture, or of none, by their own names and in their own
 * order of rows. Safe for many threads.
 */
public final class GgufTensors extends MappedGguf {
  private GgufTensors(
      Path path, Arena arena, GgufMetadata metadata, SequencedMap<String, StoredTensor> byName) {
    super(path, arena, metadata, byName);
  }

  /**
   * Opens a file.
   *
   * @param path the file
   * @return its tensors; the caller closes them
   * @throws ModelException if it is malformed; one line
   */
  @SuppressWarnings("MustBeClosedChecker") // the tensors own the arena
  public static GgufTensors open(Path path) throws ModelException {
    Arena arena = Arena.ofShared();
    try {
      GgufFile file = GgufParts.open(path, arena);
      SequencedMap<String, StoredTensor> byName = new LinkedHashMap<>();
      for (GgufFile.Tensor t : file.tensors()) {
        byName.put(t.name(), stored(t.name(), t, 0, arena, path));
      }
      return new GgufTensors(path, arena, file.metadata(), byName);
    } catch (ModelException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** A tensor of the directory, its rows of so many heads put into order; 0 heads keep it. */
  static StoredTensor stored(String name, GgufFile.Tensor t, int heads, Arena arena, Path path)
      throws ModelException {
    TensorType type = t.type().tensorType(t.shape());
    if (heads == 0) {
      return new StoredTensor(name, type, t.data(), path.toString());
    }
    checkHeads(name, t.shape(), heads, path);
    return StoredTensor.converted(
        name,
        type,
        t.type().text(),
        t.data().byteSize(),
        () -> ordered(t, heads, arena),
        path.toString());
  }

  private static void checkHeads(String name, Shape shape, int heads, Path path)
      throws ModelException {
    if (shape.rank() == 0
        || shape.dim(0).upperBound() == 0
        || shape.dim(0).upperBound() % (2L * heads) != 0) {
      throw GgufFile.refuse(
          path.toString(),
          "tensor '" + name + "'",
          "rows of %d heads of an even width".formatted(heads),
          shape.toString(),
          "convert the model again");
    }
  }

  private static MemorySegment ordered(GgufFile.Tensor t, int heads, Arena arena) {
    MemorySegment to = arena.allocate(t.data().byteSize(), Float.BYTES);
    RotaryRows.toHalves(t.data(), to, t.shape(), heads);
    return to.asReadOnly();
  }
}
