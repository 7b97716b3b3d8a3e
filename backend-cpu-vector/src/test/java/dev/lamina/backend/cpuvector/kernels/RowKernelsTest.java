package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.DType;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RowKernelsTest {
  private static final long SEED = 31;
  private static final int ROWS = 3;

  private interface Run {
    void on(WorkerPool pool, Linear.Rows out);
  }

  /** Twin and vector form, which must agree to the bit. */
  private static float[] both(int n, Run run) {
    Linear.Rows scalar = Samples.rows(DType.F32, n, 0);
    Linear.Rows vector = Samples.rows(DType.F32, n, 0);
    try (WorkerPool pool = new WorkerPool(2)) {
      Samples.onBoth(() -> run.on(pool, scalar), () -> run.on(pool, vector));
    }
    float[] got = Samples.floats(scalar, n);
    assertThat(Samples.floats(vector, n)).as("vector = twin, seed %d", SEED).isEqualTo(got);
    return got;
  }

  private static void assertNear(float got, double expected, String what) {
    assertThat(Math.abs(got - expected))
        .as("%s: got %s, expected %s", what, got, expected)
        .isLessThanOrEqualTo(4e-6 * Math.max(1, Math.abs(expected)));
  }

  @Test
  void rms_isTheDefinition() {
    Random r = new Random(SEED);
    for (int dim : Samples.SIZES) {
      Linear.Rows x = Samples.normal(DType.F32, ROWS * dim, 0, r);
      Linear.Rows w = Samples.normal(DType.BF16, dim, 2, r);
      Norms.Affine affine = new Norms.Affine(w, true, null);
      float[] y =
          both(ROWS * dim, (pool, out) -> new Norms(pool).rms(x, out, ROWS, dim, affine, 1e-5));
      for (int i = 0; i < y.length; i++) {
        double sum = 0;
        for (int k = 0; k < dim; k++) {
          sum += Math.pow(Samples.at(x, i / dim * dim + k), 2);
        }
        double factor = 1 / Math.sqrt(sum / dim + 1e-5);
        assertNear(y[i], Samples.at(x, i) * factor * (1 + Samples.at(w, i % dim)), "dim " + dim);
      }
    }
  }

  @Test
  void layer_isTheDefinition() {
    Random r = new Random(SEED);
    for (int dim : Samples.SIZES) {
      Linear.Rows x = Samples.normal(DType.F32, ROWS * dim, 0, r);
      Linear.Rows w = Samples.normal(DType.F32, dim, 0, r);
      Linear.Rows b = Samples.normal(DType.F16, dim, 0, r);
      Norms.Affine affine = new Norms.Affine(w, false, b);
      float[] y =
          both(ROWS * dim, (pool, out) -> new Norms(pool).layer(x, out, ROWS, dim, affine, 1e-2));
      for (int i = 0; i < y.length; i++) {
        double mean = 0;
        double square = 0;
        for (int k = 0; k < dim; k++) {
          double v = Samples.at(x, i / dim * dim + k);
          mean += v / dim;
          square += v * v / dim;
        }
        double factor = 1 / Math.sqrt(square - mean * mean + 1e-2);
        double expected = (Samples.at(x, i) - mean) * factor * Samples.at(w, i % dim);
        assertNear(y[i], expected + Samples.at(b, i % dim), "dim " + dim);
      }
    }
  }

  private static double gate(Gates.Kind kind, double g) {
    return switch (kind) {
      case SILU -> g / (1 + Math.exp(-g));
      case GELU_TANH ->
          g / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
      case GELU_ERF -> g / 2 * (1 + MathTest.erf(g / Math.sqrt(2)));
      case RELU -> Math.max(g, 0);
    };
  }

  @Test
  void gates_areTheDefinitions() {
    Random r = new Random(SEED);
    for (Gates.Kind kind : Gates.Kind.values()) {
      for (int n : new int[] {1, 17, 257, 5000}) {
        Linear.Rows g = Samples.normal(DType.F32, n, 0, r);
        Linear.Rows u = Samples.normal(DType.F32, n, 0, r);
        float[] y = both(n, (pool, out) -> new Gates(pool).run(kind, g, u, out, n));
        for (int i = 0; i < n; i++) {
          assertNear(y[i], gate(kind, Samples.at(g, i)) * Samples.at(u, i), kind + " " + i);
        }
      }
    }
  }

  @Test
  void rope_turnsPairs_inBothStylesAndBySections() {
    Random r = new Random(SEED);
    int tokens = 5;
    int heads = 3;
    int dim = 20;
    Linear.Rows x = Samples.normal(DType.F32, tokens * heads * dim, 0, r);
    Linear.Rows freqs = Samples.normal(DType.F32, 8, 0, r);
    Linear.Rows positions = new Linear.Rows(DType.I32, Samples.memory(4L * 2 * tokens, 0), 0);
    for (int i = 0; i < 2 * tokens; i++) {
      positions.data().set(Lanes.I32, 4L * i, r.nextInt(1000));
    }
    for (boolean interleaved : new boolean[] {false, true}) {
      for (List<Integer> sections : List.of(List.<Integer>of(), List.of(3, 5))) {
        RopeSpec spec = new RopeSpec(interleaved, heads, dim, 16, 1.5f, sections);
        float[] y =
            both(
                tokens * heads * dim,
                (pool, out) -> new Rope(pool).run(spec, x, positions, freqs, out, tokens));
        for (int row = 0; row < tokens * heads; row++) {
          for (int i = 0; i < 8; i++) {
            int section = sections.isEmpty() || i < 3 ? 0 : 1;
            int position = positions.data().get(Lanes.I32, 4L * (section * tokens + row / heads));
            float angle = position * Samples.at(freqs, i);
            int a = row * dim + (interleaved ? 2 * i : i);
            int b = row * dim + (interleaved ? 2 * i + 1 : i + 8);
            double cos = 1.5 * Math.cos(angle);
            double sin = 1.5 * Math.sin(angle);
            assertNear(y[a], Samples.at(x, a) * cos - Samples.at(x, b) * sin, spec + " " + row);
            assertNear(y[b], Samples.at(x, b) * cos + Samples.at(x, a) * sin, spec + " " + row);
          }
          assertThat(y[row * dim + 17]).isEqualTo(Samples.at(x, row * dim + 17));
        }
      }
    }
  }

  @Test
  void lookup_givesZerosForNegativeIds_andRefusesTooLargeOnes() {
    Linear.Rows table = Samples.normal(DType.BF16, 4 * 5, 0, new Random(SEED));
    Matrix matrix = Matrix.dense(DType.BF16, table.data(), 0, 4, 5);
    Linear.Rows ids = new Linear.Rows(DType.I32, Samples.memory(8, 0), 0);
    Linear.Rows out = Samples.rows(DType.F32, 10, 0);
    ids.data().set(Lanes.I32, 0, 3);
    ids.data().set(Lanes.I32, 4, -1);
    try (WorkerPool pool = new WorkerPool(1)) {
      new Lookup(pool).run(ids, 2, matrix, out);
      assertThat(Samples.at(out, 2)).isEqualTo(Samples.at(table, 17));
      assertThat(Samples.at(out, 7)).isZero();
      ids.data().set(Lanes.I32, 0, 4);
      org.assertj.core.api.Assertions.assertThatThrownBy(
              () -> new Lookup(pool).run(ids, 2, matrix, out))
          .hasMessage("embedding: expected ids below 4, got 4");
    }
  }
}
