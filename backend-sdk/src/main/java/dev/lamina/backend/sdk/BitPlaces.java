package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The places of a field's integers: a byte, a shift and a mask a piece. Immutable and thread-safe.
 */
final class BitPlaces {
  private final int[][] bytes;
  private final byte[][] shifts;
  private final boolean[][] split;
  private final int[] masks;
  private final int[] tos;

  BitPlaces(BitField field) {
    int pieces = field.pieces().size();
    bytes = new int[pieces][field.count()];
    shifts = new byte[pieces][field.count()];
    split = new boolean[pieces][field.count()];
    masks = new int[pieces];
    tos = new int[pieces];
    for (int p = 0; p < pieces; p++) {
      BitField.Piece piece = field.pieces().get(p);
      masks[p] = (1 << piece.width()) - 1;
      tos[p] = piece.to();
      for (int i = 0; i < field.count(); i++) {
        bytes[p][i] = piece.byteOf(i);
        shifts[p][i] = (byte) piece.shiftOf(i);
        split[p][i] = piece.isSplit(i);
      }
    }
  }

  /** Integer i of the block at a byte of the data. */
  int get(MemorySegment data, long at, int i) {
    int value = 0;
    for (int p = 0; p < masks.length; p++) {
      long b = at + bytes[p][i];
      int word = data.get(ValueLayout.JAVA_BYTE, b) & 255;
      if (split[p][i]) {
        word |= (data.get(ValueLayout.JAVA_BYTE, b + 1) & 255) << 8;
      }
      value |= (word >> shifts[p][i] & masks[p]) << tos[p];
    }
    return value;
  }

  /** The same of an array. */
  int get(byte[] data, int at, int i) {
    int value = 0;
    for (int p = 0; p < masks.length; p++) {
      int b = at + bytes[p][i];
      int word = data[b] & 255;
      if (split[p][i]) {
        word |= (data[b + 1] & 255) << 8;
      }
      value |= (word >> shifts[p][i] & masks[p]) << tos[p];
    }
    return value;
  }
}
