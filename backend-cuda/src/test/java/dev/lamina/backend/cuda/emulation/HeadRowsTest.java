package dev.lamina.backend.cuda.emulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lamina.spi.ir.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Heads of many tokens against the kernel for any number, which the conformance kit asks. */
class HeadRowsTest {
  private static final int TOKENS = 5;
  private static final int SLOTS = 8;
  private static final int Q_HEADS = 9;
  private static final int KV_HEADS = 3;
  private static final int SECTIONS = 8;

  private static Arena arena;
  private static HostKernels any;
  private static HostKernels rows;

  private final SplittableRandom random = new SplittableRandom(11);
  private final MemorySegment params = arena.allocate(512, 16);
  private long at;

  @BeforeAll
  static void compile() throws IOException {
    HostCompiler compiler = HostCompiler.find();
    arena = Arena.ofShared();
    any = new HostKernels(compiler.compile(Path.of("src/main/cuda/heads.cu")), arena);
    rows = new HostKernels(compiler.compile(Path.of("src/main/cuda/head_rows.cu")), arena);
  }

  @AfterAll
  static void unload() {
    if (arena != null) {
      arena.close();
    }
  }

  /** What a kernel writes. */
  private record Written(MemorySegment turned, MemorySegment keys, MemorySegment values) {
    Written(int width, DType pool) {
      this(
          arena.allocate(4L * TOKENS * Q_HEADS * width, 16).fill((byte) 1),
          arena.allocate((long) pool.bytes() * SLOTS * KV_HEADS * width, 16).fill((byte) 1),
          arena.allocate((long) pool.bytes() * SLOTS * KV_HEADS * width, 16).fill((byte) 1));
    }
  }

  private MemorySegment floats(int n) {
    MemorySegment m = arena.allocate(4L * n, 16);
    for (int i = 0; i < n; i++) {
      m.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-2, 2));
    }
    return m;
  }

  private void longs(long... numbers) {
    for (long number : numbers) {
      params.set(ValueLayout.JAVA_LONG, at, number);
      at += 8;
    }
  }

  private void ints(int... numbers) {
    for (int number : numbers) {
      params.set(ValueLayout.JAVA_INT, at, number);
      at += 4;
    }
  }

  private static float number(MemorySegment m, DType dtype, long i) {
    return switch (dtype) {
      case F32 -> m.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      case F16 -> Float.float16ToFloat(m.getAtIndex(ValueLayout.JAVA_SHORT, i));
      default -> Float.intBitsToFloat(m.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
    };
  }

  /** Within what another order of a sum makes, once rounded. */
  private static void same(MemorySegment got, MemorySegment expected, DType dtype) {
    double step = dtype == DType.F32 ? 1e-6 : dtype == DType.F16 ? 1.0 / 1024 : 1.0 / 128;
    for (long i = 0; i < expected.byteSize() / dtype.bytes(); i++) {
      float x = number(expected, dtype, i);
      assertThat(number(got, dtype, i))
          .as("element %d", i)
          .isCloseTo(x, within((float) (step * Math.abs(x) + 1e-6)));
    }
  }

  @ParameterizedTest
  @CsvSource({"64, BF16, true", "128, BF16, true", "128, F32, false", "256, F16, true"})
  void rows_areWhatTheKernelForAnyNumberMakes(int width, DType pool, boolean normed) {
    MemorySegment q = floats(TOKENS * Q_HEADS * width);
    MemorySegment k = floats(TOKENS * KV_HEADS * width);
    MemorySegment v = floats(TOKENS * KV_HEADS * width);
    MemorySegment factors = floats(2 * width);
    MemorySegment freqs = floats(width / 2);
    int[] positions = IntStream.range(100, 100 + TOKENS).toArray();
    Written expected = new Written(width, pool);
    Written got = new Written(width, pool);
    for (Written to : new Written[] {expected, got}) {
      at = 0;
      longs(q.address(), k.address(), v.address());
      longs(factors.address(), factors.address() + 4L * width);
      longs(arena.allocateFrom(ValueLayout.JAVA_INT, positions).address(), freqs.address());
      longs(arena.allocateFrom(ValueLayout.JAVA_INT, 6, -1, 0, 7, 2).address());
      longs(to.turned.address(), to.keys.address(), to.values.address(), TOKENS, SLOTS);
      ints(Q_HEADS, KV_HEADS, KV_HEADS, width, width, pool.ordinal(), pool.ordinal());
      for (int norm = 0; norm < 2; norm++) {
        ints(normed ? 1 : 0, norm, DType.F32.ordinal(), Float.floatToRawIntBits(1e-6f));
      }
      ints(width, 0, Float.floatToRawIntBits(1.5f), 1, width / 2);
      ints(new int[SECTIONS - 1]);
      String failure =
          to == got
              ? rows.launch("turn_rows_" + width, params, (TOKENS + 1) / 2, 256, 0)
              : any.launch("turn_and_append", params, TOKENS * 4, 128, 0);
      assertThat(failure).isEmpty();
    }
    same(got.turned, expected.turned, DType.F32);
    same(got.keys, expected.keys, pool);
    same(got.values, expected.values, pool);
  }
}
