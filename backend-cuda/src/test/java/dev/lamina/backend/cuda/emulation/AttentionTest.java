package dev.lamina.backend.cuda.emulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lamina.spi.ir.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Attention on tensor cores against plain loops, over more positions than the conformance kit's
 * cases have: several blocks share a sequence.
 */
class AttentionTest {
  private static final int PAGE = 16;
  private static final int THREADS = 128;

  /** What sums of F32 over these lengths may be off by. */
  private static final double TOLERANCE = 1e-5;

  /** The same of values up to 1.5 where weights are rounded to 8 bits. */
  private static final double ROUNDED_TOLERANCE = 1.5 / 256;

  private static Arena arena;
  private static HostKernels plain;
  private static HostKernels bf16;
  private static HostKernels f16;
  private static HostKernels latents;
  private static HostKernels groups;
  private static HostKernels many;
  private static HostKernels rounded;

  private final SplittableRandom random = new SplittableRandom(7);

  @BeforeAll
  static void compile() throws IOException {
    HostCompiler compiler = HostCompiler.find();
    arena = Arena.ofShared();
    plain = kernels(compiler, "attention");
    bf16 = kernels(compiler, "attention_bf16");
    f16 = kernels(compiler, "attention_f16");
    latents = kernels(compiler, "attention_latent");
    groups = kernels(compiler, "attention_groups");
    many = kernels(compiler, "attention_many");
    rounded = kernels(compiler, "attention_bf16_rounded");
  }

  private static HostKernels kernels(HostCompiler compiler, String file) throws IOException {
    return new HostKernels(compiler.compile(Path.of("src/main/cuda", file + ".cu")), arena);
  }

  @AfterAll
  static void unload() {
    if (arena != null) {
      arena.close();
    }
  }

  /** The dtypes of pools that tensor cores take. */
  enum Pool {
    BF16(DType.BF16, 3),
    F16(DType.F16, 2);

    private final DType dtype;
    private final int terms;

    Pool(DType dtype, int terms) {
      this.dtype = dtype;
      this.terms = terms;
    }

    short bits(float x) {
      return dtype == DType.F16
          ? Float.floatToFloat16(x)
          : (short) (Float.floatToRawIntBits(x) >>> 16);
    }

    HostKernels kernels() {
      return dtype == DType.F16 ? f16 : bf16;
    }

    String named(String format) {
      return format.formatted(name().toLowerCase(Locale.ROOT));
    }
  }

  /** Sequences with their pages in memory; values of sixteenths, which all dtypes hold. */
  private final class Step {
    private final Pool pool;
    private final int heads;
    private final int kvHeads;
    private final int keyWidth;
    private final int valueWidth;
    private final int window;
    private final int[] starts;
    private final int[] lengths;
    private final int pages;
    private final int tokens;
    private final boolean latent;
    private final float[] queries;
    private final float[] keys;
    private final float[] values;
    private final MemorySegment params = arena.allocate(512, 16);
    private final MemorySegment out;
    private final MemorySegment rounded;
    private long at;

    Step(Pool pool, int heads, int kvHeads, int[] widths, int window, int[] rows, int[] lengths) {
      this.pool = pool;
      this.heads = heads;
      this.kvHeads = kvHeads;
      this.keyWidth = widths[0];
      this.valueWidth = widths[1];
      this.latent = keyWidth > 256;
      this.window = window;
      this.lengths = lengths;
      starts = new int[rows.length + 1];
      for (int s = 0; s < rows.length; s++) {
        starts[s + 1] = starts[s] + rows[s];
      }
      tokens = starts[rows.length] + 1;
      pages = (Arrays.stream(lengths).max().orElseThrow() + PAGE - 1) / PAGE;
      int slots = rows.length * pages * PAGE;
      queries = sixteenths(tokens * heads * keyWidth);
      keys = sixteenths(slots * kvHeads * keyWidth);
      values = latent ? keys : sixteenths(slots * kvHeads * valueWidth);
      out = arena.allocate(4L * tokens * heads * valueWidth, 16).fill((byte) -1);
      rounded = arena.allocate(2L * tokens * heads * valueWidth, 16).fill((byte) -1);
    }

    private float[] sixteenths(int n) {
      float[] all = new float[n];
      for (int i = 0; i < n; i++) {
        all[i] = random.nextInt(-24, 25) / 16f;
      }
      return all;
    }

    private int keyStride() {
      return kvHeads * keyWidth;
    }

    private int valueStride() {
      return latent ? keyStride() : kvHeads * valueWidth;
    }

    private int slot(int s, int j) {
      return (s * pages + j / PAGE) * PAGE + j % PAGE;
    }

    private MemorySegment stored(float[] all, int stride) {
      MemorySegment memory = arena.allocate(2L * all.length, 16);
      for (int i = 0; i < all.length; i++) {
        memory.setAtIndex(ValueLayout.JAVA_SHORT, i, pool.bits(all[i]));
      }
      // Behind a sequence's last position lies NaN.
      for (int s = 0; s < lengths.length; s++) {
        for (int j = lengths[s]; j < pages * PAGE; j++) {
          for (int c = 0; c < stride; c++) {
            long i = (long) slot(s, j) * stride + c;
            memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) 0x7FC0);
          }
        }
      }
      return memory;
    }

    private void put(MemorySegment memory) {
      params.set(ValueLayout.JAVA_LONG, at, memory.address());
      at += 8;
    }

    private void put(long... numbers) {
      for (long number : numbers) {
        params.set(ValueLayout.JAVA_LONG, at, number);
        at += 8;
      }
    }

    private void put(int... numbers) {
      for (int number : numbers) {
        params.set(ValueLayout.JAVA_INT, at, number);
        at += 4;
      }
    }

    private void params(int splits, int fewRows, int tileRows) {
      int group = heads / kvHeads;
      int tileHeads = Math.min(group, tileRows);
      int[] table = new int[lengths.length * pages];
      Arrays.setAll(table, i -> i);
      MemorySegment kept = stored(keys, keyStride());
      at = 0;
      put(arena.allocateFrom(ValueLayout.JAVA_FLOAT, queries));
      put(kept);
      put(latent ? kept : stored(values, valueStride()));
      put(arena.allocateFrom(ValueLayout.JAVA_INT, starts));
      put(arena.allocateFrom(ValueLayout.JAVA_INT, lengths));
      put(arena.allocateFrom(ValueLayout.JAVA_INT, table));
      put(0L, 0L, 0L);
      put(out);
      put(rounded);
      put(arena.allocate(4L * tokens * heads * splits * (valueWidth + 2), 16));
      put((long) tokens, window, 0L, keyStride(), valueStride());
      put(lengths.length, pages, PAGE, heads, kvHeads, keyWidth, valueWidth, 0, 0, 1);
      put(Float.floatToRawIntBits(0.125f), 0);
      int dtype = pool.dtype.ordinal();
      int f32 = DType.F32.ordinal();
      put(f32, dtype, dtype, f32, f32, f32);
      put(splits, fewRows, 0, tileRows / tileHeads, tileHeads);
    }

    private void holds() {
      holds(TOLERANCE);
    }

    private void holds(double tolerance) {
      for (int t = 0; t < tokens; t++) {
        for (int h = 0; h < heads; h++) {
          double[] expected = expected(t, h);
          for (int c = 0; c < valueWidth; c++) {
            long i = ((long) t * heads + h) * valueWidth + c;
            double difference = out.getAtIndex(ValueLayout.JAVA_FLOAT, i) - expected[c];
            assertThat(Math.abs(difference))
                .as("row %d, head %d, column %d", t, h, c)
                .isLessThan(tolerance);
          }
        }
      }
    }

    /** Whether the result lies in BF16, too. */
    private void isRounded() {
      for (long i = 0; i < (long) tokens * heads * valueWidth; i++) {
        float exact = out.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        int bits = rounded.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16;
        assertThat(Float.intBitsToFloat(bits))
            .as("element %d", i)
            .isCloseTo(exact, within(Math.abs(exact) / 256));
      }
    }

    private double[] expected(int t, int h) {
      double[] sum = new double[valueWidth];
      int s = 0;
      while (s < lengths.length && starts[s + 1] <= t) {
        s++;
      }
      if (s == lengths.length) {
        return sum;
      }
      int position = lengths[s] - starts[s + 1] + t;
      int kvHead = h / (heads / kvHeads);
      double total = 0;
      for (int j = window > 0 ? Math.max(0, position - window + 1) : 0; j <= position; j++) {
        double dot = 0;
        for (int c = 0; c < keyWidth; c++) {
          float k = keys[slot(s, j) * keyStride() + kvHead * keyWidth + c];
          dot += (double) queries[(t * heads + h) * keyWidth + c] * k;
        }
        double weight = Math.exp(0.125 * dot);
        total += weight;
        for (int c = 0; c < valueWidth; c++) {
          sum[c] += weight * values[slot(s, j) * valueStride() + kvHead * valueWidth + c];
        }
      }
      for (int c = 0; c < valueWidth; c++) {
        sum[c] /= total;
      }
      return sum;
    }
  }

  private static int sharedBytes(int width, int terms, int rows, int tileRows) {
    return 2 * (width + 8) * (terms * rows + tileRows) + 8 * rows + 512;
  }

  private static void run(
      HostKernels kernels, String name, Step step, int x, int y, int z, int sharedBytes) {
    String failure = kernels.launch(name, step.params, x, y, z, THREADS, sharedBytes);
    assertThat(failure).isEmpty();
  }

  /** A warp a KV head: with one row a tile the three rows of a sequence are three parts. */
  @ParameterizedTest
  @CsvSource({"6, 2, 0", "16, 1, 0", "6, 2, 30"})
  void decodeOfMany_givesEachWarpASequence(int heads, int kvHeads, int window) {
    int[] rows = {1, 0, 3, 1, 1};
    int[] lengths = {130, 1, 40, 16, 17};
    Step step = new Step(Pool.BF16, heads, kvHeads, new int[] {64, 48}, window, rows, lengths);
    step.params(1, 4, 16);
    int shared = 4 * (2 * (64 + 8) * 16 * 5 + 4 * 16 + 4);
    int blocks = (rows.length * kvHeads + 3) / 4 + 1;
    run(many, "paged_decode_many_64", step, blocks, 1, 1, shared);
    step.holds(ROUNDED_TOLERANCE);
    step.isRounded();
  }

  private static void runGroups(int width, Step step, int tiles) {
    int shared = 2 * width * (128 + 4 * (width > 128 ? 64 : 128)) + 4 * 8;
    String name = "paged_prefill_groups_" + width;
    String failure = groups.launch(name, step.params, tiles, 2, 1, 2 * THREADS, shared);
    assertThat(failure).isEmpty();
    step.holds(ROUNDED_TOLERANCE);
    step.isRounded();
  }

  @ParameterizedTest
  @EnumSource(Pool.class)
  void decode_mergesTheSplitsOfASequence(Pool pool) {
    int[] rows = {1, 0, 3};
    Step step = new Step(pool, 6, 2, new int[] {64, 48}, 0, rows, new int[] {1100, 1, 40});
    step.params(3, Integer.MAX_VALUE, 16);
    int shared = sharedBytes(64, pool.terms, 16, 256);
    run(pool.kernels(), pool.named("paged_decode_%s_64"), step, 4, 2, 3, shared);
    run(plain, "paged_decode_merge", step, 6, step.tokens, 1, 2048);
    step.holds();
  }

  @ParameterizedTest
  @EnumSource(Pool.class)
  void prefill_seesItsWindowOnly(Pool pool) {
    int[] rows = {37, 1, 20};
    Step step = new Step(pool, 4, 2, new int[] {72, 80}, 50, rows, new int[] {90, 7, 20});
    step.params(1, 0, 64);
    int shared = sharedBytes(128, pool.terms, 64, 128);
    int tiles = step.tokens / 32 + rows.length + 2;
    run(pool.kernels(), pool.named("paged_prefill_%s_128"), step, tiles, 2, 1, shared);
    step.holds();
  }

  @Test
  void decodeWithRoundedWeights_mergesTheSplitsOfASequence() {
    int[] rows = {1, 0, 3};
    Step step = new Step(Pool.BF16, 6, 2, new int[] {64, 48}, 0, rows, new int[] {600, 1, 40});
    step.params(2, Integer.MAX_VALUE, 16);
    int shared = sharedBytes(64, 1, 16, 256);
    run(rounded, "paged_decode_bf16_rounded_64", step, 4, 2, 2, shared);
    run(plain, "paged_decode_merge", step, 6, step.tokens, 1, 2048);
    step.holds(ROUNDED_TOLERANCE);
  }

  @Test
  void prefillByWarpgroups_seesItsWindowOnly() {
    int[] rows = {37, 1, 20};
    Step step = new Step(Pool.BF16, 6, 2, new int[] {72, 80}, 50, rows, new int[] {190, 7, 20});
    step.params(1, 0, 128);
    runGroups(128, step, step.tokens / 42 + rows.length + 2);
  }

  @Test
  void prefillByWarpgroups_goesThroughSeveralTiles() {
    int[] rows = {150};
    Step step = new Step(Pool.BF16, 2, 2, new int[] {64, 48}, 0, rows, new int[] {430});
    step.params(1, 0, 128);
    runGroups(64, step, step.tokens / 128 + rows.length + 2);
  }

  @Test
  void prefillByWarpgroups_hasWideHeads() {
    int[] rows = {3, 40};
    Step step = new Step(Pool.BF16, 4, 2, new int[] {256, 200}, 0, rows, new int[] {3, 150});
    step.params(1, 0, 128);
    runGroups(256, step, step.tokens / 64 + rows.length + 2);
  }

  @ParameterizedTest
  @EnumSource(Pool.class)
  void latents_areSharedByAllHeads(Pool pool) {
    int[] rows = {1, 2};
    Step step = new Step(pool, 20, 1, new int[] {288, 256}, 0, rows, new int[] {300, 5});
    step.params(2, Integer.MAX_VALUE, 16);
    int shared = sharedBytes(576, pool.terms, 16, 128) + 2 * 72 * 16 * pool.terms;
    int tiles = step.tokens + rows.length + 2;
    run(latents, pool.named("latent_attention_%s"), step, tiles, 2, 2, shared);
    run(plain, "paged_decode_merge", step, 20, step.tokens, 1, 3072);
    step.holds();
  }
}
