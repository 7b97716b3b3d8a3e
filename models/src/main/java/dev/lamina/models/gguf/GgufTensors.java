package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * The tensors of a GGUF file of any architecture, or of none, by their own names and in their own
 * order of rows. Types that the IR has no format for are decoded to F32 at first use. Safe for many
 * threads.
 */
public final class GgufTensors extends MappedGguf {
  private static final int PIECE = 1 << 16;

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
    TensorType plain = t.type().tensorType(t.shape());
    TensorType type = plain == null ? new TensorType(DType.F32, t.shape(), Layout.DENSE) : plain;
    if (plain != null && heads == 0) {
      return new StoredTensor(name, type, t.data(), path.toString());
    }
    if (heads > 0) {
      checkHeads(name, t.shape(), heads, path);
    }
    return StoredTensor.converted(
        name,
        type,
        t.type().text(),
        t.data().byteSize(),
        () -> convert(t, type, heads, arena),
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

  private static MemorySegment convert(GgufFile.Tensor t, TensorType type, int heads, Arena arena) {
    MemorySegment data = t.data();
    if (t.type().tensorType(t.shape()) == null) {
      data = arena.allocate(type.byteSize(), Float.BYTES);
      decode(t, data);
    }
    if (heads > 0) {
      MemorySegment ordered = arena.allocate(type.byteSize(), Float.BYTES);
      RotaryRows.toHalves(data, ordered, t.shape(), heads);
      data = ordered;
    }
    return data.asReadOnly();
  }

  private static void decode(GgufFile.Tensor t, MemorySegment to) {
    GgmlType type = t.type();
    long elements = t.shape().elements();
    float[] piece = new float[(int) Math.min(PIECE, elements)];
    for (long at = 0; at < elements; at += piece.length) {
      int count = (int) Math.min(piece.length, elements - at);
      type.decode(t.data(), type.byteSize(at), piece, 0, count);
      MemorySegment.copy(piece, 0, to, ValueLayout.JAVA_FLOAT, at * Float.BYTES, count);
    }
  }
}
