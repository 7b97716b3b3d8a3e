package dev.lamina.models.safetensors;

import dev.lamina.json.JsonTrees;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * The parsed and checked header of one file.
 *
 * @param entries the tensors, by where they begin
 * @param metadata the strings of {@code __metadata__}
 */
record SafetensorsHeader(List<Entry> entries, Map<String, String> metadata) {
  private static final Comparator<Entry> BY_PLACE =
      (a, b) -> a.begin != b.begin ? Long.compare(a.begin, b.begin) : Long.compare(a.end, b.end);

  /**
   * One tensor.
   *
   * @param name its name
   * @param type element type and shape
   * @param begin first byte, from the start of the data region
   * @param end past its last byte
   */
  record Entry(String name, TensorType type, long begin, long end) {}

  /**
   * Parses and checks a header.
   *
   * @param file name of the file, for messages
   * @param header the JSON bytes
   * @param dataBytes size of the data region
   */
  static SafetensorsHeader parse(String file, byte[] header, long dataBytes) throws ModelException {
    if (header.length == 0 || header[0] != '{') {
      throw refuse(file, "header", "a JSON object", "no '{' at byte 8", "it is not safetensors");
    }
    SafetensorsHeader parsed;
    try (JsonParser p = JsonTrees.parser(header)) {
      parsed = new Reader(file, p).header();
    } catch (JacksonException e) {
      throw new ModelException(
          "read %s: header: expected a JSON object, got bytes that do not parse (%s);"
                  .formatted(file, JsonTrees.reason(e))
              + " it is damaged, fetch it again",
          e);
    }
    List<Entry> sorted = new ArrayList<>(parsed.entries);
    sorted.sort(BY_PLACE);
    checkTiling(file, sorted, dataBytes);
    return new SafetensorsHeader(List.copyOf(sorted), parsed.metadata);
  }

  private static void checkTiling(String file, List<Entry> sorted, long dataBytes)
      throws ModelException {
    long at = 0;
    String before = "the start";
    for (Entry e : sorted) {
      String where = "tensor '" + e.name + "'";
      if (e.end > dataBytes) {
        throw refuse(
            file,
            where,
            "data up to byte %d of the data region".formatted(e.end),
            "a file with %d; it is cut short".formatted(dataBytes),
            "fetch it again");
      }
      if (e.begin < at) {
        throw refuse(
            file,
            where,
            "data from byte %d, where %s ends".formatted(at, before),
            "an overlap from byte %d".formatted(e.begin),
            "the file is damaged, fetch it again");
      }
      if (e.begin > at) {
        throw refuse(
            file,
            where,
            "data from byte %d, where %s ends".formatted(at, before),
            "a gap, misaligned to byte %d".formatted(e.begin),
            "the file is damaged, fetch it again");
      }
      at = e.end;
      before = where;
    }
    if (at != dataBytes) {
      throw refuse(
          file,
          "data region",
          "%d bytes, where %s ends".formatted(at, before),
          Long.toString(dataBytes),
          "the file is damaged, fetch it again");
    }
  }

  static ModelException refuse(
      String file, String where, String expected, String got, String remedy) {
    return new ModelException(
        "read %s: %s: expected %s, got %s; %s".formatted(file, where, expected, got, remedy));
  }

  /** Walks the header's tokens once; each method is entered at the first token of its value. */
  private record Reader(String file, JsonParser p) {

    SafetensorsHeader header() throws ModelException {
      Map<String, Entry> entries = new LinkedHashMap<>();
      Map<String, String> metadata = Map.of();
      p.nextToken();
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = p.currentName();
        p.nextToken();
        if (name.equals("__metadata__")) {
          metadata = metadata();
        } else if (entries.put(name, entry(name)) != null) {
          throw refuse(
              file,
              "tensor '" + name + "'",
              "it once in the header",
              "it twice",
              "the file is damaged, fetch it again");
        }
      }
      if (p.nextToken() != null) {
        throw refuse(
            file, "header", "one JSON object", "more after it", "it is damaged, fetch it again");
      }
      return new SafetensorsHeader(List.copyOf(entries.values()), metadata);
    }

    private Map<String, String> metadata() throws ModelException {
      Map<String, String> map = new LinkedHashMap<>();
      expect(JsonToken.START_OBJECT, "__metadata__", "an object of strings");
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = p.currentName();
        p.nextToken();
        expect(JsonToken.VALUE_STRING, "__metadata__", "an object of strings");
        map.put(key, p.getString());
      }
      return Map.copyOf(map);
    }

    private Entry entry(String name) throws ModelException {
      String where = "tensor '" + name + "'";
      expect(JsonToken.START_OBJECT, where, "an object with dtype, shape and data_offsets");
      @Nullable String dtype = null;
      long @Nullable [] shape = null;
      long @Nullable [] offsets = null;
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = p.currentName();
        p.nextToken();
        switch (key) {
          case "dtype" -> {
            expect(JsonToken.VALUE_STRING, where, "a string as dtype");
            dtype = p.getString();
          }
          case "shape" -> shape = sizes(where, "shape");
          case "data_offsets" -> offsets = sizes(where, "data_offsets");
          default -> p.skipChildren();
        }
      }
      if (dtype == null || shape == null || offsets == null || offsets.length != 2) {
        throw refuse(
            file,
            where,
            "dtype, shape and data_offsets of two numbers",
            "a header entry without them",
            "the file is damaged, fetch it again");
      }
      return checked(name, dtype, shape, offsets);
    }

    private Entry checked(String name, String dtypeName, long[] shape, long[] offsets)
        throws ModelException {
      String where = "tensor '" + name + "'";
      DType dtype = SafetensorsDType.parse(dtypeName);
      if (dtype == null) {
        throw refuse(
            file,
            where,
            "dtype " + SafetensorsDType.READABLE,
            dtypeName,
            "convert the checkpoint to one of these");
      }
      long bytes = dtype.bytes();
      try {
        for (long d : shape) {
          bytes = Math.multiplyExact(bytes, d);
        }
      } catch (ArithmeticException e) {
        bytes = -1;
      }
      long span = offsets[1] - offsets[0];
      if (bytes < 0 || span != bytes) {
        throw refuse(
            file,
            where,
            "data_offsets that span %s bytes for %s%s"
                .formatted(bytes < 0 ? "more than 2^63" : bytes, dtypeName, text(shape)),
            text(offsets) + ", " + span + " bytes",
            "the file is damaged, fetch it again");
      }
      if (offsets[0] % dtype.bytes() != 0) {
        throw refuse(
            file,
            where,
            "a begin that is a multiple of %d bytes for %s".formatted(dtype.bytes(), dtypeName),
            "it misaligned at byte " + offsets[0],
            "write the file again with tensors aligned");
      }
      return new Entry(name, TensorType.of(dtype, shape), offsets[0], offsets[1]);
    }

    private long[] sizes(String where, String key) throws ModelException {
      expect(JsonToken.START_ARRAY, where, "an array of whole numbers as " + key);
      List<Long> list = new ArrayList<>();
      while (p.nextToken() != JsonToken.END_ARRAY) {
        expect(JsonToken.VALUE_NUMBER_INT, where, "an array of whole numbers as " + key);
        long v = p.getLongValue();
        if (v < 0) {
          throw refuse(
              file,
              where,
              "numbers of at least 0 as " + key,
              Long.toString(v),
              "the file is damaged, fetch it again");
        }
        list.add(v);
      }
      long[] sizes = new long[list.size()];
      for (int i = 0; i < sizes.length; i++) {
        sizes[i] = list.get(i);
      }
      return sizes;
    }

    private void expect(JsonToken token, String where, String expected) throws ModelException {
      if (p.currentToken() != token) {
        String got = p.currentToken() == null ? "the end of the header" : p.getString();
        throw refuse(file, where, expected, got, "the file is damaged, fetch it again");
      }
    }

    private static String text(long[] sizes) {
      return java.util.Arrays.toString(sizes).replace(" ", "");
    }
  }
}
