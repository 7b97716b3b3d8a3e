package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.Codebook;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A block format as the bytes that kernels read: {@code struct BlockFormat} of {@code blocks.cuh},
 * and behind it what it refers to by bytes from its beginning.
 */
final class BlockTable {
  private static final int FORMAT_BYTES = 168;
  private static final int LEVELS = 256;
  private static final int POINTS = 1;
  private static final int TERNARY = 2;

  private ByteBuffer bytes = room(1024);
  private int end = FORMAT_BYTES;

  private BlockTable(BlockSpec spec) {
    bits(0, spec.codes());
    levels(spec.levels());
    factor(24, spec.scale());
    BlockSpec.Factor min = spec.min();
    if (min != null) {
      factor(64, min);
    }
    bytes.putInt(104, spec.elements());
    bytes.putInt(108, spec.bytes());
    bytes.putInt(112, min == null ? 0 : spec.subtracted() ? -1 : 1);
  }

  /** The bytes of a format's table. */
  static byte[] of(BlockSpec spec) {
    BlockTable table = new BlockTable(spec);
    byte[] all = new byte[table.end];
    table.bytes.get(0, all);
    return all;
  }

  private static ByteBuffer room(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Makes room behind all else for words of 32 bits; returns where. */
  private int words(int count) {
    int at = end;
    end += Integer.BYTES * count;
    if (end > bytes.capacity()) {
      bytes = room(2 * end).put(0, bytes, 0, at);
    }
    return at;
  }

  private void factor(int at, BlockSpec.Factor f) {
    bits(at, f.integers());
    bytes.putInt(at + 16, number(f.written()));
    bytes.putInt(at + 20, f.at());
    bytes.putInt(at + 24, f.stride());
    bytes.putInt(at + 28, f.groups());
    bytes.putInt(at + 32, f.bias());
    bytes.putInt(at + 36, f.signed() ? 1 : 0);
  }

  private void bits(int at, @Nullable BitField field) {
    if (field == null) {
      return;
    }
    int pieces = field.pieces().size();
    int word = words(pieces * field.count());
    bytes.putLong(at, word);
    bytes.putInt(at + 8, pieces);
    for (int i = 0; i < field.count(); i++) {
      for (BitField.Piece p : field.pieces()) {
        int bit = 8 * p.byteOf(i) + p.shiftOf(i);
        bytes.putInt(word, bit / 8 | bit % 8 << 16 | p.width() << 20 | p.to() << 24);
        word += Integer.BYTES;
      }
    }
  }

  private void levels(BlockSpec.Levels levels) {
    switch (levels) {
      case BlockSpec.Levels.Points(Codebook book, BlockSpec.Levels.Above above) -> {
        int dims = book.dims();
        floats(book.points() * dims, i -> (float) book.coordinate(i / dims, i % dims));
        bytes.putInt(116, POINTS);
        bytes.putInt(120, book.points());
        bytes.putInt(124, dims);
        bytes.putInt(128, number(above));
      }
      case BlockSpec.Levels.Ternary(List<BlockSpec.Levels.Planes> runs) -> {
        bytes.putInt(116, TERNARY);
        bytes.putInt(132, runs.size());
        for (int r = 0; r < runs.size(); r++) {
          bytes.putInt(136 + 4 * r, runs.get(r).bytes());
          bytes.putInt(152 + 4 * r, runs.get(r).planes());
        }
      }
      case BlockSpec.Levels.Biased b -> floats(LEVELS, c -> (float) (c - b.bias()));
      case BlockSpec.Levels.Signed b -> floats(LEVELS, c -> (float) (byte) c);
      case BlockSpec.Levels.Table t ->
          floats(LEVELS, c -> c < t.values().size() ? (float) (int) t.values().get(c) : 0.0f);
      case BlockSpec.Levels.Float8 b -> floats(LEVELS, c -> e4m3((byte) c));
    }
  }

  private void floats(int count, IntFunction<Float> values) {
    int at = words(count);
    bytes.putLong(16, at);
    for (int i = 0; i < count; i++) {
      bytes.putFloat(at + Float.BYTES * i, values.apply(i));
    }
  }

  private static int number(BlockSpec.Levels.Above above) {
    return switch (above) {
      case SIGN -> 0;
      case EVEN_SIGNS -> 1;
      case EIGHTHS -> 2;
    };
  }

  private static int number(BlockSpec.Written written) {
    return switch (written) {
      case F16 -> 0;
      case QUARTER_F16 -> 1;
      case EIGHTH_F16 -> 2;
      case EIGHTH_F16_IN_HALVES -> 3;
      case F32 -> 4;
      case HALF_E8M0 -> 5;
      case HALF_E4M3 -> 6;
    };
  }

  private static float e4m3(byte bits) {
    return Elements.getFloat(DType.F8E4M3, MemorySegment.ofArray(new byte[] {bits}), 0);
  }
}
