package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Composite.assertClose;
import static dev.lamina.backend.sdk.Composite.uniform;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Decompositions of norms, activations, rope, projections and lookup against doubles. */
class LayerDecompositionTest {
  private static final double F32_SHARE = 1e-6;
  private static final double BF16_SHARE = 4e-3;

  private final Random random = new Random(7);
  private final Composite c = new Composite();

  @Test
  void rmsNorm_matchesFormula() {
    double[] x = uniform(random, 3 * 37);
    double[] w = uniform(random, 37);
    Value y =
        c.g.rmsNorm(
            c.in(Array.f32(x, 3, 37), Dim.sym("T", 1, 9), Dim.of(37)),
            c.in(Array.f32(w, 37)),
            1e-5,
            false);
    assertClose(c.run(y).getFirst(), Reference.rmsNorm(x, w, 37, 1e-5), F32_SHARE);
  }

  @Test
  void rmsNorm_plusOneWithoutWideningResult() {
    Array x = Array.floats(DType.BF16, uniform(random, 2 * 3 * 8), 2, 3, 8);
    Array w = Array.floats(DType.BF16, uniform(random, 8), 8);
    Value y = c.g.rmsNorm(c.in(x), c.in(w), 0.1, true);
    double[] factor = Reference.map(w.floats, v -> 1 + v);
    Array out = c.run(y).getFirst();
    assertThat(out.dtype).isEqualTo(DType.BF16);
    assertClose(out, Reference.rmsNorm(x.floats, factor, 8, 0.1), BF16_SHARE);
  }

  @Test
  void rmsNorm_withoutWeightNormsOnly() {
    double[] x = uniform(random, 5);
    Value y = c.g.rmsNorm(c.in(Array.f32(x, 5)), null, 1e-6, false);
    double[] ones = {1, 1, 1, 1, 1};
    assertClose(c.run(y).getFirst(), Reference.rmsNorm(x, ones, 5, 1e-6), F32_SHARE);
  }

  @Test
  void layerNorm_matchesFormula() {
    double[] x = Reference.map(uniform(random, 4 * 19), v -> v + 3);
    double[] w = uniform(random, 19);
    double[] b = uniform(random, 19);
    Value y =
        c.g.layerNorm(
            c.in(Array.f32(x, 4, 19)), c.in(Array.f32(w, 19)), c.in(Array.f32(b, 19)), 1e-5);
    assertClose(c.run(y).getFirst(), Reference.layerNorm(x, w, b, 19, 1e-5), 3e-6);
  }

  @ParameterizedTest
  @EnumSource
  void gatedActivation_matchesFormula(CompositeOp.Gate gate) {
    double[] x = Reference.map(uniform(random, 40), v -> v * 3);
    double[] up = uniform(random, 40);
    Value y = c.g.gatedActivation(gate, c.in(Array.f32(x, 40)), c.in(Array.f32(up, 40)));
    DoubleUnaryOperator f =
        switch (gate) {
          case SWIGLU -> v -> v / (1 + Math.exp(-v));
          case GEGLU_TANH ->
              v -> v / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
          case GEGLU_ERF -> v -> v / 2 * (1 + Reference.erf(v / Math.sqrt(2)));
          case REGLU -> v -> Math.max(v, 0);
        };
    double[] expected = Reference.map(x, f);
    for (int i = 0; i < up.length; i++) {
      expected[i] *= up[i];
    }
    assertClose(c.run(y).getFirst(), expected, F32_SHARE);
  }

  @ParameterizedTest
  @CsvSource({"NEOX, 8, 8", "NEOX, 8, 4", "INTERLEAVED, 8, 8", "INTERLEAVED, 10, 6"})
  void rope_rotatesPairsAndPassesTheRest(CompositeOp.RopeStyle style, int d, int rotary) {
    double[] x = uniform(random, 3 * 2 * d);
    long[] positions = {0, 5, 1 << 20};
    double[] freqs = Array.f32(random.doubles(rotary / 2, 0, 1).toArray(), rotary / 2).floats;
    CompositeOp.Rope op = new CompositeOp.Rope(style, rotary, 1.25, List.of());
    Value y =
        c.g.rope(
            op,
            c.in(Array.f32(x, 3, 2, d), Dim.sym("T", 1, 9), Dim.of(2), Dim.of(d)),
            c.in(Array.ints(DType.I32, positions, 1, 3), Dim.of(1), Dim.sym("T", 1, 9)),
            c.in(Array.f32(freqs, rotary / 2)));
    double[][] angles = new double[3][rotary / 2];
    for (int t = 0; t < 3; t++) {
      for (int i = 0; i < rotary / 2; i++) {
        angles[t][i] = (float) (positions[t] * freqs[i]);
      }
    }
    boolean neox = style == CompositeOp.RopeStyle.NEOX;
    assertClose(c.run(y).getFirst(), Reference.rope(x, 2, d, angles, 1.25, neox), F32_SHARE);
  }

  @Test
  void rope_sectionsTakeTheirOwnPositionRow() {
    double[] x = uniform(random, 2 * 8);
    long[] positions = {3, 4, 50, 60, 7, 8};
    double[] freqs = {1, 0.5, 0.25, 0.125};
    CompositeOp.Rope op = new CompositeOp.Rope(CompositeOp.RopeStyle.NEOX, 8, 1, List.of(1, 0, 3));
    Value y =
        c.g.rope(
            op,
            c.in(Array.f32(x, 2, 1, 8)),
            c.in(Array.ints(DType.I32, positions, 3, 2)),
            c.in(Array.f32(freqs, 4)));
    double[][] angles = {{3, 3.5, 1.75, 0.875}, {4, 4, 2, 1}};
    assertClose(c.run(y).getFirst(), Reference.rope(x, 1, 8, angles, 1, true), F32_SHARE);
  }

  @Test
  void linear_addsBiasBeforeTheOneRounding() {
    Array x = Array.floats(DType.BF16, new double[] {1, 1}, 1, 2);
    Array w = Array.floats(DType.BF16, new double[] {256, 1}, 1, 2);
    Array bias = Array.floats(DType.BF16, new double[] {-256}, 1);
    Value y = c.g.linear(c.in(x), c.in(w), c.in(bias), DType.BF16);
    assertThat(c.run(y).getFirst().floats).containsExactly(1);
  }

  @ParameterizedTest
  @CsvSource({"1", "2", "3"})
  void linear_takesAnyRank(int rank) {
    double[] x = uniform(random, rank == 1 ? 7 : 12 * 7);
    double[] w = uniform(random, 5 * 7);
    Dim t = Dim.sym("T", 1, 9);
    Value in =
        switch (rank) {
          case 1 -> c.in(Array.f32(x, 7));
          case 2 -> c.in(Array.f32(x, 12, 7));
          default -> c.in(Array.f32(x, 4, 3, 7), t, Dim.of(3), Dim.of(7));
        };
    Value y = c.g.linear(in, c.in(Array.f32(w, 5, 7)), null, DType.F32);
    assertClose(c.run(y).getFirst(), Reference.linear(x, w, new double[0], 7), F32_SHARE);
  }

  @ParameterizedTest
  @EnumSource
  void linear_decodesQuantisedWeights(QuantFormat format) {
    quantisedLinear(format, 512, 9);
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_K", "NVFP4"})
  void linear_decodesTileByTileWithARaggedLastTile(QuantFormat format) {
    // 2^18 / 98304 = 2 rows a tile, 3 rows in all; tiles do not know what is in a block.
    quantisedLinear(format, 98304, 3);
  }

  private void quantisedLinear(QuantFormat format, int k, int n) {
    double[] w = new double[n * k];
    Array bytes = Blocks.random(random, format, w, k);
    double[] x = uniform(random, 2 * k);
    double[] bias = uniform(random, n);
    Value weight = c.in(bytes, TensorType.blocked(format, Shape.of(n, k)));
    Value in = c.in(Array.f32(x, 2, k), Dim.sym("T", 1, 9), Dim.of(k));
    Value y = c.g.linear(in, weight, c.in(Array.f32(bias, n)), DType.F32);
    assertClose(c.run(y).getFirst(), Reference.linear(x, w, bias, k), F32_SHARE);
  }

  @Test
  void embedding_looksUpRowsAndGivesZerosBelowZero() {
    Array table = Array.floats(DType.BF16, uniform(random, 4 * 3), 4, 3);
    Value y = c.g.embedding(c.in(Array.i32(2, -1, 0)), c.in(table), DType.F32);
    double[] e = table.floats;
    assertThat(c.run(y).getFirst().floats)
        .containsExactly(e[6], e[7], e[8], 0, 0, 0, e[0], e[1], e[2]);
  }

  @ParameterizedTest
  @EnumSource
  void embedding_decodesQuantisedRows(QuantFormat format) {
    double[] table = new double[3 * 512];
    Array bytes = Blocks.random(random, format, table, 512);
    Value w = c.in(bytes, TensorType.blocked(format, Shape.of(3, 512)));
    Array out = c.run(c.g.embedding(c.in(Array.i32(-1, 2)), w, DType.F32)).getFirst();
    double[] expected = new double[1024];
    System.arraycopy(table, 1024, expected, 512, 512);
    assertThat(out.floats).containsExactly(expected);
  }
}
