package dev.lamina.models.safetensors;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One file, mapped. The mapping belongs to the arena it was made in.
 *
 * @param tensors the tensors, by where they begin
 * @param metadata the strings of {@code __metadata__}
 */
record SafetensorsFile(List<StoredTensor> tensors, Map<String, String> metadata) {
  private static final long MAX_HEADER = 100_000_000;
  private static final long PREFIX = 8;
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Maps a file and checks its header.
   *
   * @param path the file
   * @param arena owns the mapping
   */
  static SafetensorsFile open(Path path, Arena arena) throws ModelException {
    return parse(path.toString(), map(path, arena));
  }

  /**
   * Checks a header.
   *
   * @param file name of the file, for messages
   * @param mapped the whole of it
   */
  static SafetensorsFile parse(String file, MemorySegment mapped) throws ModelException {
    long size = mapped.byteSize();
    if (size < PREFIX) {
      throw SafetensorsHeader.refuse(
          file,
          "file",
          "at least 8 bytes with the header's length",
          size + " bytes; it is cut short",
          "fetch it again");
    }
    long headerBytes = mapped.get(LENGTH, 0);
    if (headerBytes < 0 || headerBytes > MAX_HEADER) {
      throw SafetensorsHeader.refuse(
          file,
          "header",
          "a length of at most " + MAX_HEADER + " bytes",
          Long.toUnsignedString(headerBytes),
          "it is not safetensors, or damaged: fetch it again");
    }
    if (headerBytes > size - PREFIX) {
      throw SafetensorsHeader.refuse(
          file,
          "header",
          "%d bytes after the first 8".formatted(headerBytes),
          "a file that ends %d bytes after them, before the header does".formatted(size - PREFIX),
          "it is cut short, fetch it again");
    }
    byte[] json = mapped.asSlice(PREFIX, headerBytes).toArray(ValueLayout.JAVA_BYTE);
    MemorySegment data = mapped.asSlice(PREFIX + headerBytes);
    SafetensorsHeader header = SafetensorsHeader.parse(file, json, data.byteSize());
    List<StoredTensor> tensors = new ArrayList<>();
    for (SafetensorsHeader.Entry e : header.entries()) {
      tensors.add(
          new StoredTensor(e.name(), e.type(), data.asSlice(e.begin(), e.end() - e.begin()), file));
    }
    return new SafetensorsFile(List.copyOf(tensors), header.metadata());
  }

  private static MemorySegment map(Path path, Arena arena) throws ModelException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      String got = Files.exists(path) ? String.valueOf(e.getMessage()) : "no such file";
      throw new ModelException(
          "read %s: expected a readable file, got %s; check path and rights".formatted(path, got),
          e);
    }
  }
}
