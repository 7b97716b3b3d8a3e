package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.gpu.Failures;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.Codebook;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Block formats as tables in the device's memory, in the layout of {@code blocks.cuh}; each made
 * when it is first used, kept until the device is closed. Thread-safe.
 */
final class BlockTables {
  private static final int FORMAT_BYTES = 168;
  private static final int LEVELS = 256;
  private static final int POINTS = 1;
  private static final int TERNARY = 2;

  private final Gpu gpu;
  private final Map<QuantFormat, Long> tables = new EnumMap<>(QuantFormat.class);

  BlockTables(Gpu gpu) {
    this.gpu = gpu;
  }

  /** Where the {@code BlockFormat} of a tensor's blocks lies on the device; 0 if it is plain. */
  long of(Tensor t) {
    return t.layout() instanceof Layout.Blocked(var format) ? of(format) : 0;
  }

  /** Where a format's {@code BlockFormat} lies on the device. */
  synchronized long of(QuantFormat format) {
    Long known = tables.get(format);
    if (known != null) {
      return known;
    }
    try {
      gpu.use();
      long at = write(format.spec());
      tables.put(format, at);
      return at;
    } catch (CudaException e) {
      throw Failures.unchecked("block format " + format.text(), e);
    }
  }

  private long write(BlockSpec spec) throws CudaException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(FORMAT_BYTES, 8);
      bits(s, 0, spec.codes());
      levels(s, spec.levels());
      factor(s, 24, spec.scale());
      BlockSpec.Factor min = spec.min();
      if (min != null) {
        factor(s, 64, min);
      }
      s.set(ValueLayout.JAVA_INT, 104, spec.elements());
      s.set(ValueLayout.JAVA_INT, 108, spec.bytes());
      s.set(ValueLayout.JAVA_INT, 112, min == null ? 0 : spec.subtracted() ? -1 : 1);
      return upload(s);
    }
  }

  private void factor(MemorySegment s, long at, BlockSpec.Factor f) throws CudaException {
    bits(s, at, f.integers());
    s.set(ValueLayout.JAVA_INT, at + 16, number(f.written()));
    s.set(ValueLayout.JAVA_INT, at + 20, f.at());
    s.set(ValueLayout.JAVA_INT, at + 24, f.stride());
    s.set(ValueLayout.JAVA_INT, at + 28, f.groups());
    s.set(ValueLayout.JAVA_INT, at + 32, f.bias());
    s.set(ValueLayout.JAVA_INT, at + 36, f.signed() ? 1 : 0);
  }

  private void bits(MemorySegment s, long at, @Nullable BitField field) throws CudaException {
    if (field == null) {
      return;
    }
    int pieces = field.pieces().size();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment words = arena.allocate(4L * pieces * field.count(), 4);
      for (int i = 0; i < field.count(); i++) {
        for (int k = 0; k < pieces; k++) {
          BitField.Piece p = field.pieces().get(k);
          int bit = 8 * p.byteOf(i) + p.shiftOf(i);
          int word = bit / 8 | bit % 8 << 16 | p.width() << 20 | p.to() << 24;
          words.setAtIndex(ValueLayout.JAVA_INT, (long) i * pieces + k, word);
        }
      }
      s.set(ValueLayout.JAVA_LONG, at, upload(words));
    }
    s.set(ValueLayout.JAVA_INT, at + 8, pieces);
  }

  private void levels(MemorySegment s, BlockSpec.Levels levels) throws CudaException {
    switch (levels) {
      case BlockSpec.Levels.Points(Codebook book, BlockSpec.Levels.Above above) -> {
        s.set(ValueLayout.JAVA_LONG, 16, coordinates(book));
        s.set(ValueLayout.JAVA_INT, 116, POINTS);
        s.set(ValueLayout.JAVA_INT, 120, book.points());
        s.set(ValueLayout.JAVA_INT, 124, book.dims());
        s.set(ValueLayout.JAVA_INT, 128, number(above));
      }
      case BlockSpec.Levels.Ternary(List<BlockSpec.Levels.Planes> runs) -> {
        s.set(ValueLayout.JAVA_INT, 116, TERNARY);
        s.set(ValueLayout.JAVA_INT, 132, runs.size());
        for (int r = 0; r < runs.size(); r++) {
          s.set(ValueLayout.JAVA_INT, 136 + 4L * r, runs.get(r).bytes());
          s.set(ValueLayout.JAVA_INT, 152 + 4L * r, runs.get(r).planes());
        }
      }
      case BlockSpec.Levels.Biased b ->
          s.set(ValueLayout.JAVA_LONG, 16, numbers(c -> c - b.bias()));
      case BlockSpec.Levels.Signed b -> s.set(ValueLayout.JAVA_LONG, 16, numbers(c -> (byte) c));
      case BlockSpec.Levels.Table t ->
          s.set(
              ValueLayout.JAVA_LONG,
              16,
              numbers(c -> c < t.values().size() ? t.values().get(c) : 0));
      case BlockSpec.Levels.Float8 b ->
          s.set(ValueLayout.JAVA_LONG, 16, numbers(c -> e4m3((byte) c)));
    }
  }

  /** A level's value by its code. */
  private interface Numbers {
    float of(int code);
  }

  private long numbers(Numbers levels) throws CudaException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(4L * LEVELS, 4);
      for (int c = 0; c < LEVELS; c++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, c, levels.of(c));
      }
      return upload(values);
    }
  }

  private long coordinates(Codebook book) throws CudaException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(4L * book.points() * book.dims(), 4);
      for (int p = 0; p < book.points(); p++) {
        for (int d = 0; d < book.dims(); d++) {
          values.setAtIndex(
              ValueLayout.JAVA_FLOAT, (long) p * book.dims() + d, book.coordinate(p, d));
        }
      }
      return upload(values);
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

  private long upload(MemorySegment host) throws CudaException {
    long at = gpu.own(host.byteSize());
    gpu.driver().memcpyHtoD(at, host);
    return at;
  }
}
