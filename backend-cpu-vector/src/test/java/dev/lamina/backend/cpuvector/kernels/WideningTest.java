package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WideningTest {
  private static final long SEED = 20261128;

  @Test
  void everyVectorFormHasAKernelToWarm() {
    for (QuantFormat f : QuantFormat.values()) {
      assertThat(HotKernel.unpack(f) != null)
          .as(f.text())
          .isEqualTo(VectorBlocks.FORMATS.contains(f));
    }
  }

  /** Every byte is drawn, so that factors and codes of all kinds meet, NaN and infinities too. */
  @Test
  void vectorForms_giveTheTwinsBits() {
    Random random = new Random(SEED);
    for (QuantFormat f : VectorBlocks.FORMATS) {
      int blocks = 300;
      byte[] data = new byte[blocks * f.bytes()];
      random.nextBytes(data);
      BlockDecoder.Unpacked twin = BlockDecoder.Unpacked.of(blocks * f.elements());
      BlockDecoder.Unpacked vector = BlockDecoder.Unpacked.of(blocks * f.elements());
      BlockDecoder.of(f).unpack(data, blocks, twin);
      VectorBlocks.unpack(f, data, blocks, vector);
      String where = "%s, seed %d".formatted(f, SEED);
      assertThat(vector.levels()).as(where).isEqualTo(twin.levels());
      assertThat(vector.scales()).as(where).isEqualTo(twin.scales());
      assertThat(vector.minima()).as(where).isEqualTo(twin.minima());
    }
  }

  /** Bytes drawn as above; what is looked up is what the blocks decode to, by both forms. */
  @ParameterizedTest
  @EnumSource
  void lookup_givesTheDecodersBits(QuantFormat format) {
    Random random = new Random(SEED);
    int n = 5120;
    int blocks = 2 * n / format.elements();
    MemorySegment data = Samples.memory((long) blocks * format.bytes(), 1);
    for (long i = 0; i < data.byteSize(); i++) {
      data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt(256));
    }
    float[] decoded = new float[2 * n];
    BlockDecoder.of(format).decode(data, 0, blocks, decoded, 0);
    Linear.Rows ids = Samples.rows(DType.F32, 2, 0);
    ids.data().set(Lanes.I32, 4, 1);
    Linear.Rows scalar = Samples.rows(DType.F32, 2 * n, 0);
    Linear.Rows vector = Samples.rows(DType.F32, 2 * n, 0);
    Matrix table = Matrix.blocked(format, data, 0, 2, n);
    try (WorkerPool pool = new WorkerPool(1)) {
      Lookup lookup = new Lookup(pool);
      Samples.onBoth(
          () -> lookup.run(ids, 2, table, scalar), () -> lookup.run(ids, 2, table, vector));
    }
    String where = "%s, seed %d".formatted(format, SEED);
    assertThat(Samples.floats(scalar, 2 * n)).as(where).isEqualTo(decoded);
    assertThat(Samples.floats(vector, 2 * n)).as(where).isEqualTo(decoded);
  }

  @ParameterizedTest
  @EnumSource
  void run_givesTheTwinsBitsAndTheSum(QuantFormat format) {
    Random random = new Random(SEED);
    int e = format.elements();
    try (WorkerPool pool = new WorkerPool(2)) {
      for (int k : new int[] {e, 3 * e, 2560}) {
        for (int m : new int[] {1, 3, 8, 9, 17}) {
          check(pool, format, m, 35, k, random);
        }
      }
    }
  }

  private static void check(
      WorkerPool pool, QuantFormat format, int m, int n, int k, Random random) {
    int blocks = n * k / format.elements();
    MemorySegment data = Samples.blocks(format, blocks, random.nextInt(4), random);
    float[] w = new float[n * k];
    BlockDecoder.of(format).decode(data, 0, blocks, w, 0);
    Matrix matrix = Matrix.blocked(format, data, 0, n, k);
    Linear.Rows x = Samples.normal(DType.F32, m * k, 0, random);
    Linear.Rows bias = Samples.normal(DType.F32, n, 0, random);
    Linear.Rows scalar = Samples.rows(DType.F32, m * n, 0);
    Linear.Rows vector = Samples.rows(DType.F32, m * n, 0);
    Linear linear = new Linear(pool);
    Samples.onBoth(
        () -> linear.run(x, m, matrix, bias, scalar), () -> linear.run(x, m, matrix, bias, vector));
    String where = "%s [%d, %d] times %d rows, seed %d".formatted(format, n, k, m, SEED);
    assertThat(Samples.floats(vector, m * n)).as(where).isEqualTo(Samples.floats(scalar, m * n));
    for (int i = 0; i < m * n; i++) {
      double sum = Samples.at(bias, i % n);
      double magnitude = Math.abs(sum);
      for (int j = 0; j < k; j++) {
        double product = (double) w[i % n * k + j] * Samples.at(x, i / n * k + j);
        sum += product;
        magnitude += Math.abs(product);
      }
      // An F32 sum, as in LinearTest.
      double bound = (4 * Math.sqrt(k) + 8) * 0x1p-24 * magnitude;
      assertThat(Math.abs(Samples.at(vector, i) - sum)).as(where).isLessThanOrEqualTo(bound);
    }
  }

  /** One row of x has a kernel of its own; it shares every sum with that of more rows. */
  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K", "MXFP4", "F8E4M3_128"})
  void run_givesARowTheSameBitsBesideOthers(QuantFormat format) {
    Random random = new Random(SEED);
    int n = 37;
    int k = 2304;
    MemorySegment data = Samples.blocks(format, n * k / format.elements(), 2, random);
    Matrix matrix = Matrix.blocked(format, data, 0, n, k);
    Linear.Rows x = Samples.normal(DType.F32, Linear.STREAM_ROWS * k, 0, random);
    try (WorkerPool pool = new WorkerPool(2)) {
      Linear linear = new Linear(pool);
      for (int m = 1; m <= Linear.STREAM_ROWS; m++) {
        int rows = m;
        Linear.Rows scalar = Samples.rows(DType.F32, m * n, 0);
        Linear.Rows vector = Samples.rows(DType.F32, m * n, 0);
        Samples.onBoth(
            () -> linear.run(x, rows, matrix, null, scalar),
            () -> linear.run(x, rows, matrix, null, vector));
        Linear.Rows last = Samples.rows(DType.F32, n, 0);
        Linear.Rows lastRow = new Linear.Rows(DType.F32, x.data(), 4L * (m - 1) * k);
        Samples.onBoth(() -> {}, () -> linear.run(lastRow, 1, matrix, null, last));
        float[] all = Samples.floats(vector, m * n);
        assertThat(all).as("%d rows", m).isEqualTo(Samples.floats(scalar, m * n));
        assertThat(Arrays.copyOfRange(all, (m - 1) * n, m * n))
            .as("row %d of %d", m - 1, m)
            .isEqualTo(Samples.floats(last, n));
      }
    }
  }

  @Test
  void run_givesNanWhereAWeightOfEightBitsIsNan() {
    Random random = new Random(SEED);
    MemorySegment data = Samples.blocks(QuantFormat.F8E4M3_128, 3 * 2, 0, random);
    // The last level of row 1; the other bytes of the samples are no NaN.
    data.set(ValueLayout.JAVA_BYTE, 2L * 2 * 132 - 1, (byte) 0xFF);
    Matrix matrix = Matrix.blocked(QuantFormat.F8E4M3_128, data, 0, 3, 256);
    Linear.Rows x = Samples.normal(DType.F32, 256, 0, random);
    Linear.Rows scalar = Samples.rows(DType.F32, 3, 0);
    Linear.Rows vector = Samples.rows(DType.F32, 3, 0);
    try (WorkerPool pool = new WorkerPool(1)) {
      Linear linear = new Linear(pool);
      Samples.onBoth(
          () -> linear.run(x, 1, matrix, null, scalar),
          () -> linear.run(x, 1, matrix, null, vector));
    }
    assertThat(Samples.floats(vector, 3)).isEqualTo(Samples.floats(scalar, 3));
    assertThat(Samples.at(vector, 1)).isNaN();
    assertThat(Samples.at(vector, 0)).isFinite();
    assertThat(Samples.at(vector, 2)).isFinite();
  }

  @Test
  void lookup_widensTheRowsAskedFor() {
    Random random = new Random(SEED);
    MemorySegment data = Samples.blocks(QuantFormat.Q4_K, 6, 1, random);
    float[] table = new float[6 * 256];
    BlockDecoder.of(QuantFormat.Q4_K).decode(data, 0, 6, table, 0);
    Linear.Rows ids = Samples.rows(DType.F32, 2, 0);
    ids.data().set(Lanes.I32, 0, 2);
    ids.data().set(Lanes.I32, 4, -1);
    Linear.Rows out = Samples.rows(DType.F32, 2 * 512, 0);
    try (WorkerPool pool = new WorkerPool(1)) {
      new Lookup(pool).run(ids, 2, Matrix.blocked(QuantFormat.Q4_K, data, 0, 3, 512), out);
    }
    for (int i = 0; i < 512; i++) {
      assertThat(Samples.at(out, i)).isEqualTo(table[1024 + i]);
      assertThat(Samples.at(out, 512 + i)).isZero();
    }
  }

  @Test
  void matrix_refusesToReachPastItsBlocks() {
    assertThatThrownBy(() -> Matrix.blocked(QuantFormat.Q4_0, Samples.memory(35, 0), 0, 2, 32))
        .hasMessage("cpu matrix: expected [2, 32] q4_0 at byte 0 inside 35 bytes");
  }
}
