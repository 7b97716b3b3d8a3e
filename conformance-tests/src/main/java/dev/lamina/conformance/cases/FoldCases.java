package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** Reduce, scan, argmax and top-k. */
final class FoldCases {
  private FoldCases() {}

  static void addTo(CaseList list) {
    reduces(list);
    scans(list);
    longScans(list);
    argmaxes(list);
    topks(list);
  }

  private static void reduces(CaseList list) {
    for (ReduceKind kind : ReduceKind.values()) {
      for (DType dtype : Dtypes.FLOATS) {
        for (long n : Grid.LENGTHS) {
          reduce(list, kind, dtype, Regime.NORMAL, Rule.R2, List.of(1), 5, n);
        }
        for (Regime regime :
            List.of(Regime.NEGATIVE, Regime.OUTLIERS, Regime.POWERS, Regime.SUBNORMAL)) {
          reduce(list, kind, dtype, regime, Rule.R2, List.of(1), 7, 33);
        }
        reduce(list, kind, dtype, Regime.INFINITE, Rule.R3, List.of(1), 64, 17);
        reduce(list, kind, dtype, Regime.NANS, Rule.R3, List.of(1), 64, 9);
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R2, List.of(0), 129, 33);
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R2, List.of(0, 2), 5, 31, 7);
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R2, List.of(0, 1, 2, 3), 2, 3, 5, 7);
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R2, List.of(), 3, 5);
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R2, List.of(0), 0, 5);
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R2, List.of(0), 5, 0);
      }
      for (DType dtype : Dtypes.INTEGERS) {
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R4, List.of(1), 5, 257);
        reduce(list, kind, dtype, Regime.UNIFORM, Rule.R4, List.of(0), 0, 3);
      }
    }
    for (DType dtype : Dtypes.FLOATS) {
      list.graph(
          "reduce_sum",
          dtype.text(),
          "300x509",
          "dims=1,bias",
          g -> {
            g.unbiased = dtype == DType.F32;
            g.out(g.ops.reduce(ReduceKind.SUM, g.in(Regime.NORMAL, dtype, 300, 509), 1));
          },
          Rule.R2);
      reduce(list, ReduceKind.SUM, dtype, Regime.POSITIVE, Rule.R2, List.of(1), 3, 4099);
      reduce(list, ReduceKind.MAX, dtype, Regime.NEGATIVE, Rule.R2, List.of(1), 3, 4099);
      reduce(list, ReduceKind.MIN, dtype, Regime.POSITIVE, Rule.R2, List.of(0), 1030, 3);
      Source alike = Source.cycleReals(1);
      reduce(list, ReduceKind.SUM, dtype, "ones", alike, Rule.R2, List.of(0), 5000);
    }
  }

  private static void reduce(
      CaseList list,
      ReduceKind kind,
      DType dtype,
      Regime regime,
      Rule rule,
      List<Integer> dims,
      long... sizes) {
    reduce(list, kind, dtype, regime.text(), regime, rule, dims, sizes);
  }

  private static void reduce(
      CaseList list,
      ReduceKind kind,
      DType dtype,
      String attrs,
      Source source,
      Rule rule,
      List<Integer> dims,
      long... sizes) {
    list.graph(
        "reduce_" + ElementwiseCases.name(kind),
        dtype.text(),
        Dtypes.shape(sizes),
        "dims=" + dims.toString().replaceAll("[^0-9]", "") + "," + attrs,
        g -> g.out(g.ops.reduce(kind, g.in(source, dtype, sizes), dims.toArray(Integer[]::new))),
        rule);
  }

  /** Lines of nothing but -infinity, and lines that begin with it. */
  private static final Source HIDDEN =
      Source.cycleReals(
          Double.NEGATIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          -3,
          2);

  private static void scans(CaseList list) {
    for (ScanKind kind : ScanKind.values()) {
      for (boolean exclusive : new boolean[] {false, true}) {
        for (DType dtype : Dtypes.FLOATS) {
          for (long n : Grid.FEW) {
            scan(list, kind, dtype, exclusive, 1, Regime.NORMAL, Rule.R2, 3, n);
          }
          scan(list, kind, dtype, exclusive, 0, Regime.OUTLIERS, Rule.R2, 65, 7);
          scan(list, kind, dtype, exclusive, 1, Regime.NEGATIVE, Rule.R2, 3, 33, 2);
          scan(list, kind, dtype, exclusive, 1, Regime.NANS, Rule.R3, 33, 9);
          scan(list, kind, dtype, exclusive, 1, Regime.INFINITE, Rule.R3, 33, 9);
        }
        list.graph(
            "scan_" + ElementwiseCases.name(kind),
            "f32",
            "5x7",
            "dim=1" + (exclusive ? ",exclusive" : "") + ",minus-infinities",
            g -> g.out(g.ops.scan(kind, g.in(HIDDEN, DType.F32, 5, 7), 1, exclusive)),
            Rule.R3);
        for (DType dtype : Dtypes.INTEGERS) {
          scan(list, kind, dtype, exclusive, 1, Regime.UNIFORM, Rule.R4, 3, 129);
        }
      }
    }
  }

  /** Lines of many blocks, many lines, and lengths that differ from seed to seed. */
  private static void longScans(CaseList list) {
    for (ScanKind kind : ScanKind.values()) {
      for (boolean exclusive : new boolean[] {false, true}) {
        for (long n : new long[] {128, 256, 1025, 2049, 4099}) {
          scan(list, kind, DType.F32, exclusive, 1, Regime.NORMAL, Rule.R2, 2, n);
        }
        scan(list, kind, DType.F32, exclusive, 0, Regime.NORMAL, Rule.R2, 1030, 3);
        scan(list, kind, DType.F32, exclusive, 1, Regime.NORMAL, Rule.R2, 300, 5);
        scan(list, kind, DType.F32, exclusive, 1, Regime.NORMAL, Rule.R2, 3, 130, 5);
        scan(list, kind, DType.I32, exclusive, 1, Regime.NORMAL, Rule.R4, 2, 2049);
        for (int i = 0; i < 6; i++) {
          DType dtype = Dtypes.FLOATS.get(i % 3);
          Regime regime = i % 2 == 0 ? Regime.POSITIVE : Regime.NEGATIVE;
          int dim = i % 3;
          list.graph(
              "scan_" + ElementwiseCases.name(kind),
              dtype.text(),
              "any",
              "%d,dim=%d%s".formatted(i, dim, exclusive ? ",exclusive" : ""),
              g -> {
                long[] sizes = {g.size(1, 9), g.size(1, 9), g.size(1, 9)};
                sizes[dim] = g.size(100, 700);
                g.out(g.ops.scan(kind, g.in(regime, dtype, sizes), dim, exclusive));
              },
              Rule.R2);
        }
      }
    }
  }

  private static void scan(
      CaseList list,
      ScanKind kind,
      DType dtype,
      boolean exclusive,
      int dim,
      Regime regime,
      Rule rule,
      long... sizes) {
    list.graph(
        "scan_" + ElementwiseCases.name(kind),
        dtype.text(),
        Dtypes.shape(sizes),
        "dim=" + dim + (exclusive ? ",exclusive," : ",") + regime.text(),
        g -> g.out(g.ops.scan(kind, g.in(regime, dtype, sizes), dim, exclusive)),
        rule);
  }

  private static void argmaxes(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      for (long n : Grid.LENGTHS) {
        argmax(list, dtype, Regime.NORMAL, 1, Rule.R6, 5, n);
      }
      argmax(list, dtype, Regime.TIES, 1, Rule.R6, 33, 65);
      argmax(list, dtype, Regime.NEGATIVE, 1, Rule.R6, 33, 65);
      argmax(list, dtype, Regime.NANS, 1, Rule.R6, 64, 9);
      argmax(list, dtype, Regime.INFINITE, 1, Rule.R6, 64, 9);
      argmax(list, dtype, Regime.TIES, 0, Rule.R6, 65, 33);
      argmax(list, dtype, Regime.TIES, 1, Rule.R6, 3, 65, 5);
    }
    for (DType dtype : Dtypes.INTEGERS) {
      argmax(list, dtype, Regime.UNIFORM, 1, Rule.R6, 5, 129);
      argmax(list, dtype, Regime.TIES, 0, Rule.R6, 129, 5);
    }
    Source allNan = Source.cycleReals(Double.NaN);
    list.graph(
        "argmax",
        "f32",
        "3x17",
        "dim=1,all-nan",
        g -> g.out(g.ops.argmax(g.in(allNan, DType.F32, 3, 17), 1)),
        Rule.R6);
  }

  private static void argmax(
      CaseList list, DType dtype, Regime regime, int dim, Rule rule, long... sizes) {
    list.graph(
        "argmax",
        dtype.text(),
        Dtypes.shape(sizes),
        "dim=" + dim + "," + regime.text(),
        g -> g.out(g.ops.argmax(g.in(regime, dtype, sizes), dim)),
        rule);
  }

  private static void topks(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      for (long n : Grid.FEW) {
        topk(list, dtype, n, 1, Regime.NORMAL, 5, n);
      }
      for (long k : new long[] {0, 1, 2, 8, 40, 64}) {
        topk(list, dtype, k, 1, Regime.NORMAL, 7, 64);
      }
      topk(list, dtype, 65, 1, Regime.TIES, 9, 65);
      topk(list, dtype, 5, 1, Regime.NANS, 33, 17);
      topk(list, dtype, 17, 1, Regime.NANS, 33, 17);
      topk(list, dtype, 17, 1, Regime.INFINITE, 33, 17);
      topk(list, dtype, 3, 0, Regime.TIES, 65, 5);
      topk(list, dtype, 20, 1, Regime.TIES, 2, 33, 3);
      topk(list, dtype, 130, 1, Regime.TIES, 3, 257);
      topk(list, dtype, 40, 1, Regime.TIES, 2, 1057);
      topk(list, dtype, 257, 1, Regime.NORMAL, 2, 257);
    }
    for (DType dtype : Dtypes.INTEGERS) {
      topk(list, dtype, 9, 1, Regime.UNIFORM, 5, 129);
      topk(list, dtype, 33, 1, Regime.TIES, 5, 33);
    }
    topk(list, DType.F32, 50, 1, Regime.NORMAL, 2, 4099);
  }

  private static void topk(
      CaseList list, DType dtype, long k, int dim, Regime regime, long... sizes) {
    list.graph(
        "topk",
        dtype.text(),
        Dtypes.shape(sizes),
        "k=" + k + ",dim=" + dim + "," + regime.text(),
        g -> {
          List<Value> both = g.ops.topk(g.in(regime, dtype, sizes), k, dim);
          g.out(both.get(0), both.get(1));
        },
        Rule.R6);
  }
}
