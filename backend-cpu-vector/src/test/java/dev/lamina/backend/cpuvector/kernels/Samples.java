package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Random tensors for the tests, in memory that starts at an odd address if asked. */
final class Samples {
  static final int[] SIZES = {1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 257, 1000};
  static final DType[] TYPES = {DType.F32, DType.F16, DType.BF16};

  private Samples() {}

  static MemorySegment memory(long bytes, int shift) {
    return Arena.ofAuto().allocate(bytes + shift, 64).asSlice(shift, bytes);
  }

  static Linear.Rows rows(DType type, int n, int shift) {
    return new Linear.Rows(type, memory((long) n * type.bytes(), shift), 0);
  }

  /** Random blocks whose factors are neither infinite nor NaN. */
  static MemorySegment blocks(QuantFormat format, int count, int shift, Random random) {
    MemorySegment data = memory((long) count * format.bytes(), shift);
    for (long i = 0; i < data.byteSize(); i++) {
      data.set(ValueLayout.JAVA_BYTE, i, (byte) (random.nextInt(256) & 0xBB));
    }
    return data;
  }

  static Linear.Rows normal(DType type, int n, int shift, Random random) {
    Linear.Rows rows = rows(type, n, shift);
    for (int i = 0; i < n; i++) {
      Elements.store(type, rows.data(), (long) i * type.bytes(), (float) random.nextGaussian());
    }
    return rows;
  }

  static float at(Linear.Rows rows, int i) {
    return Elements.load(rows.type(), rows.data(), rows.offset() + (long) i * rows.type().bytes());
  }

  static float[] floats(Linear.Rows rows, int n) {
    float[] all = new float[n];
    Elements.load(rows.type(), rows.data(), rows.offset(), all, 0, n);
    return all;
  }

  /** Runs a kernel once on the scalar twins and once on the vector forms. */
  static void onBoth(Runnable scalar, Runnable vector) {
    setAll(false);
    scalar.run();
    try {
      setAll(true);
      vector.run();
    } finally {
      setAll(false);
    }
  }

  private static void setAll(boolean warm) {
    for (HotKernel k : HotKernel.values()) {
      k.setWarm(warm);
    }
  }
}
