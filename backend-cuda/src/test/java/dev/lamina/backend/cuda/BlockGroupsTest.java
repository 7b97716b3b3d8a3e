package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Norms, projections by weights in blocks, gates and sums that are one launch of few rows. */
class BlockGroupsTest {
  private static final Dim.Sym T = Dim.sym("T", 1, 64);
  private static final double EPS = 1e-6;

  private final GraphRuns runs = new GraphRuns();
  private final Random random = new Random(5);
  private final Arena arena = Arena.ofAuto();
  private final List<MemorySegment> inputs = new ArrayList<>();

  private float[] rows(int n) {
    float[] all = new float[n];
    for (int i = 0; i < n; i++) {
      all[i] = (float) random.nextGaussian();
    }
    inputs.add(MemorySegment.ofArray(all));
    return all;
  }

  /** Random codes with factors that are numbers; gives what they stand for. */
  private float[] weight(QuantFormat format, int n, int k) {
    int blocks = n * (k / format.elements());
    byte[] bytes = new byte[blocks * format.bytes()];
    random.nextBytes(bytes);
    MemorySegment all = arena.allocate(bytes.length, 16).copyFrom(MemorySegment.ofArray(bytes));
    for (int b = 0; b < blocks; b++) {
      factors(format, all.asSlice((long) b * format.bytes(), format.bytes()));
    }
    inputs.add(all);
    float[] decoded = new float[n * k];
    BlockDecoder.of(format).decode(all, 0, blocks, decoded, 0);
    return decoded;
  }

  private void factors(QuantFormat format, MemorySegment block) {
    short half = Float.floatToFloat16(0.001f * (1 + random.nextInt(50)));
    switch (format) {
      case Q4_K -> {
        block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, half);
        block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2, Float.floatToFloat16(-0.02f));
      }
      case F8E4M3_128 -> {
        block.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, 0.01f * (1 + random.nextInt(9)));
        for (int i = 4; i < 132; i++) {
          byte code = block.get(ValueLayout.JAVA_BYTE, i);
          block.set(ValueLayout.JAVA_BYTE, i, (code & 0x7F) == 0x7F ? 1 : code);
        }
      }
      case Q6_K -> block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 208, half);
      case MXFP4 -> block.set(ValueLayout.JAVA_BYTE, 0, (byte) (118 + random.nextInt(10)));
      default -> block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, half);
    }
  }

  private static Value blocked(Ops g, String name, QuantFormat format, int n, int k) {
    return g.tensor(name, TensorType.blocked(format, Shape.of(n, k)));
  }

  private static Value plain(Ops g, String name, Object... shape) {
    Dim[] dims = new Dim[shape.length];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = shape[i] instanceof Dim d ? d : Dim.of((Integer) shape[i]);
    }
    return g.tensor(name, TensorType.of(DType.F32, dims));
  }

  private static double[] normed(float[] x, float[] factors, int row, int k) {
    double squares = 0;
    for (int i = 0; i < k; i++) {
      squares += (double) x[row * k + i] * x[row * k + i];
    }
    double[] y = new double[k];
    for (int i = 0; i < k; i++) {
      y[i] = x[row * k + i] / Math.sqrt(squares / k + EPS) * factors[i];
    }
    return y;
  }

  /** A product, and behind it the sum of its terms' magnitudes. */
  private static double[] dot(double[] x, float[] w, int n) {
    double[] sum = {0, 0};
    for (int i = 0; i < x.length; i++) {
      double term = x[i] * w[n * x.length + i];
      sum[0] += term;
      sum[1] += Math.abs(term);
    }
    return sum;
  }

  private static void check(float got, double expected, double magnitude) {
    assertThat((double) got).isCloseTo(expected, offset(1e-6 * magnitude + 1e-12));
  }

  /** Tiles of one part and of two, rows that end within a tile, warps that share k or do not. */
  @ParameterizedTest
  @CsvSource({
    "Q4_K, 1, 512, 40",
    "Q4_K, 2, 1024, 16",
    "Q8_0, 1, 1536, 33",
    "Q8_0, 2, 512, 17",
    "F8E4M3_128, 1, 512, 35",
    "F8E4M3_128, 2, 1536, 16",
    "Q6_K, 1, 2048, 20",
    "Q6_K, 2, 4096, 16",
    "Q4_0, 1, 1024, 19",
    "Q4_0, 2, 512, 16",
    "MXFP4, 1, 512, 24",
    "MXFP4, 2, 1536, 17"
  })
  void normProjectionsAndGate_areOneLaunch(QuantFormat format, int rows, int k, int n)
      throws Exception {
    Ops g = new Ops("gated");
    Value x = plain(g, "x", T, k);
    Value norm = plain(g, "norm", k);
    Value gate = blocked(g, "gate", format, n, k);
    Value up = blocked(g, "up", format, n, k);
    Value y = g.rmsNorm(x, norm, EPS, false);
    Value a = g.linear(y, gate, null, DType.F32);
    Value b = g.linear(y, up, null, DType.F32);
    g.output("out", g.gatedActivation(Gate.SWIGLU, a, b));
    float[] xs = rows(rows * k);
    float[] factors = rows(k);
    float[] gates = weight(format, n, k);
    float[] ups = weight(format, n, k);
    float[] got = runs.run(g.build(), rows, inputs);
    assertThat(runs.launches()).isEqualTo(1);
    for (int t = 0; t < rows; t++) {
      double[] row = normed(xs, factors, t, k);
      for (int j = 0; j < n; j++) {
        double[] z = dot(row, gates, j);
        double[] u = dot(row, ups, j);
        double sigmoid = 1 / (1 + Math.exp(-z[0]));
        double magnitude = z[1] * u[1] + Math.abs(z[0] * u[0]);
        check(got[t * n + j], z[0] * sigmoid * u[0], magnitude);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"Q4_K, 1, 1536, 4200", "Q8_0, 2, 1024, 30", "F8E4M3_128, 1, 1024, 21"})
  void projectionAndSum_areOneLaunch(QuantFormat format, int rows, int k, int n) throws Exception {
    Ops g = new Ops("sum");
    Value x = plain(g, "x", T, k);
    Value w = blocked(g, "w", format, n, k);
    Value bias = plain(g, "bias", n);
    Value residual = plain(g, "residual", T, n);
    g.output("out", g.add(residual, g.linear(x, w, bias, DType.F32)));
    float[] xs = rows(rows * k);
    float[] ws = weight(format, n, k);
    float[] biases = rows(n);
    float[] added = rows(rows * n);
    float[] got = runs.run(g.build(), rows, inputs);
    assertThat(runs.launches()).isEqualTo(1);
    for (int t = 0; t < rows; t++) {
      double[] row = new double[k];
      for (int i = 0; i < k; i++) {
        row[i] = xs[t * k + i];
      }
      for (int j = 0; j < n; j++) {
        double[] z = dot(row, ws, j);
        check(got[t * n + j], z[0] + biases[j] + added[t * n + j], z[1]);
      }
    }
  }

  private Graph three(QuantFormat[] formats, int[] n, int k) {
    Ops g = new Ops("three");
    Value x = plain(g, "x", T, k);
    Value y = g.rmsNorm(x, null, EPS, false);
    Value[] out = new Value[3];
    for (int i = 0; i < 3; i++) {
      out[i] = g.linear(y, blocked(g, "w" + i, formats[i], n[i], k), null, DType.F32);
    }
    g.output("out", g.concat(1, out));
    return g.build();
  }

  /** Queries, keys and values are parts of one launch, of two where formats differ. */
  @ParameterizedTest
  @CsvSource({"Q4_K, 1, 100", "Q8_0, 2, 100", "Q4_0, 2, NaN"})
  void projectionsOfOneNorm_areALaunchAFormat(QuantFormat second, int formats, float first)
      throws Exception {
    int k = 512;
    int[] n = {20, 48, 16};
    QuantFormat[] all = {QuantFormat.Q4_K, second, QuantFormat.Q4_K};
    Graph graph = three(all, n, k);
    float[] xs = rows(k);
    xs[3] = first;
    float[][] ws = new float[3][];
    for (int i = 0; i < 3; i++) {
      ws[i] = weight(all[i], n[i], k);
    }
    float[] got = runs.run(graph, 1, inputs);
    assertThat(runs.launches()).isEqualTo(formats);
    float[] ones = new float[k];
    Arrays.fill(ones, 1);
    double[] row = normed(xs, ones, 0, k);
    int at = 0;
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < n[i]; j++, at++) {
        double[] z = dot(row, ws[i], j);
        if (Float.isNaN(first)) {
          assertThat(got[at]).isNaN();
        } else {
          check(got[at], z[0], z[1]);
        }
      }
    }
  }

  /** A scale that is infinite makes infinite results, and NaN where a code is zero. */
  @Test
  void infiniteScale_isMultipliedWeightByWeight() throws Exception {
    int k = 512;
    Ops g = new Ops("infinite");
    Value x = plain(g, "x", T, k);
    g.output("out", g.linear(x, blocked(g, "w", QuantFormat.Q8_0, 16, k), null, DType.F32));
    float[] xs = rows(k);
    float[] ws = weight(QuantFormat.Q8_0, 16, k);
    for (int i = 0; i < 32; i++) {
      xs[i] = 1 + i;
    }
    MemorySegment bytes = inputs.getLast();
    for (int row = 0; row < 2; row++) {
      MemorySegment block = bytes.asSlice(row * (k / 32) * 34L, 34);
      block.fill((byte) 1);
      block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) 0x7C00);
      block.set(ValueLayout.JAVA_BYTE, 33, (byte) (1 - row));
    }
    float[] got = runs.run(g.build(), 1, inputs);
    assertThat(got[0]).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(got[1]).isNaN();
    double[] row = new double[k];
    for (int i = 0; i < k; i++) {
      row[i] = xs[i];
    }
    for (int j = 2; j < 16; j++) {
      double[] z = dot(row, ws, j);
      check(got[j], z[0], z[1]);
    }
  }
}
