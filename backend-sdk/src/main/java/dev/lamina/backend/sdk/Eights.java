package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Reads the integers of a field eight at a time, a byte each in a long. Eight that follow one
 * another must lie in eight bytes that follow one another, at the same bits, or in the eight bits
 * of one byte: so they do in all formats. Immutable and thread-safe.
 */
final class Eights {
  /** A one in each byte. */
  static final long ONES = 0x0101010101010101L;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final int count;
  private final Run[] runs;

  /** A piece of the integers: where each eight of them lies. */
  private record Run(int[] bytes, byte[] shifts, boolean isOneByte, long mask, int to) {}

  Eights(BitField field) {
    count = field.count();
    runs = field.pieces().stream().map(p -> run(p, field.count())).toArray(Run[]::new);
  }

  private static Run run(BitField.Piece piece, int count) {
    boolean isOneByte = piece.byteOf(0) == piece.byteOf(7);
    int[] bytes = new int[count / 8];
    byte[] shifts = new byte[count / 8];
    for (int i = 0; i < count; i++) {
      int step = i % 8;
      if (step == 0) {
        bytes[i / 8] = piece.byteOf(i);
        shifts[i / 8] = (byte) piece.shiftOf(i);
      }
      int place = bytes[i / 8] + (isOneByte ? 0 : step);
      int shift = shifts[i / 8] + (isOneByte ? step : 0);
      if (piece.byteOf(i) != place
          || piece.shiftOf(i) != shift
          || isOneByte && (piece.width() != 1 || shift != step)) {
        throw new IllegalArgumentException(
            "bit field: expected eight integers in eight bytes or in one, got %s".formatted(piece));
      }
    }
    return new Run(bytes, shifts, isOneByte, ((1 << piece.width()) - 1) * ONES, piece.to());
  }

  /**
   * Reads the integers of consecutive blocks.
   *
   * @param data blocks, from its first byte on
   * @param bytes of a block
   * @param blocks how many
   * @param out takes them, from index 0 on
   */
  void read(byte[] data, int bytes, int blocks, byte[] out) {
    for (int r = 0; r < runs.length; r++) {
      for (int b = 0; b < blocks; b++) {
        if (runs[r].isOneByte) {
          spread(runs[r], data, b * bytes, out, b * count, r > 0);
        } else {
          pick(runs[r], data, b * bytes, out, b * count, r > 0);
        }
      }
    }
  }

  private static void pick(Run run, byte[] data, int from, byte[] out, int at, boolean more) {
    int[] bytes = run.bytes;
    byte[] shifts = run.shifts;
    for (int g = 0; g < bytes.length; g++) {
      long eight = (long) LONGS.get(data, from + bytes[g]) >>> shifts[g] & run.mask;
      put(eight << run.to, out, at + 8 * g, more);
    }
  }

  /** Bit i of a byte as byte i. */
  private static void spread(Run run, byte[] data, int from, byte[] out, int at, boolean more) {
    int[] bytes = run.bytes;
    for (int g = 0; g < bytes.length; g++) {
      long each = (data[from + bytes[g]] & 255) * ONES & 0x8040201008040201L;
      long eight = (each + 0x7F7F7F7F7F7F7F7FL) >>> 7 & ONES;
      put(eight << run.to, out, at + 8 * g, more);
    }
  }

  private static void put(long eight, byte[] out, int at, boolean more) {
    LONGS.set(out, at, more ? eight | (long) LONGS.get(out, at) : eight);
  }
}
