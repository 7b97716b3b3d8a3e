package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.TensorStream;
import dev.lamina.models.checkpoint.TensorStream.Place;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes one GGUF file of version 3: header and directory first, then each tensor's bytes as they
 * come, in pieces and in any order of tensors. The file appears under its name only when {@link
 * #close} finds it complete. For one thread.
 */
public final class GgufWriter implements AutoCloseable {
  private static final int VERSION = 3;

  private final TensorStream stream;

  /**
   * A tensor to be written.
   *
   * @param type how it is stored
   * @param shape sizes, the innermost last and a multiple of the type's block
   */
  public record Entry(GgmlType type, Shape shape) {
    /** Checks that rows are whole blocks. */
    public Entry {
      int rank = shape.rank();
      long innermost = rank == 0 ? 1 : shape.dim(rank - 1).upperBound();
      if (innermost % type.elements() != 0) {
        throw new IllegalArgumentException(
            "write GGUF: expected rows of a multiple of %d elements for %s, got %s"
                .formatted(type.elements(), type.text(), shape));
      }
    }

    /**
     * Its size.
     *
     * @return bytes
     */
    public long bytes() {
      return type.byteSize(shape.elements());
    }
  }

  private GgufWriter(TensorStream stream) {
    this.stream = stream;
  }

  /**
   * Starts a file.
   *
   * @param target where it will stand; replaced if it exists
   * @param metadata keys and values, {@code general.alignment} not among them
   * @param tensors name to entry of every tensor
   * @return the writer
   * @throws IOException if the file cannot be written
   */
  public static GgufWriter create(Path target, GgufPairs metadata, Map<String, Entry> tensors)
      throws IOException {
    int alignment = GgufFile.DEFAULT_ALIGNMENT;
    GgufBytes out = start(metadata, tensors.size());
    Map<String, Place> places = new LinkedHashMap<>();
    long offset = 0;
    for (Map.Entry<String, Entry> t : tensors.entrySet()) {
      Entry e = t.getValue();
      out.text(t.getKey());
      List<Dim> dims = e.shape().dims();
      out.u32(dims.size());
      for (Dim d : dims.reversed()) {
        out.u64(d.upperBound());
      }
      out.u32(e.type().id());
      out.u64(offset);
      places.put(t.getKey(), new Place(offset, e.bytes()));
      offset = GgufFile.roundUp(offset + e.bytes(), alignment);
    }
    byte[] header = out.toByteArray();
    long begin = GgufFile.roundUp(header.length, alignment);
    places.replaceAll((name, p) -> new Place(begin + p.begin(), p.bytes()));
    return new GgufWriter(TensorStream.create(target, header, places, begin + offset));
  }

  /** A file up to its directory of tensors. */
  static GgufBytes start(GgufPairs metadata, int numTensors) {
    GgufBytes out = new GgufBytes();
    out.u32(GgufFile.MAGIC);
    out.u32(VERSION);
    out.u64(numTensors);
    out.u64(metadata.size());
    metadata.writeTo(out);
    return out;
  }

  /**
   * Appends bytes to a tensor.
   *
   * @param name a tensor of this file
   * @param bytes the next bytes of it, row-major, little-endian
   * @throws IOException if the file cannot be written
   * @throws IllegalArgumentException if there is no such tensor or it has no room for them
   */
  public void append(String name, MemorySegment bytes) throws IOException {
    stream.append(name, bytes);
  }

  @Override
  public void close() throws IOException {
    stream.close();
  }
}
