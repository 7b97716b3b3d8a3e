package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Norms, projections, gates and sums that are one launch where rows are few. */
class GroupedKernelsTest {
  private static final Dim.Sym T = Dim.sym("T", 1, 64);
  private static final double EPS = 1e-6;

  private final GraphRuns runs = new GraphRuns();
  private final Random random = new Random(3);
  private final List<float[]> inputs = new ArrayList<>();

  /** Random numbers that BF16 and F16 hold exactly. */
  private float[] numbers(int n) {
    float[] all = new float[n];
    for (int i = 0; i < n; i++) {
      all[i] = (random.nextInt(33) - 16) / 16f;
    }
    return all;
  }

  private Value input(Ops g, String name, DType dtype, Object... shape) {
    Dim[] dims = new Dim[shape.length];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = shape[i] instanceof Dim d ? d : Dim.of((Integer) shape[i]);
    }
    return g.tensor(name, TensorType.of(dtype, dims));
  }

  private static short bits(DType dtype, float x) {
    return dtype == DType.BF16
        ? (short) (Float.floatToRawIntBits(x) >>> 16)
        : Float.floatToFloat16(x);
  }

  private static MemorySegment memory(Arena arena, DType dtype, float[] x) {
    MemorySegment m = arena.allocate((long) x.length * dtype.bytes(), 16);
    for (int i = 0; i < x.length; i++) {
      if (dtype == DType.F32) {
        m.setAtIndex(ValueLayout.JAVA_FLOAT, i, x[i]);
      } else {
        m.setAtIndex(ValueLayout.JAVA_SHORT, i, bits(dtype, x[i]));
      }
    }
    return m;
  }

  private float[] run(Graph graph, int rows, int[] launches) throws Exception {
    List<MemorySegment> bytes = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < inputs.size(); i++) {
        DType dtype = ((TensorType) graph.inputs().get(i).value().type()).dtype();
        bytes.add(memory(arena, dtype, inputs.get(i)));
      }
      float[] out = runs.run(graph, rows, bytes);
      launches[0] = runs.launches();
      return out;
    }
  }

  private static double[] normed(float[] x, float[] w, int row, int k) {
    double squares = 0;
    for (int i = 0; i < k; i++) {
      squares += (double) x[row * k + i] * x[row * k + i];
    }
    double[] y = new double[k];
    for (int i = 0; i < k; i++) {
      y[i] = x[row * k + i] / Math.sqrt(squares / k + EPS) * (1 + w[i]);
    }
    return y;
  }

  private static double dot(double[] x, float[] w, int n) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * w[n * x.length + i];
    }
    return sum;
  }

  private void check(float[] got, double[] expected) {
    assertThat(got).hasSameSizeAs(expected);
    for (int i = 0; i < got.length; i++) {
      double allowed = 2e-5 * Math.max(1, Math.abs(expected[i]));
      assertThat((double) got[i]).isCloseTo(expected[i], offset(allowed));
    }
  }

  /**
   * @param expected 0 for rows that are left to the kernels one by one
   */
  private static void checkLaunches(int got, int expected) {
    if (expected == 0) {
      assertThat(got).isGreaterThan(1);
    } else {
      assertThat(got).isEqualTo(expected);
    }
  }

  /** Widths that one turn of one warp holds, of all eight, and that take several turns. */
  @ParameterizedTest
  @CsvSource({
    "BF16, 1, 64, 33, 1",
    "BF16, 2, 520, 17, 1",
    "F16, 1, 4104, 21, 1",
    "F16, 7, 1032, 9, 3",
    "BF16, 11, 264, 10, 3",
    "BF16, 17, 72, 5, 0"
  })
  void normProjectionsAndGate_areOneLaunchOfFewRows(
      DType dtype, int rows, int k, int n, int launches) throws Exception {
    Ops g = new Ops("gated");
    Value x = input(g, "x", DType.F32, T, k);
    Value factors = input(g, "norm", dtype, k);
    Value gate = input(g, "gate", dtype, n, k);
    Value up = input(g, "up", dtype, n, k);
    Value y = g.rmsNorm(x, factors, EPS, true);
    Value a = g.linear(y, gate, null, DType.F32);
    Value b = g.linear(y, up, null, DType.F32);
    g.output("out", g.gatedActivation(Gate.SWIGLU, a, b));
    inputs.add(numbers(rows * k));
    inputs.add(numbers(k));
    inputs.add(numbers(n * k));
    inputs.add(numbers(n * k));
    int[] counted = {0};
    float[] got = run(g.build(), rows, counted);
    double[] expected = new double[rows * n];
    for (int t = 0; t < rows; t++) {
      double[] row = normed(inputs.get(0), inputs.get(1), t, k);
      for (int j = 0; j < n; j++) {
        double z = dot(row, inputs.get(2), j);
        expected[t * n + j] = z / (1 + Math.exp(-z)) * dot(row, inputs.get(3), j);
      }
    }
    check(got, expected);
    checkLaunches(counted[0], launches);
  }

  @ParameterizedTest
  @CsvSource({"BF16, 1, 3000, 37, 1", "F16, 5, 136, 130, 2", "BF16, 20, 136, 3, 0"})
  void projectionAndSum_areOneLaunchOfFewRows(DType dtype, int rows, int k, int n, int launches)
      throws Exception {
    Ops g = new Ops("sum");
    Value x = input(g, "x", DType.F32, T, k);
    Value w = input(g, "w", dtype, n, k);
    Value bias = input(g, "bias", dtype, n);
    Value residual = input(g, "residual", DType.F32, T, n);
    g.output("out", g.add(residual, g.linear(x, w, bias, DType.F32)));
    inputs.add(numbers(rows * k));
    inputs.add(numbers(n * k));
    inputs.add(numbers(n));
    inputs.add(numbers(rows * n));
    int[] counted = {0};
    float[] got = run(g.build(), rows, counted);
    double[] expected = new double[rows * n];
    for (int t = 0; t < rows; t++) {
      double[] row = new double[k];
      for (int i = 0; i < k; i++) {
        row[i] = inputs.get(0)[t * k + i];
      }
      for (int j = 0; j < n; j++) {
        double z = dot(row, inputs.get(1), j) + inputs.get(2)[j];
        expected[t * n + j] = z + inputs.get(3)[t * n + j];
      }
    }
    check(got, expected);
    checkLaunches(counted[0], launches);
  }

  /** A sum of rows that are one row repeated has no rows of its own to add from. */
  @Test
  void sumWithAnExpandedRow_isLeftToItsKernels() throws Exception {
    Ops g = new Ops("expanded");
    Value x = input(g, "x", DType.F32, T, 64);
    Value w = input(g, "w", DType.BF16, 8, 64);
    Value one = input(g, "one", DType.F32, 1, 8);
    Value y = g.linear(x, w, null, DType.F32);
    g.output("out", g.add(y, g.expand(one, y.shape())));
    inputs.add(numbers(3 * 64));
    inputs.add(numbers(8 * 64));
    inputs.add(numbers(8));
    int[] counted = {0};
    float[] got = run(g.build(), 3, counted);
    double[] expected = new double[3 * 8];
    for (int i = 0; i < expected.length; i++) {
      double[] row = new double[64];
      for (int k = 0; k < 64; k++) {
        row[k] = inputs.get(0)[i / 8 * 64 + k];
      }
      expected[i] = dot(row, inputs.get(1), i % 8) + inputs.get(2)[i % 8];
    }
    check(got, expected);
    assertThat(counted[0]).isGreaterThan(1);
  }
}
