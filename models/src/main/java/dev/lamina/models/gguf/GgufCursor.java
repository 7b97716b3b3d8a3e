package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Walks a file from its start; every step is held to its end. For one thread. */
final class GgufCursor {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String file;
  private final MemorySegment data;
  private long at;

  GgufCursor(String file, MemorySegment data) {
    this.file = file;
    this.data = data;
  }

  long at() {
    return at;
  }

  int u32(String where) throws ModelException {
    return data.get(INT, take(where, 4));
  }

  /** A count or size: 64 bits, at least 0. */
  long size(String where) throws ModelException {
    long size = data.get(LONG, take(where, 8));
    if (size < 0) {
      throw refuse(where, "a number below 2^63", Long.toUnsignedString(size));
    }
    return size;
  }

  /** How many things follow, none smaller than so many bytes. */
  long count(String where, int leastBytes) throws ModelException {
    long count = size(where);
    long fit = (data.byteSize() - at) / leastBytes;
    if (count > fit) {
      throw refuse(
          where,
          "at most %d, which is what the rest of the file has room for".formatted(fit),
          Long.toString(count));
    }
    return count;
  }

  /** A text of at most so many bytes. */
  String text(String where, long longest) throws ModelException {
    long length = textLength(where);
    if (length > longest) {
      throw refuse(where, "a text of at most %d bytes".formatted(longest), length + " bytes");
    }
    MemorySegment bytes = data.asSlice(take(where, length), length);
    return new String(bytes.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
  }

  private void skipText(String where) throws ModelException {
    take(where, textLength(where));
  }

  private long textLength(String where) throws ModelException {
    long length = size(where);
    if (length > data.byteSize() - at) {
      throw refuse(
          where,
          "a text of at most %d bytes, the rest of the file".formatted(data.byteSize() - at),
          length + " bytes");
    }
    return length;
  }

  /** A value of the metadata with its type before it. */
  GgufValue value(String where) throws ModelException {
    GgufValueType type = type(where);
    return switch (type) {
      case U8 -> new GgufValue.Whole(data.get(ValueLayout.JAVA_BYTE, take(where, 1)) & 0xFF);
      case I8 -> new GgufValue.Whole(data.get(ValueLayout.JAVA_BYTE, take(where, 1)));
      case U16 -> new GgufValue.Whole(data.get(SHORT, take(where, 2)) & 0xFFFF);
      case I16 -> new GgufValue.Whole(data.get(SHORT, take(where, 2)));
      case U32 -> new GgufValue.Whole(u32(where) & 0xFFFF_FFFFL);
      case I32 -> new GgufValue.Whole(u32(where));
      case F32 -> new GgufValue.Real(Float.intBitsToFloat(u32(where)));
      case BOOL -> new GgufValue.Flag(flag(where));
      case TEXT -> new GgufValue.Text(text(where, Integer.MAX_VALUE - 16L));
      case ARRAY -> array(where);
      case U64 -> new GgufValue.Whole(size(where));
      case I64 -> new GgufValue.Whole(data.get(LONG, take(where, 8)));
      case F64 -> new GgufValue.Real(Double.longBitsToDouble(data.get(LONG, take(where, 8))));
    };
  }

  private GgufValueType type(String where) throws ModelException {
    int number = u32(where);
    GgufValueType type = GgufValueType.of(number);
    if (type == null) {
      throw refuse(where, "a type from 0 to 12", Integer.toUnsignedString(number));
    }
    return type;
  }

  private boolean flag(String where) throws ModelException {
    byte b = data.get(ValueLayout.JAVA_BYTE, take(where, 1));
    if (b != 0 && b != 1) {
      throw refuse(where, "a bool of 0 or 1", Integer.toString(b & 0xFF));
    }
    return b == 1;
  }

  private GgufValue.Many array(String where) throws ModelException {
    GgufValueType element = type(where);
    if (element == GgufValueType.ARRAY) {
      throw refuse(where, "an array of numbers, bools or texts", "an array of arrays");
    }
    long count = count(where, element.leastBytes());
    if (count > Integer.MAX_VALUE - 16) {
      throw refuse(where, "an array of less than 2^31 elements", Long.toString(count));
    }
    long begin = at;
    if (element == GgufValueType.TEXT) {
      for (long i = 0; i < count; i++) {
        skipText(where);
      }
    } else {
      take(where, count * element.leastBytes());
    }
    return new GgufValue.Many(element, (int) count, data.asSlice(begin, at - begin));
  }

  private long take(String where, long bytes) throws ModelException {
    long here = at;
    if (bytes > data.byteSize() - here) {
      throw refuse(
          where,
          "%d more bytes at byte %d".formatted(bytes, here),
          "a file that ends at byte " + data.byteSize());
    }
    at += bytes;
    return here;
  }

  ModelException refuse(String where, String expected, String got) {
    return GgufFile.refuse(file, where, expected, got, "the file is damaged, fetch it again");
  }
}
