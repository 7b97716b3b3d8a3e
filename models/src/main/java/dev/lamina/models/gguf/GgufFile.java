package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One file, mapped, with header and directory checked. The mapping belongs to the arena it was made
 * in.
 *
 * @param metadata keys and values
 * @param tensors in the order of the directory
 */
record GgufFile(GgufMetadata metadata, List<Tensor> tensors) {
  static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
  static final int DEFAULT_ALIGNMENT = 32;
  static final String ALIGNMENT = "general.alignment";

  private static final int MOST_DIMS = 4;
  private static final int LONGEST_NAME = 65_535;
  // A key of no bytes, a type and one byte; a name of no bytes, no dims, type and offset.
  private static final int LEAST_PAIR = 13;
  private static final int LEAST_TENSOR = 24;

  /**
   * A tensor of the directory.
   *
   * @param name its name
   * @param type how it is stored
   * @param shape sizes, the innermost last
   * @param data its bytes in the file
   */
  record Tensor(String name, GgmlType type, Shape shape, MemorySegment data) {}

  /** The tensor of a name, null if there is none. */
  @Nullable Tensor find(String name) {
    for (Tensor t : tensors) {
      if (t.name().equals(name)) {
        return t;
      }
    }
    return null;
  }

  private record Entry(String name, GgmlType type, Shape shape, long offset, long bytes) {}

  /**
   * Maps a file and checks everything before its data.
   *
   * @param path the file
   * @param arena owns the mapping
   */
  static GgufFile open(Path path, Arena arena) throws ModelException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return parse(
          path.toString(), channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
    } catch (NoSuchFileException e) {
      throw refuse(path.toString(), "file", "a readable file", "no such file", "check the path");
    } catch (java.io.IOException e) {
      String got = Files.isDirectory(path) ? "a folder" : String.valueOf(e.getMessage());
      throw refuse(path.toString(), "file", "a readable file", got, "check path and rights");
    }
  }

  /**
   * Checks everything before the data.
   *
   * @param file name of the file, for messages
   * @param data the whole of it
   */
  static GgufFile parse(String file, MemorySegment data) throws ModelException {
    GgufCursor in = new GgufCursor(file, data);
    checkStart(file, in);
    long numTensors = in.count("number of tensors", LEAST_TENSOR);
    long numPairs = in.count("number of metadata pairs", LEAST_PAIR);
    Map<String, GgufValue> pairs = new LinkedHashMap<>();
    for (long i = 0; i < numPairs; i++) {
      String key = in.text("metadata key " + i, LONGEST_NAME);
      String where = "metadata '" + key + "'";
      if (pairs.putIfAbsent(key, in.value(where)) != null) {
        throw in.refuse(where, "it once", "it twice");
      }
    }
    GgufMetadata metadata = new GgufMetadata(file, pairs);
    int alignment = alignment(metadata);
    List<Entry> entries = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (long i = 0; i < numTensors; i++) {
      Entry e = entry(file, in, i, alignment);
      if (!names.add(e.name)) {
        throw in.refuse("tensor '" + e.name + "'", "it once", "it twice");
      }
      entries.add(e);
    }
    // A file may end right after the directory if no tensor has data.
    long begin = Math.min(roundUp(in.at(), alignment), data.byteSize());
    MemorySegment region = data.asSlice(begin);
    checkPlaces(file, entries, region.byteSize());
    List<Tensor> tensors = new ArrayList<>();
    for (Entry e : entries) {
      tensors.add(new Tensor(e.name, e.type, e.shape, region.asSlice(e.offset, e.bytes)));
    }
    return new GgufFile(metadata, List.copyOf(tensors));
  }

  private static void checkStart(String file, GgufCursor in) throws ModelException {
    int magic = in.u32("magic");
    if (magic != MAGIC) {
      throw refuse(
          file,
          "magic",
          "the bytes GGUF",
          "0x%08x".formatted(Integer.reverseBytes(magic)),
          "it is not a GGUF file, check the path");
    }
    int version = in.u32("version");
    if (version != 2 && version != 3) {
      boolean bigEndian = Integer.reverseBytes(version) == 3;
      throw refuse(
          file,
          "version",
          "2 or 3, little-endian",
          bigEndian ? "3, big-endian" : Integer.toUnsignedString(version),
          "convert the model again");
    }
  }

  private static int alignment(GgufMetadata metadata) throws ModelException {
    if (!metadata.has(ALIGNMENT)) {
      return DEFAULT_ALIGNMENT;
    }
    int alignment = metadata.integer(ALIGNMENT, 1);
    if (Integer.bitCount(alignment) != 1) {
      throw metadata.refuse(ALIGNMENT, "a power of two");
    }
    return alignment;
  }

  static long roundUp(long at, int alignment) {
    return (at + alignment - 1) / alignment * alignment;
  }

  private static Entry entry(String file, GgufCursor in, long index, int alignment)
      throws ModelException {
    String name = in.text("name of tensor " + index, LONGEST_NAME);
    String where = "tensor '" + name + "'";
    int numDims = in.u32(where);
    if (numDims < 0 || numDims > MOST_DIMS) {
      throw in.refuse(
          where, "at most %d dims".formatted(MOST_DIMS), Integer.toUnsignedString(numDims));
    }
    long[] sizes = new long[numDims];
    for (int i = numDims - 1; i >= 0; i--) {
      sizes[i] = in.size(where);
    }
    GgmlType type = type(file, in, where);
    long offset = in.size(where);
    if (offset % alignment != 0) {
      throw in.refuse(where, "an offset that is a multiple of " + alignment, Long.toString(offset));
    }
    return new Entry(name, type, Shape.of(sizes), offset, bytes(in, where, type, sizes));
  }

  private static GgmlType type(String file, GgufCursor in, String where) throws ModelException {
    int id = in.u32(where);
    GgmlType type = GgmlType.of(id);
    if (type == null) {
      throw refuse(
          file,
          where,
          "a type of " + Arrays.toString(GgmlType.values()),
          "type number " + Integer.toUnsignedString(id),
          "convert the model to one of these");
    }
    return type;
  }

  private static long bytes(GgufCursor in, String where, GgmlType type, long[] sizes)
      throws ModelException {
    long innermost = sizes.length == 0 ? 1 : sizes[sizes.length - 1];
    if (innermost % type.elements() != 0) {
      throw in.refuse(
          where,
          "rows of a multiple of %d elements for %s".formatted(type.elements(), type),
          Long.toString(innermost));
    }
    try {
      long elements = 1;
      for (long s : sizes) {
        elements = Math.multiplyExact(elements, s);
      }
      return type.byteSize(elements);
    } catch (ArithmeticException e) {
      throw in.refuse(where, "a tensor of less than 2^63 bytes", Arrays.toString(sizes));
    }
  }

  private static void checkPlaces(String file, List<Entry> entries, long regionBytes)
      throws ModelException {
    List<Entry> byPlace = new ArrayList<>(entries);
    byPlace.sort(Comparator.comparingLong(Entry::offset).thenComparingLong(Entry::bytes));
    long free = 0;
    String before = "the start";
    for (Entry e : byPlace) {
      String where = "tensor '" + e.name + "'";
      if (e.bytes > regionBytes - e.offset) {
        throw refuse(
            file,
            where,
            "%d bytes from byte %d of the data region".formatted(e.bytes, e.offset),
            "a region of %d; the file is cut short".formatted(regionBytes),
            "fetch it again");
      }
      if (e.offset < free) {
        throw refuse(
            file,
            where,
            "data from byte %d on, where %s ends".formatted(free, before),
            "an overlap from byte " + e.offset,
            "the file is damaged, fetch it again");
      }
      free = e.offset + e.bytes;
      before = where;
    }
  }

  static ModelException refuse(
      String file, String where, String expected, String got, String remedy) {
    return new ModelException(
        "read %s: %s: expected %s, got %s; %s".formatted(file, where, expected, got, remedy));
  }
}
