package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Levels that each follow from one code of up to eight bits. */
final class CodeLevels implements LevelReader {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long TOPS = 0x8080808080808080L;

  private final BitPlaces codes;
  private final Eights eights;
  private final int count;
  private final float[] levels;

  /** The levels as bytes, null where they are the codes less a bias. */
  private final byte @Nullable [] numbers;

  private final long bias;

  CodeLevels(BitField field, BlockSpec.Levels meaning) {
    codes = new BitPlaces(field);
    eights = new Eights(field);
    count = field.count();
    levels = levels(meaning, 1 << field.bits());
    numbers = meaning instanceof BlockSpec.Levels.Table ? bytes(levels) : null;
    bias = meaning instanceof BlockSpec.Levels.Biased(int b) ? b * Eights.ONES : 0;
  }

  private static float[] levels(BlockSpec.Levels meaning, int n) {
    float[] levels = new float[n];
    for (int c = 0; c < n; c++) {
      levels[c] =
          switch (meaning) {
            case BlockSpec.Levels.Biased b -> c - b.bias();
            case BlockSpec.Levels.Signed s -> (byte) c;
            case BlockSpec.Levels.Table t -> t.values().get(c);
            case BlockSpec.Levels.Float8 f -> Float8.e4m3ToFloat((byte) c);
            case BlockSpec.Levels.Points p -> throw new AssertionError("points: " + p);
            case BlockSpec.Levels.Ternary t -> throw new AssertionError("several a code: " + t);
          };
    }
    return levels;
  }

  private static byte[] bytes(float[] levels) {
    byte[] bytes = new byte[levels.length];
    for (int i = 0; i < levels.length; i++) {
      bytes[i] = (byte) levels[i];
    }
    return bytes;
  }

  @Override
  public float get(MemorySegment data, long at, int i) {
    return levels[codes.get(data, at, i)];
  }

  @Override
  public void read(byte[] data, int bytes, int blocks, byte[] out) {
    int n = blocks * count;
    eights.read(data, bytes, blocks, out);
    if (numbers != null) {
      for (int i = 0; i < n; i++) {
        out[i] = numbers[out[i] & 255];
      }
    } else if (bias != 0) {
      lower(out, n);
    }
  }

  /** Eight codes at a time less the bias; with the top bit set no byte borrows from the next. */
  private void lower(byte[] codes, int n) {
    for (int i = 0; i < n; i += 8) {
      LONGS.set(codes, i, (((long) LONGS.get(codes, i) | TOPS) - bias) ^ TOPS);
    }
  }
}
