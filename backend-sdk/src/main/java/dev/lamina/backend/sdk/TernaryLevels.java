package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec.Levels;
import java.lang.foreign.MemorySegment;

/** Levels that are digits of base 3, several a byte. */
final class TernaryLevels implements LevelReader {
  private static final int PLANES = 5;

  private final BitPlaces codes;

  /** The byte of each element, by its place among the codes, and which digit of it. */
  private final int[] code;

  private final int[] plane;

  /** The digits of each byte, {@code [plane][256]}. */
  private final byte[][] digits = new byte[PLANES][256];

  TernaryLevels(BitField field, Levels.Ternary meaning) {
    codes = new BitPlaces(field);
    int count = 0;
    for (Levels.Planes run : meaning.runs()) {
      count += run.bytes() * run.planes();
    }
    code = new int[count];
    plane = new int[count];
    int i = 0;
    int first = 0;
    for (Levels.Planes run : meaning.runs()) {
      for (int p = 0; p < run.planes(); p++) {
        for (int b = 0; b < run.bytes(); b++) {
          code[i] = first + b;
          plane[i++] = p;
        }
      }
      first += run.bytes();
    }
    for (int p = 0; p < PLANES; p++) {
      for (int b = 0; b < 256; b++) {
        digits[p][b] = (byte) Levels.Ternary.level(b, p);
      }
    }
  }

  @Override
  public float get(MemorySegment data, long at, int i) {
    return digits[plane[i]][codes.get(data, at, code[i])];
  }

  @Override
  public void read(byte[] data, int bytes, int blocks, byte[] out) {
    int n = code.length;
    for (int b = 0; b < blocks; b++) {
      for (int i = 0; i < n; i++) {
        out[b * n + i] = digits[plane[i]][codes.get(data, b * bytes, code[i])];
      }
    }
  }
}
