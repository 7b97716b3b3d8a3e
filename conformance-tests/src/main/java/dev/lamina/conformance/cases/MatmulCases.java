package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Matrix products: tails of tiles in each of M, K and N, dtypes, transposition, batches, values.
 */
final class MatmulCases {
  private MatmulCases() {}

  static void addTo(CaseList list) {
    sizes(list);
    dtypes(list);
    for (DType dtype : Dtypes.FLOATS) {
      for (Regime regime :
          List.of(
              Regime.UNIFORM,
              Regime.NEGATIVE,
              Regime.LARGE,
              Regime.OUTLIERS,
              Regime.POWERS,
              Regime.SUBNORMAL)) {
        matmul(list, dtype, dtype, DType.F32, true, regime, Rule.R2, 9, 127, 11);
      }
      matmul(list, dtype, dtype, DType.F32, true, Regime.INFINITE, Rule.R3, 17, 5, 13);
      matmul(list, dtype, dtype, DType.F32, false, Regime.NANS, Rule.R3, 17, 5, 13);
      bias(list, dtype, DType.F32, Regime.NORMAL);
      bias(list, dtype, DType.F32, Regime.POSITIVE);
      if (dtype != DType.F32) {
        bias(list, dtype, dtype, Regime.POSITIVE);
      }
      subnormal(list, dtype);
      // Products up to 40000 each: their sums overflow F16, and only that.
      matmul(list, dtype, dtype, DType.F16, false, Regime.LARGE, Rule.R3, 9, 7, 11);
    }
    batches(list);
    tiles(list);
    anySizes(list);
  }

  private static void sizes(CaseList list) {
    for (boolean transposed : new boolean[] {false, true}) {
      for (DType dtype : List.of(DType.F32, DType.BF16)) {
        for (long n : Grid.LENGTHS) {
          matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 5, n, 7);
          matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 3, 33, n);
          if (n < 300) {
            matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, n, 31, 5);
          }
        }
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 1, 1, 1);
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 65, 129, 67);
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 1, 1057, 63);
      }
    }
  }

  private static void dtypes(CaseList list) {
    for (DType a : Dtypes.ALL_FLOATS) {
      for (DType b : Dtypes.ALL_FLOATS) {
        matmul(list, a, b, DType.F32, true, Regime.NORMAL, Rule.R1, 7, 65, 9);
      }
    }
    for (DType out : Dtypes.FLOATS) {
      for (DType in : Dtypes.FLOATS) {
        matmul(list, in, in, out, false, Regime.UNIFORM, Rule.R1, 7, 65, 33);
      }
    }
  }

  private static void matmul(
      CaseList list,
      DType a,
      DType b,
      DType out,
      boolean transposed,
      Regime regime,
      Rule rule,
      long m,
      long k,
      long n) {
    list.graph(
        "matmul",
        a.text(),
        Dtypes.shape(m, k, n),
        "b=" + b.text() + (transposed ? "T" : "") + ",out=" + out.text() + "," + regime.text(),
        g -> {
          long[] sizesOfB = transposed ? new long[] {n, k} : new long[] {k, n};
          g.out(g.ops.matmul(g.in(regime, a, m, k), g.in(regime, b, sizesOfB), transposed, out));
        },
        rule);
  }

  /**
   * Long sums on many elements: a small offset or a low-precision accumulator shows in the mean.
   */
  private static void bias(CaseList list, DType dtype, DType out, Regime regime) {
    list.graph(
        "matmul",
        dtype.text(),
        "33x1024x32",
        "bias,out=" + out.text() + "," + regime.text(),
        g -> {
          g.unbiased = true;
          g.out(
              g.ops.matmul(
                  g.in(regime, dtype, 33, 1024), g.in(regime, dtype, 32, 1024), true, out));
        },
        Rule.R2);
  }

  /** A subnormal times a large number is normal, and must not be lost. */
  private static void subnormal(CaseList list, DType dtype) {
    for (boolean first : new boolean[] {true, false}) {
      list.graph(
          "matmul",
          dtype.text(),
          "5x17x9",
          "subnormal-" + (first ? "a" : "b"),
          g -> {
            Value a = g.in(first ? Regime.SUBNORMAL : Regime.LARGE, dtype, 5, 17);
            Value b = g.in(first ? Regime.LARGE : Regime.SUBNORMAL, dtype, 17, 9);
            g.out(g.ops.matmul(a, b, false, DType.F32));
          },
          Rule.R3);
    }
  }

  /**
   * Sizes around those of tiles and beyond 16-bit offsets; square ones, where axes can be mixed.
   */
  private static void tiles(CaseList list) {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      for (boolean transposed : new boolean[] {false, true}) {
        for (long m : new long[] {1, 2, 8, 16, 17, 48, 130}) {
          matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, m, 64, 48);
          matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, m, 72, 259);
        }
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 33, 33, 33);
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 64, 64, 64);
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 1, 17, 4099);
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 259, 7, 263);
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 2, 4099, 9);
        matmul(list, dtype, dtype, dtype, transposed, Regime.NORMAL, Rule.R2, 4, 70001, 3);
      }
    }
  }

  /** Sizes that differ from seed to seed. */
  private static void anySizes(CaseList list) {
    for (int i = 0; i < 24; i++) {
      DType dtype = Dtypes.FLOATS.get(i % 3);
      Regime regime = List.of(Regime.NORMAL, Regime.OUTLIERS, Regime.POSITIVE).get(i % 4 % 3);
      int numBatches = i % 5 == 0 ? 3 : 1;
      boolean transposed = i % 2 == 0;
      list.graph(
          "matmul",
          dtype.text(),
          "any",
          "%d,batches=%d%s,%s".formatted(i, numBatches, transposed ? ",T" : "", regime.text()),
          g -> {
            int m = g.size(1, 70);
            int k = g.size(1, 300);
            int n = g.size(1, 90);
            Value a = g.in(regime, dtype, numBatches, m, k);
            Value b =
                transposed
                    ? g.in(regime, dtype, numBatches, n, k)
                    : g.in(regime, dtype, numBatches, k, n);
            g.out(g.ops.matmul(a, b, transposed, g.size(0, 1) == 0 ? dtype : DType.F32));
          },
          Rule.R2);
    }
  }

  private static void batches(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      for (boolean transposed : new boolean[] {false, true}) {
        list.graph(
            "matmul",
            dtype.text(),
            "2x3x5x33x7",
            transposed ? "batch,T" : "batch",
            g ->
                g.out(
                    g.ops.matmul(
                        g.in(Regime.NORMAL, dtype, 2, 3, 5, 33),
                        transposed
                            ? g.in(Regime.NORMAL, dtype, 2, 3, 7, 33)
                            : g.in(Regime.NORMAL, dtype, 2, 3, 33, 7),
                        transposed,
                        dtype)),
            Rule.R2);
      }
      list.graph(
          "matmul",
          dtype.text(),
          "0x5x33x7",
          "batch,empty",
          g ->
              g.out(
                  g.ops.matmul(
                      g.in(Regime.NORMAL, dtype, 0, 5, 33),
                      g.in(Regime.NORMAL, dtype, 0, 33, 7),
                      false,
                      dtype)),
          Rule.R2);
    }
  }
}
