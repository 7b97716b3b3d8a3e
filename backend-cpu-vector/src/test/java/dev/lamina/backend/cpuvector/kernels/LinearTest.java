package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.DType;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LinearTest {
  private static final long SEED = 20261124;

  private record Shape(int m, int n, int k) {}

  /** The exact sums, and what an F32 sum may differ from them (four ulps times sqrt K and more). */
  private static void assertClose(
      Linear.Rows x, Linear.Rows w, Linear.Rows bias, Shape s, float[] got, String where) {
    for (int t = 0; t < s.m; t++) {
      for (int n = 0; n < s.n; n++) {
        double sum = 0;
        double magnitude = 0;
        for (int k = 0; k < s.k; k++) {
          double product = (double) Samples.at(x, t * s.k + k) * Samples.at(w, n * s.k + k);
          sum += product;
          magnitude += Math.abs(product);
        }
        double b = Samples.at(bias, n);
        double bound = (4 * Math.sqrt(s.k) + 8) * 0x1p-24 * (magnitude + Math.abs(b));
        assertThat(Math.abs(got[t * s.n + n] - (sum + b)))
            .as("%s, row %d, column %d, seed %d", where, t, n, SEED)
            .isLessThanOrEqualTo(bound);
      }
    }
  }

  private static void check(WorkerPool pool, DType type, Shape s, Random random) {
    int shift = random.nextInt(4);
    Linear.Rows x = Samples.normal(DType.F32, s.m * s.k, 0, random);
    Linear.Rows w = Samples.normal(type, s.n * s.k, shift, random);
    Linear.Rows bias = Samples.normal(type, s.n, shift, random);
    Matrix matrix = Matrix.dense(type, w.data(), 0, s.n, s.k);
    Linear narrow = new Linear(pool, false);
    Linear wide = new Linear(pool, true);
    Linear.Rows scalar = Samples.rows(DType.F32, s.m * s.n, 0);
    Linear.Rows vector = Samples.rows(DType.F32, s.m * s.n, 0);
    Linear.Rows vectorWide = Samples.rows(DType.F32, s.m * s.n, 0);
    Samples.onBoth(
        () -> narrow.run(x, s.m, matrix, bias, scalar),
        () -> {
          narrow.run(x, s.m, matrix, bias, vector);
          wide.run(x, s.m, matrix, bias, vectorWide);
        });
    String where = type + " " + s + " shift " + shift;
    float[] twin = Samples.floats(scalar, s.m * s.n);
    assertThat(Samples.floats(vector, s.m * s.n)).as("twin: " + where).isEqualTo(twin);
    assertThat(Samples.floats(vectorWide, s.m * s.n)).as("wide: " + where).isEqualTo(twin);
    assertClose(x, w, bias, s, twin, where);
  }

  @Test
  void run_givesTheTwinsBitsAndTheSum_forOddDepths() {
    Random random = new Random(SEED);
    try (WorkerPool pool = new WorkerPool(2)) {
      for (DType type : Samples.TYPES) {
        for (int k : Samples.SIZES) {
          check(pool, type, new Shape(1, 5, k), random);
          check(pool, type, new Shape(7, 3, k), random);
          check(pool, type, new Shape(17, 33, k), random);
        }
      }
    }
  }

  @Test
  void run_givesTheTwinsBitsAndTheSum_forOddRowsAndColumns() {
    Random random = new Random(SEED);
    try (WorkerPool pool = new WorkerPool(2)) {
      for (DType type : Samples.TYPES) {
        for (int n : Samples.SIZES) {
          check(pool, type, new Shape(2, n, 40), random);
          check(pool, type, new Shape(18, n, 40), random);
        }
        for (int m : Samples.SIZES) {
          check(pool, type, new Shape(m, 34, 65), random);
        }
      }
    }
  }

  @Test
  void run_givesARowTheSameBits_inAnyBatchOfTheSameForm() {
    Random random = new Random(SEED);
    int k = 530;
    int n = 70;
    Linear.Rows x = Samples.normal(DType.F32, 64 * k, 0, random);
    Linear.Rows w = Samples.normal(DType.BF16, n * k, 0, random);
    Matrix matrix = Matrix.dense(DType.BF16, w.data(), 0, n, k);
    try (WorkerPool pool = new WorkerPool(2)) {
      Linear linear = new Linear(pool);
      for (int[] pair : new int[][] {{1, Linear.STREAM_ROWS}, {Linear.STREAM_ROWS + 1, 64}}) {
        Linear.Rows few = Samples.rows(DType.F32, pair[0] * n, 0);
        Linear.Rows many = Samples.rows(DType.F32, pair[1] * n, 0);
        linear.run(x, pair[0], matrix, null, few);
        linear.run(x, pair[1], matrix, null, many);
        assertThat(Samples.floats(many, pair[0] * n)).isEqualTo(Samples.floats(few, pair[0] * n));
      }
    }
  }

  @Test
  void run_givesARowTheSameBits_inAnyBatch_ifItStreamsNone() {
    Random random = new Random(SEED);
    int k = 530;
    int n = 70;
    int rows = 40;
    Linear.Rows x = Samples.normal(DType.F32, rows * k, 0, random);
    try (WorkerPool pool = new WorkerPool(2)) {
      for (DType type : Samples.TYPES) {
        Matrix matrix = Matrix.dense(type, Samples.normal(type, n * k, 0, random).data(), 0, n, k);
        Linear linear = new Linear(pool, 0);
        Linear.Rows whole = Samples.rows(DType.F32, rows * n, 0);
        linear.run(x, rows, matrix, null, whole);
        float[] expected = Samples.floats(whole, rows * n);
        for (int m : new int[] {1, 3, Linear.STREAM_ROWS, Linear.STREAM_ROWS + 1, 33}) {
          Linear.Rows last = new Linear.Rows(DType.F32, x.data(), 4L * (rows - m) * k);
          Linear.Rows out = Samples.rows(DType.F32, m * n, 0);
          linear.run(last, m, matrix, null, out);
          assertThat(Samples.floats(out, m * n))
              .as("the last %d rows, %s", m, type)
              .isEqualTo(Arrays.copyOfRange(expected, (rows - m) * n, rows * n));
        }
      }
    }
  }

  @Test
  void run_isExact_forSubnormalHalves() {
    int k = 64;
    Linear.Rows x = Samples.rows(DType.F32, 20 * k, 0);
    Linear.Rows w = Samples.rows(DType.F16, k, 0);
    for (int i = 0; i < 20 * k; i++) {
      x.data().set(Lanes.F32, 4L * i, i % k == 37 ? 1 : 0);
    }
    for (int i = 0; i < k; i++) {
      w.data().set(Lanes.I16, 2L * i, (short) (0x8000 + 15 * i + 1));
    }
    Matrix matrix = Matrix.dense(DType.F16, w.data(), 0, 1, k);
    try (WorkerPool pool = new WorkerPool(1)) {
      for (int m : new int[] {1, 4, 20}) {
        Linear.Rows out = Samples.rows(DType.F32, m, 0);
        Runnable run = () -> new Linear(pool).run(x, m, matrix, null, out);
        Samples.onBoth(
            run,
            () -> {
              run.run();
              assertThat(Samples.at(out, m - 1)).isEqualTo(-(15 * 37 + 1) * 0x1p-24f);
            });
        assertThat(Samples.at(out, 0)).isEqualTo(-(15 * 37 + 1) * 0x1p-24f);
      }
    }
  }

  @Test
  void run_keepsInfinitiesAndNaN_ofEveryWeightType() {
    Random random = new Random(SEED);
    int k = 96;
    int n = 40;
    for (DType type : Samples.TYPES) {
      for (int m : new int[] {1, 5, 33}) {
        Linear.Rows x = Samples.normal(DType.F32, m * k, 0, random);
        Linear.Rows w = Samples.normal(type, n * k, 0, random);
        for (int i = 0; i < m; i++) {
          x.data().set(Lanes.F32, 4L * (i * k + 3), 1);
          x.data().set(Lanes.F32, 4L * (i * k + 90), 1);
        }
        Elements.store(type, w.data(), (long) (3 * k + 3) * type.bytes(), Float.NaN);
        Elements.store(type, w.data(), (long) (5 * k + 90) * type.bytes(), Float.NEGATIVE_INFINITY);
        Matrix matrix = Matrix.dense(type, w.data(), 0, n, k);
        Linear.Rows out = Samples.rows(DType.F32, m * n, 0);
        try (WorkerPool pool = new WorkerPool(2)) {
          Runnable run = () -> new Linear(pool).run(x, m, matrix, null, out);
          Samples.onBoth(run, run);
        }
        for (int i = 0; i < m; i++) {
          assertThat(Samples.at(out, i * n + 3)).isNaN();
          assertThat(Samples.at(out, i * n + 5)).isEqualTo(Float.NEGATIVE_INFINITY);
          assertThat(Samples.at(out, i * n + 4)).isFinite();
        }
      }
    }
  }

  @Test
  void run_roundsOnce_toANarrowResult() {
    Random random = new Random(SEED);
    Linear.Rows x = Samples.normal(DType.BF16, 3 * 50, 0, random);
    Linear.Rows w = Samples.normal(DType.F16, 9 * 50, 0, random);
    Matrix matrix = Matrix.dense(DType.F16, w.data(), 0, 9, 50);
    Linear.Rows wide = Samples.rows(DType.F32, 27, 0);
    Linear.Rows narrow = Samples.rows(DType.BF16, 27, 0);
    try (WorkerPool pool = new WorkerPool(1)) {
      new Linear(pool).run(x, 3, matrix, null, wide);
      new Linear(pool).run(x, 3, matrix, null, narrow);
    }
    for (int i = 0; i < 27; i++) {
      float y = Samples.at(wide, i);
      assertThat(Math.abs(Samples.at(narrow, i) - y)).isLessThanOrEqualTo(Math.abs(y) * 0x1p-8f);
    }
  }

  @Test
  void matrix_refusesAnotherType() {
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> Matrix.dense(DType.I8, Samples.memory(8, 0), 0, 2, 4))
        .hasMessage("cpu matrix: expected f32, f16 or bf16, got i8");
  }

  @Test
  void matrix_refusesToReachPastItsMemory() {
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> Matrix.dense(DType.F16, Samples.memory(14, 0), 0, 2, 4))
        .hasMessage("cpu matrix: expected [2, 4] f16 at byte 0 inside 14 bytes");
  }
}
