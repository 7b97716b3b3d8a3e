package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.BlockSpec.Levels.Above;
import dev.lamina.spi.ir.Codebook;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Levels that are coordinates of points, eight at a time: the coordinates of one point or of two
 * are the bytes of a long, and what the bits above them do is done to all eight at once.
 */
final class PointLevels implements LevelReader {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /** A byte of ones for each bit. */
  private static final long[] SPREAD = new long[256];

  static {
    for (int i = 0; i < 256 * Byte.SIZE; i++) {
      if ((i / Byte.SIZE >> i % Byte.SIZE & 1) == 1) {
        SPREAD[i / Byte.SIZE] |= 255L << Byte.SIZE * (i % Byte.SIZE);
      }
    }
  }

  private final BlockSpec.Levels.Points meaning;
  private final Codebook book;
  private final int count;
  private final BitPlaces points;
  private final BitPlaces above;

  /** Of each eight elements the byte of their signs, where each has a bit of its own. */
  private final int[] signs;

  /** The points as bytes of longs; made at first use, by any thread. */
  private volatile long @Nullable [] rows;

  PointLevels(BitField field, BlockSpec.Levels.Points meaning) {
    this.meaning = meaning;
    book = meaning.book();
    count = field.count();
    int shift = Integer.numberOfTrailingZeros(book.points());
    points = new BitPlaces(part(field, shift, false));
    BitField high = part(field, shift, true);
    above = new BitPlaces(high);
    signs = meaning.above() == Above.SIGN ? bytes(high) : new int[0];
  }

  /** The part of the integers from a bit on, or below it. */
  private static BitField part(BitField field, int bit, boolean above) {
    List<BitField.Piece> pieces = new ArrayList<>();
    for (BitField.Piece p : field.pieces()) {
      if (p.to() >= bit == above) {
        int to = above ? p.to() - bit : p.to();
        pieces.add(new BitField.Piece(p.at(), p.shift(), p.width(), to, p.digits()));
      }
    }
    return new BitField(field.count(), pieces);
  }

  private static int[] bytes(BitField field) {
    BitField.Piece piece = field.pieces().getFirst();
    int[] bytes = new int[field.count() / Byte.SIZE];
    for (int i = 0; i < field.count(); i++) {
      int b = piece.byteOf(i);
      if (i % Byte.SIZE == 0) {
        bytes[i / Byte.SIZE] = b;
      }
      if (bytes[i / Byte.SIZE] != b || piece.shiftOf(i) != i % Byte.SIZE) {
        throw new IllegalArgumentException(
            "bit field: expected eight signs in the bits of a byte, got " + piece);
      }
    }
    return bytes;
  }

  @Override
  public float get(MemorySegment data, long at, int i) {
    int point = points.get(data, at, i);
    return meaning.level(point + book.points() * above.get(data, at, i), i);
  }

  @Override
  public void read(byte[] data, int bytes, int blocks, byte[] out) {
    long[] all = rows();
    for (int b = 0; b < blocks; b++) {
      for (int i = 0; i < count; i += Byte.SIZE) {
        LONGS.set(out, b * count + i, eight(all, data, b * bytes, i));
      }
    }
  }

  private long eight(long[] all, byte[] data, int at, int i) {
    long row = all[points.get(data, at, i)];
    if (book.dims() == 4) {
      row |= all[points.get(data, at, i + 4)] << Integer.SIZE;
    }
    return switch (meaning.above()) {
      case SIGN -> signed(row, data[at + signs[i / Byte.SIZE]] & 255);
      case EVEN_SIGNS -> {
        int seven = above.get(data, at, i);
        yield signed(row, seven | (Integer.bitCount(seven) & 1) << 7);
      }
      case EIGHTHS -> moved(row, above.get(data, at, i));
    };
  }

  private long[] rows() {
    long[] all = rows;
    if (all == null) {
      all = new long[book.points()];
      for (int p = 0; p < all.length; p++) {
        for (int d = 0; d < book.dims(); d++) {
          all[p] |= (book.coordinate(p, d) & 255L) << Byte.SIZE * d;
        }
      }
      rows = all;
    }
    return all;
  }

  /** Eight positive numbers, those negated whose bit is set; 0 would carry into the next one. */
  private static long signed(long row, int signs) {
    long negative = SPREAD[signs];
    return (row ^ negative) + (negative & Eights.ONES);
  }

  /** Eight times -1, 0 or 1, and 1 more or less. */
  private static long moved(long row, int less) {
    long eight = 0;
    for (int j = 0; j < Long.SIZE; j += Byte.SIZE) {
      int level = 8 * (byte) (row >>> j) + 1 - 2 * less;
      eight |= (level & 255L) << j;
    }
    return eight;
  }
}
