package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.ExpertOracle;
import dev.lamina.conformance.oracle.LayerOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import dev.lamina.spi.ir.CompositeOp.MoeRoute;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.stream.IntStream;

/** Choice of experts, with ties, groups and biases, and projections by the chosen. */
final class ExpertCases {
  private static final Dim T = Dim.sym("T", 0, 4096);
  private static final RefTensor NONE = RefTensor.exact(DType.F32, new long[] {0}, new long[0]);

  /** Logits of which no two pairs of scores have the same sum. */
  private static final double[] FEW = {-1, -0.3, 0.2, 0.9, 1.7};

  private ExpertCases() {}

  static void addTo(CaseList list) {
    for (RouteScore score : RouteScore.values()) {
      for (boolean biased : new boolean[] {false, true}) {
        for (boolean normalised : new boolean[] {false, true}) {
          double scale = normalised ? 2.5 : 1;
          route(list, 8, new MoeRoute(2, score, biased, 1, 1, GroupScore.MAX, normalised, scale));
          for (GroupScore by : GroupScore.values()) {
            route(list, 24, new MoeRoute(5, score, biased, 4, 2, by, normalised, scale));
          }
        }
        route(list, 1, new MoeRoute(1, score, biased, 1, 1, GroupScore.MAX, false, 1));
        route(list, 6, new MoeRoute(6, score, biased, 1, 1, GroupScore.MAX, true, 1));
        route(list, 160, new MoeRoute(8, score, biased, 8, 3, GroupScore.MAX, true, 16));
      }
      far(list, score);
    }
    for (DType dtype : Dtypes.FLOATS) {
      linear(list, dtype, dtype, new int[] {7, 2, 33, 19}, 5, Choices.ANY, false, true);
      linear(list, dtype, dtype, new int[] {1, 3, 65, 40}, 6, Choices.ANY, true, false);
      linear(list, DType.F32, dtype, new int[] {40, 2, 48, 35}, 4, Choices.PADDED, false, true);
      linear(list, DType.F32, dtype, new int[] {19, 3, 64, 24}, 9, Choices.ALL_ON_ONE, true, true);
      linear(
          list, DType.F32, dtype, new int[] {70, 2, 40, 33}, 8, Choices.SOME_EMPTY, false, false);
    }
    linear(list, DType.F32, DType.F32, new int[] {0, 2, 16, 8}, 3, Choices.ANY, false, true);
    linear(list, DType.F32, DType.F32, new int[] {5, 1, 16, 8}, 1, Choices.ANY, true, false);
    for (QuantFormat format : QuantFormat.values()) {
      int block = Math.max(32, format.elements());
      quantised(list, format, new int[] {6, 2, 2 * block, 18}, 5);
      quantised(list, format, new int[] {35, 2, block, 9}, 3);
    }
    for (QuantFormat format : QuantCases.PLAIN) {
      // More than one tile of the decomposition, the last one ragged.
      quantised(list, format, new int[] {2, 2, 65536, 9}, 2);
    }
  }

  private static void route(CaseList list, int experts, MoeRoute op) {
    for (boolean ties : new boolean[] {false, true}) {
      list.composite(
          "moe_route",
          "f32",
          Dtypes.shape(9, experts),
          attributes(op) + (ties ? ",ties" : ""),
          g -> {
            Source source =
                ties ? Source.reals(r -> () -> FEW[r.nextInt(FEW.length)]) : Regime.NORMAL;
            // Groups are chosen by the bias alone in some tokens, by the scores in others.
            Source biases = ties ? Source.cycleReals(0.25, 0.25, -1) : Regime.UNIFORM;
            RefTensor bias = op.biased() ? g.make(biases, DType.F32, experts) : NONE;
            RefTensor logits = g.make(source, DType.F32, 9, experts);
            while (!ExpertOracle.isDecided(op, logits, bias)) {
              logits = g.make(source, DType.F32, 9, experts);
            }
            List<Value> y =
                g.ops.moeRoute(
                    op, g.tensor(logits, T, Dim.of(experts)), op.biased() ? g.weight(bias) : null);
            List<RefTensor> expected = ExpertOracle.route(op, logits, bias);
            g.out(y.get(0), expected.get(0));
            g.out(y.get(1), expected.get(1));
          },
          Rule.R1,
          Rule.R6);
    }
  }

  private static String attributes(MoeRoute op) {
    String name = op.score().name().toLowerCase(java.util.Locale.ROOT) + ",k=" + op.k();
    name += op.biased() ? ",bias" : "";
    name += op.groups() == 1 ? "" : ",groups=" + op.topkGroups() + "of" + op.groups();
    name += op.groups() > 1 && op.groupScore() == GroupScore.TOP2_SUM ? ",top2" : "";
    return name + (op.normalised() ? ",normalised" : "") + (op.scale() == 1 ? "" : ",scaled");
  }

  /** Scores that are all alike in F32, and far apart, where logits still tell. */
  private static void far(CaseList list, RouteScore score) {
    MoeRoute op = new MoeRoute(3, score, false, 1, 1, GroupScore.MAX, true, 1);
    for (double shift : new double[] {100, -100}) {
      list.composite(
          "moe_route",
          "f32",
          Dtypes.shape(5, 12),
          attributes(op) + ",around=" + (int) shift,
          g -> {
            Source source = Source.reals(r -> () -> shift + r.nextInt(-30, 30));
            RefTensor logits = g.make(source, DType.F32, 5, 12);
            List<Value> y = g.ops.moeRoute(op, g.tensor(logits, T, Dim.of(12)), null);
            List<RefTensor> expected = ExpertOracle.route(op, logits, NONE);
            g.out(y.get(0), expected.get(0));
            g.out(y.get(1), expected.get(1));
          },
          Rule.R1,
          Rule.R6);
    }
  }

  /** Which experts the tokens of a case have. */
  private enum Choices {
    /** Any, the last one among them. */
    ANY,
    /** Any, and places without an expert. */
    PADDED,
    /** One expert in the middle for all. */
    ALL_ON_ONE,
    /** Two or three of them, others in between have no token. */
    SOME_EMPTY;

    Source source(int experts) {
      return switch (this) {
        case ANY ->
            Source.integers(r -> {
              int[] i = {0};
              return () -> i[0]++ == 0 ? experts - 1 : r.nextInt(experts);
            });
        case PADDED -> Source.between(-2, experts);
        case ALL_ON_ONE -> Source.cycle(experts / 2);
        case SOME_EMPTY ->
            Source.integers(r -> () -> 1 + 3 * r.nextInt(Math.ceilDiv(experts, 3) - 1));
      };
    }
  }

  /** Sizes are T, k, K, N. */
  private static void linear(
      CaseList list,
      DType dtype,
      DType stored,
      int[] sizes,
      int experts,
      Choices choices,
      boolean own,
      boolean biased) {
    int k = sizes[1];
    int depth = sizes[2];
    int width = sizes[3];
    list.composite(
        "moe_linear",
        dtype.text(),
        Dtypes.shape(IntStream.of(sizes).asLongStream().toArray()),
        "w=%s,experts=%d,%s%s%s"
            .formatted(
                stored.text(),
                experts,
                choices.name().toLowerCase(java.util.Locale.ROOT),
                own ? ",own" : "",
                biased ? ",bias" : ""),
        g -> {
          RefTensor ids = g.make(choices.source(experts), DType.I32, sizes[0], k);
          RefTensor x =
              own
                  ? g.make(Regime.NORMAL, dtype, sizes[0], k, depth)
                  : g.make(Regime.NORMAL, dtype, sizes[0], depth);
          RefTensor w = g.make(Regime.OUTLIERS, stored, experts, width, depth);
          RefTensor b = biased ? g.make(Regime.LARGE, stored, experts, width) : NONE;
          Value in = own ? g.tensor(x, T, Dim.of(k), Dim.of(depth)) : g.tensor(x, T, Dim.of(depth));
          Value y =
              g.ops.moeLinear(
                  in, g.weight(w), g.tensor(ids, T, Dim.of(k)), biased ? g.weight(b) : null, dtype);
          g.out(y, ExpertOracle.linear(dtype, x, w, ids, b));
        },
        Rule.R2,
        Rule.R8);
  }

  private static void quantised(CaseList list, QuantFormat format, int[] sizes, int experts) {
    long k = sizes[1];
    long depth = sizes[2];
    long width = sizes[3];
    list.composite(
        "moe_linear",
        "f32",
        Dtypes.shape(IntStream.of(sizes).asLongStream().toArray()),
        "w=%s,experts=%d".formatted(format.text(), experts),
        g -> {
          RefTensor ids = g.make(Source.between(-1, experts), DType.I32, sizes[0], k);
          RefTensor x = g.make(Regime.NORMAL, DType.F32, sizes[0], depth);
          long rowBytes = depth / format.elements() * format.bytes();
          RefTensor bytes = g.make(Source.blocks(format), DType.U8, experts * width, rowBytes);
          RefTensor rows = LayerOracle.decode(format, bytes, experts * width, depth);
          long[] shape = {experts, width, depth};
          RefTensor w = rows.pick(shape, IntStream.range(0, rows.count()).toArray());
          RefTensor b = g.make(Regime.NORMAL, DType.F32, experts, width);
          Value y =
              g.ops.moeLinear(
                  g.tensor(x, T, Dim.of(depth)),
                  g.blocked(format, bytes, shape),
                  g.tensor(ids, T, Dim.of(k)),
                  g.weight(b),
                  DType.F32);
          g.out(y, ExpertOracle.linear(DType.F32, x, w, ids, b));
        },
        Rule.R2);
  }
}
