package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.DType;
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
      bias(list, dtype);
    }
    batches(list);
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
  private static void bias(CaseList list, DType dtype) {
    list.graph(
        "matmul",
        dtype.text(),
        "33x1024x32",
        "bias",
        g -> {
          g.unbiased = true;
          g.out(
              g.ops.matmul(
                  g.in(Regime.NORMAL, dtype, 33, 1024),
                  g.in(Regime.NORMAL, dtype, 32, 1024),
                  true,
                  DType.F32));
        },
        Rule.R2);
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
