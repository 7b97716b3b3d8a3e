package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.LayerOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** Norms, activations, rotary embedding, projections and lookup. */
final class LayerCases {
  private static final Dim T = Dim.sym("T", 0, 4096);
  private static final RefTensor NONE = RefTensor.exact(DType.F32, new long[] {0}, new long[0]);

  private LayerCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      for (long d : new long[] {1, 7, 64, 65, 257, 1056}) {
        norms(list, dtype, 3, d, Regime.NORMAL);
      }
      for (Regime regime : List.of(Regime.OUTLIERS, Regime.LARGE, Regime.POWERS)) {
        norms(list, dtype, 3, 127, regime);
      }
      for (CompositeOp.Gate gate : CompositeOp.Gate.values()) {
        gated(list, dtype, gate, Regime.NORMAL);
        gated(list, dtype, gate, Regime.OUTLIERS);
      }
      rope(list, dtype, 8, 8, List.of());
      rope(list, dtype, 10, 6, List.of());
      rope(list, dtype, 64, 64, List.of());
      rope(list, dtype, 128, 96, List.of(16, 0, 24, 8));
      for (DType out : Dtypes.FLOATS) {
        linear(list, DType.F32, dtype, out, 5, 65, 33, true);
        linear(list, dtype, dtype, out, 1, 257, 17, false);
        embedding(list, dtype, out);
      }
      for (long m : new long[] {0, 1, 2, 3, 4, 7, 8, 17, 33}) {
        linear(list, DType.F32, dtype, DType.F32, m, 96, 70, m % 2 == 0);
      }
    }
    more(list);
  }

  /** Many rows, long rows, means far from zero, sizes that differ from seed to seed. */
  private static void more(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      norms(list, dtype, 3, 130, Regime.NEGATIVE);
      norms(list, dtype, 3, 4099, Regime.NORMAL);
      norms(list, dtype, 3, 64, Regime.SMALL);
      for (int rows : new int[] {1, 2, 9, 33, 130}) {
        norms(list, dtype, rows, 48, Regime.POSITIVE);
      }
      gated(list, dtype, CompositeOp.Gate.SWIGLU, Regime.LARGE);
      for (CompositeOp.Gate gate : CompositeOp.Gate.values()) {
        gated(list, dtype, 33, 300, gate, Regime.POSITIVE);
      }
      for (int i = 0; i < 4; i++) {
        anyRope(list, dtype, i);
        anyLinear(list, dtype, i);
      }
      embeddings(list, dtype);
    }
  }

  /** Errors in F32 may be alike along a row; the rounding to 16 bits is independent. */
  private static boolean isUnbiased(DType out, Regime regime) {
    return out != DType.F32 && regime == Regime.POSITIVE;
  }

  private static void norms(CaseList list, DType dtype, long rows, long d, Regime regime) {
    String shape = Dtypes.shape(rows, d);
    list.composite(
        "rms_norm",
        dtype.text(),
        shape,
        regime.text(),
        g -> {
          g.unbiased = isUnbiased(dtype, regime);
          RefTensor x = g.make(regime, dtype, rows, d);
          RefTensor w = g.make(Regime.NORMAL, dtype, d);
          Value in = g.tensor(x, T, Dim.of(d));
          Value weight = g.weight(w);
          for (double eps : new double[] {1e-6, 0.5}) {
            Value y = g.ops.rmsNorm(in, weight, eps, eps > 0.1);
            CompositeOp.RmsNorm op = new CompositeOp.RmsNorm(eps, eps > 0.1, true);
            g.out(y, LayerOracle.rmsNorm(op, x, w));
          }
          CompositeOp.RmsNorm plain = new CompositeOp.RmsNorm(1e-5, false, false);
          g.out(g.ops.rmsNorm(in, null, 1e-5, false), LayerOracle.rmsNorm(plain, x, NONE));
        },
        Rule.R1,
        Rule.R2);
    list.composite(
        "layer_norm",
        dtype.text(),
        shape,
        regime.text(),
        g -> {
          g.unbiased = isUnbiased(dtype, regime);
          RefTensor x = g.make(regime, dtype, rows, d);
          RefTensor w = g.make(Regime.NORMAL, dtype, d);
          RefTensor b = g.make(Regime.NORMAL, dtype, d);
          Value in = g.tensor(x, T, Dim.of(d));
          Value weight = g.weight(w);
          CompositeOp.LayerNorm biased = new CompositeOp.LayerNorm(0.01, true);
          g.out(
              g.ops.layerNorm(in, weight, g.weight(b), 0.01),
              LayerOracle.layerNorm(biased, x, w, b));
          CompositeOp.LayerNorm plain = new CompositeOp.LayerNorm(1, false);
          g.out(g.ops.layerNorm(in, weight, null, 1), LayerOracle.layerNorm(plain, x, w, NONE));
        },
        Rule.R1,
        Rule.R2);
  }

  private static void gated(CaseList list, DType dtype, CompositeOp.Gate gate, Regime regime) {
    gated(list, dtype, 3, 67, gate, regime);
  }

  private static void gated(
      CaseList list, DType dtype, long rows, long width, CompositeOp.Gate gate, Regime regime) {
    list.composite(
        "gated_activation",
        dtype.text(),
        Dtypes.shape(rows, width),
        gate + "," + regime.text(),
        g -> {
          RefTensor x = g.make(regime, dtype, rows, width);
          g.unbiased = isUnbiased(dtype, regime);
          RefTensor up =
              g.make(regime == Regime.POSITIVE ? regime : Regime.NORMAL, dtype, rows, width);
          Value y =
              g.ops.gatedActivation(
                  gate, g.tensor(x, T, Dim.of(width)), g.tensor(up, T, Dim.of(width)));
          g.out(y, LayerOracle.gated(gate, x, up));
        },
        Rule.R1);
  }

  private static void rope(CaseList list, DType dtype, int d, int rotary, List<Integer> sections) {
    for (CompositeOp.RopeStyle style : CompositeOp.RopeStyle.values()) {
      double scale = sections.isEmpty() ? 1 : 1.25;
      CompositeOp.Rope op = new CompositeOp.Rope(style, rotary, scale, sections);
      long rows = Math.max(1, sections.size());
      list.composite(
          "rope",
          dtype.text(),
          Dtypes.shape(5, 3, d),
          style + ",dims=" + rotary + ",sections=" + sections.size(),
          g -> {
            RefTensor x = g.make(Regime.NORMAL, dtype, 5, 3, d);
            Source at = Source.cycle(0, 1, 77, 4095, (1 << 20) - 1, 3);
            RefTensor positions = g.make(at, DType.I32, rows, 5);
            Source falling =
                Source.reals(random -> {
                  int[] i = {0};
                  return () -> Math.pow(10000, -2.0 * i[0]++ / rotary);
                });
            RefTensor freqs = g.make(falling, DType.F32, rotary / 2);
            Value y =
                g.ops.rope(
                    op,
                    g.tensor(x, T, Dim.of(3), Dim.of(d)),
                    g.tensor(positions, Dim.of(rows), T),
                    g.weight(freqs));
            g.out(y, LayerOracle.rope(op, x, positions, freqs));
          },
          Rule.R1);
    }
  }

  private static void linear(
      CaseList list, DType dtype, DType stored, DType out, long m, long k, long n, boolean biased) {
    list.composite(
        "linear",
        dtype.text(),
        Dtypes.shape(m, k, n),
        "w=" + stored.text() + ",out=" + out.text() + (biased ? ",bias" : ""),
        g -> {
          RefTensor x = g.make(Regime.NORMAL, dtype, m, k);
          RefTensor w = g.make(Regime.OUTLIERS, stored, n, k);
          RefTensor b = biased ? g.make(Regime.LARGE, stored, n) : NONE;
          Value in = g.tensor(x, T, Dim.of(k));
          Value y = g.ops.linear(in, g.weight(w), biased ? g.weight(b) : null, out);
          g.out(y, LayerOracle.linear(out, x, w, b));
        },
        Rule.R1,
        Rule.R2);
  }

  private static void embedding(CaseList list, DType stored, DType out) {
    list.composite(
        "embedding",
        stored.text(),
        Dtypes.shape(7, 11, 33),
        "out=" + out.text(),
        g -> {
          RefTensor ids = g.make(Source.cycle(10, 0, -1, 3, 3), DType.I32, 7);
          RefTensor table = g.make(Regime.NORMAL, stored, 11, 33);
          Value y = g.ops.embedding(g.tensor(ids, T), g.weight(table), out);
          g.out(y, LayerOracle.embedding(out, ids, table));
        },
        Rule.R1,
        Rule.R8);
  }

  /** Many tokens and heads, positions over the whole range, whole and partial rotation. */
  private static void anyRope(CaseList list, DType dtype, int i) {
    CompositeOp.RopeStyle style = CompositeOp.RopeStyle.values()[i % 2];
    boolean partial = i / 2 == 1;
    list.composite(
        "rope",
        dtype.text(),
        "any",
        i + "," + style + (partial ? ",partial" : ""),
        g -> {
          int d = 2 * g.size(2, 40);
          int rotary = partial ? 2 * g.size(1, d / 2) : d;
          int heads = g.size(1, 12);
          int tokens = g.size(20, 70);
          CompositeOp.Rope op = new CompositeOp.Rope(style, rotary, partial ? 0.625 : 1, List.of());
          RefTensor x = g.make(Regime.NORMAL, dtype, tokens, heads, d);
          RefTensor positions = g.make(Source.between(0, 1 << 20), DType.I32, 1, tokens);
          RefTensor freqs =
              g.make(Source.reals(r -> () -> Math.exp(-9 * r.nextDouble())), DType.F32, rotary / 2);
          Value in = g.tensor(x, T, Dim.of(heads), Dim.of(d));
          Value y = g.ops.rope(op, in, g.tensor(positions, Dim.of(1), T), g.weight(freqs));
          g.out(y, LayerOracle.rope(op, x, positions, freqs));
        },
        Rule.R1);
  }

  private static void anyLinear(CaseList list, DType dtype, int i) {
    list.composite(
        "linear",
        dtype.text(),
        "any",
        i + (i % 2 == 0 ? ",bias" : ""),
        g -> {
          Regime regime = i >= 2 ? Regime.POSITIVE : Regime.NORMAL;
          int k = g.size(1, 400);
          int n = g.size(10, 90);
          RefTensor x = g.make(regime, dtype, g.size(1, 40), k);
          RefTensor w = g.make(regime, dtype, n, k);
          RefTensor b = i % 2 == 0 ? g.make(regime, dtype, n) : NONE;
          DType out = i % 2 == 0 ? dtype : DType.F32;
          g.unbiased = isUnbiased(out, regime);
          Value in = g.tensor(x, T, Dim.of(k));
          Value y = g.ops.linear(in, g.weight(w), i % 2 == 0 ? g.weight(b) : null, out);
          g.out(y, LayerOracle.linear(out, x, w, b));
        },
        Rule.R1,
        Rule.R2);
  }

  /** Many ids, the last row and padding among them. */
  private static void embeddings(CaseList list, DType stored) {
    list.composite(
        "embedding",
        stored.text(),
        Dtypes.shape(300, 257, 40),
        "out=" + stored.text() + ",many",
        g -> {
          RefTensor ids = g.make(Source.between(-2, 257), DType.I32, 300);
          RefTensor table = g.make(Regime.NORMAL, stored, 257, 40);
          Value y = g.ops.embedding(g.tensor(ids, T), g.weight(table), stored);
          g.out(y, LayerOracle.embedding(stored, ids, table));
        },
        Rule.R8);
  }
}
