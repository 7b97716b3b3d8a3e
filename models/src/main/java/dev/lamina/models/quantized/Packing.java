package dev.lamina.models.quantized;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.quantized.PackedMatrix.Kind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.stream.IntStream;

/** Puts a {@link PackedMatrix} into blocks, or decodes it to F32 where no block holds it. */
final class Packing {
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Floats of E2M1, by code. */
  private static final float[] E2M1 = {
    0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6
  };

  private static final int PIECE_ROWS = 16;

  private Packing() {}

  /** Its type in use. */
  static TensorType type(PackedMatrix m) {
    QuantFormat blocks = m.blocks();
    return blocks == null
        ? TensorType.of(DType.F32, m.rows(), m.cols())
        : TensorType.blocked(blocks, dev.lamina.spi.ir.Shape.of(m.rows(), m.cols()));
  }

  /** Its bytes in use; automatic, since the plan's tensors keep them while a weight shares them. */
  static MemorySegment bytes(PackedMatrix m) {
    TensorType type = type(m);
    QuantFormat blocks = m.blocks();
    MemorySegment to = Arena.ofAuto().allocate(type.byteSize(), 64);
    long rowBytes = type.byteSize() / m.rows();
    IntStream.range(0, (m.rows() + PIECE_ROWS - 1) / PIECE_ROWS)
        .parallel()
        .forEach(piece -> {
          byte[] codes = new byte[m.cols()];
          int end = Math.min(m.rows(), (piece + 1) * PIECE_ROWS);
          for (int row = piece * PIECE_ROWS; row < end; row++) {
            m.codes().row(row, codes);
            if (blocks == null) {
              floats(m, row, codes, to, row * rowBytes);
            } else {
              blocks(m, blocks, row, codes, to, row * rowBytes);
            }
          }
        });
    return to.asReadOnly();
  }

  /** The order of columns as a tensor. */
  static StoredTensor order(String name, int[] order, String origin) {
    MemorySegment data = Arena.ofAuto().allocate((long) order.length * Integer.BYTES, 64);
    for (int i = 0; i < order.length; i++) {
      data.set(I32, (long) i * Integer.BYTES, order[i]);
    }
    return new StoredTensor(
        name, TensorType.of(DType.I32, order.length), data.asReadOnly(), origin);
  }

  private static void floats(PackedMatrix m, int row, byte[] codes, MemorySegment to, long at) {
    for (int c = 0; c < codes.length; c++) {
      float level = level(m.kind(), codes[c]) - m.zero(row, c);
      to.set(F32, at + 4L * c, m.scales().at(row, c) * level);
    }
  }

  private static float level(Kind kind, byte code) {
    return switch (kind) {
      case INT4, INT8 -> code;
      case FLOAT8 -> Numbers.e4m3(code);
      case FLOAT4 -> E2M1[code];
    };
  }

  private static void blocks(
      PackedMatrix m, QuantFormat format, int row, byte[] codes, MemorySegment to, long begin) {
    int size = format.elements();
    long at = begin;
    for (int c = 0; c < codes.length; c += size, at += format.bytes()) {
      float scale = m.scales().at(row, c);
      switch (m.kind()) {
        case INT8, FLOAT8 -> {
          to.set(F32, at, scale);
          MemorySegment.copy(codes, c, to, ValueLayout.JAVA_BYTE, at + 4, size);
        }
        case INT4 -> {
          to.set(F32, at, scale);
          to.set(F32, at + 4, -(scale * m.zero(row, c)));
          halves(codes, c, size, to, at + 8);
        }
        case FLOAT4 -> {
          // The levels of the block are doubled.
          to.set(F32, at, scale * 0.5f);
          halves(codes, c, size, to, at + 4);
        }
      }
    }
  }

  private static void halves(byte[] codes, int from, int size, MemorySegment to, long at) {
    int half = size / 2;
    for (int i = 0; i < half; i++) {
      int both = codes[from + i] | codes[from + half + i] << 4;
      to.set(ValueLayout.JAVA_BYTE, at + i, (byte) both);
    }
  }
}
