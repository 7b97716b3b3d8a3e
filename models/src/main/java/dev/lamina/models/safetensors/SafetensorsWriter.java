package dev.lamina.models.safetensors;

import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes one safetensors file: the header first, then each tensor's bytes as they come, in pieces
 * and in any order of tensors. The file appears under its name only when {@link #close} finds it
 * complete. For one thread.
 */
public final class SafetensorsWriter implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int PIECE = 1 << 20;

  private final Path target;
  private final Path partial;
  private final FileChannel channel;
  private final Map<String, Span> spans;
  private final ByteBuffer staging = ByteBuffer.allocateDirect(PIECE);
  private boolean closed;

  private static final class Span {
    final long end;
    long next;

    Span(long begin, long end) {
      this.next = begin;
      this.end = end;
    }
  }

  private SafetensorsWriter(
      Path target, Path partial, FileChannel channel, Map<String, Span> spans) {
    this.target = target;
    this.partial = partial;
    this.channel = channel;
    this.spans = spans;
  }

  /**
   * Starts a file.
   *
   * @param target where it will stand; replaced if it exists
   * @param tensors name to type of every tensor, dense
   * @param metadata strings for {@code __metadata__}, may be empty
   * @return the writer
   * @throws IOException if the file cannot be written
   */
  public static SafetensorsWriter create(
      Path target, Map<String, TensorType> tensors, Map<String, String> metadata)
      throws IOException {
    Map<String, Span> spans = new LinkedHashMap<>();
    byte[] header = header(tensors, metadata, spans);
    Path partial = target.resolveSibling(target.getFileName() + ".partial");
    FileChannel channel =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING);
    SafetensorsWriter writer = new SafetensorsWriter(target, partial, channel, spans);
    try {
      ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      writer.writeFully(length.putLong(header.length).flip(), 0);
      writer.writeFully(ByteBuffer.wrap(header), 8);
    } catch (IOException e) {
      writer.discard();
      throw e;
    }
    return writer;
  }

  private static byte[] header(
      Map<String, TensorType> tensors, Map<String, String> metadata, Map<String, Span> spans) {
    ObjectNode root = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode strings = root.putObject("__metadata__");
      metadata.forEach(strings::put);
    }
    // Widest elements first, so that every tensor begins at a multiple of its element size.
    List<Map.Entry<String, TensorType>> sorted =
        tensors.entrySet().stream()
            .sorted(
                Comparator.comparingInt(
                    (Map.Entry<String, TensorType> e) -> -e.getValue().dtype().bytes()))
            .toList();
    long at = 0;
    for (Map.Entry<String, TensorType> e : sorted) {
      TensorType type = e.getValue();
      if (!type.isDense()) {
        throw new IllegalArgumentException(
            "write safetensors: tensor '%s': expected a dense tensor, got %s"
                .formatted(e.getKey(), type));
      }
      ObjectNode entry = root.putObject(e.getKey());
      entry.put("dtype", SafetensorsDType.name(type.dtype()));
      ArrayNode shape = entry.putArray("shape");
      type.shape().dims().forEach(d -> shape.add(d.upperBound()));
      entry.putArray("data_offsets").add(at).add(at + type.byteSize());
      at += type.byteSize();
    }
    byte[] json = root.toString().getBytes(StandardCharsets.UTF_8);
    byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    long first = 8L + padded.length;
    for (Map.Entry<String, TensorType> e : sorted) {
      long end = first + e.getValue().byteSize();
      spans.put(e.getKey(), new Span(first, end));
      first = end;
    }
    return padded;
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
    Span span = spans.get(name);
    if (span == null || bytes.byteSize() > span.end - span.next) {
      throw new IllegalArgumentException(
          "write %s: tensor '%s': expected at most %d more bytes, got %d"
              .formatted(target, name, span == null ? 0 : span.end - span.next, bytes.byteSize()));
    }
    for (long at = 0; at < bytes.byteSize(); at += PIECE) {
      int size = (int) Math.min(PIECE, bytes.byteSize() - at);
      staging.clear().limit(size);
      MemorySegment.ofBuffer(staging).copyFrom(bytes.asSlice(at, size));
      writeFully(staging, span.next);
      span.next += size;
    }
  }

  private void writeFully(ByteBuffer bytes, long position) throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  /**
   * Finishes the file and gives it its name; without all bytes of all tensors it is removed.
   *
   * @throws IOException if a tensor is incomplete or the file cannot be written
   */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    for (Map.Entry<String, Span> e : spans.entrySet()) {
      long missing = e.getValue().end - e.getValue().next;
      if (missing != 0) {
        discard();
        throw new IOException(
            "write %s: tensor '%s': expected all its bytes, %d were not given; no file is kept"
                .formatted(target, e.getKey(), missing));
      }
    }
    closed = true;
    channel.close();
    Files.move(partial, target, StandardCopyOption.REPLACE_EXISTING);
  }

  private void discard() throws IOException {
    closed = true;
    channel.close();
    Files.deleteIfExists(partial);
  }
}
