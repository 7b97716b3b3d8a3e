package dev.lamina.models.checkpoint;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes a file of a header and tensors at fixed places: each tensor's bytes as they come, in
 * pieces and in any order of tensors. The file appears under its name only when {@link #close}
 * finds it complete. For one thread.
 */
public final class TensorStream implements AutoCloseable {
  private static final int PIECE = 1 << 20;

  private final Path target;
  private final Path partial;
  private final FileChannel channel;
  private final Map<String, Span> spans = new LinkedHashMap<>();
  private final ByteBuffer staging = ByteBuffer.allocateDirect(PIECE);
  private final long size;
  private boolean closed;

  /**
   * Where a tensor lies.
   *
   * @param begin its first byte in the file
   * @param bytes its size
   */
  public record Place(long begin, long bytes) {}

  private static final class Span {
    final long end;
    long next;

    Span(Place place) {
      this.next = place.begin();
      this.end = place.begin() + place.bytes();
    }
  }

  private TensorStream(Path target, Path partial, FileChannel channel, long size) {
    this.target = target;
    this.partial = partial;
    this.channel = channel;
    this.size = size;
  }

  /**
   * Starts a file.
   *
   * @param target where it will stand; replaced if it exists
   * @param header its first bytes
   * @param places name to place of every tensor, none overlapping
   * @param size bytes of the whole file; what neither header nor tensors fill is zero
   * @return the stream
   * @throws IOException if the file cannot be written
   */
  public static TensorStream create(
      Path target, byte[] header, Map<String, Place> places, long size) throws IOException {
    Path partial = target.resolveSibling(target.getFileName() + ".partial");
    FileChannel channel =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING);
    TensorStream stream = new TensorStream(target, partial, channel, size);
    places.forEach((name, place) -> stream.spans.put(name, new Span(place)));
    try {
      stream.writeFully(ByteBuffer.wrap(header), 0);
    } catch (IOException e) {
      stream.discard();
      throw e;
    }
    return stream;
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
      int length = (int) Math.min(PIECE, bytes.byteSize() - at);
      staging.clear().limit(length);
      MemorySegment.ofBuffer(staging).copyFrom(bytes.asSlice(at, length));
      writeFully(staging, span.next);
      span.next += length;
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
    if (channel.size() < size) {
      writeFully(ByteBuffer.allocate(1), size - 1);
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
