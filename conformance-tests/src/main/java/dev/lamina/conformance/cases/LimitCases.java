package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.LayerOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Beyond what a kernel may have been written for: more rows, axes, heads, elements or ids than 16
 * bits number, nothing at all, NaN.
 */
final class LimitCases {
  /** More ids than 16 bits number. */
  static final int MANY = 70001;

  private static final Dim T = Dim.sym("T", 0, 4096);
  private static final Dim B = Dim.sym("B", 0, 64);
  private static final RefTensor NONE = RefTensor.exact(DType.F32, new long[] {0}, new long[0]);

  private LimitCases() {}

  static void addCoreTo(CaseList list) {
    indices(list);
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      argmax(list, dtype, 2, MANY);
      argmax(list, dtype, 130, 17);
      topk(list, dtype, 40, 2, MANY);
      topk(list, dtype, 5, 130, 33);
      sums(list, dtype, 3, MANY);
      sums(list, dtype, 1030, 7);
      list.graph(
          "matmul",
          dtype.text(),
          "17x3x9x5",
          "batch,many",
          g ->
              g.out(
                  g.ops.matmul(
                      g.in(Regime.NORMAL, dtype, 17, 3, 9),
                      g.in(Regime.NORMAL, dtype, 17, 9, 5),
                      false,
                      DType.F32)),
          Rule.R2);
      list.graph(
          "concat",
          dtype.text(),
          "28x5",
          "dim=0,seven",
          g -> {
            Value[] parts = new Value[7];
            for (int i = 0; i < 7; i++) {
              parts[i] = g.in(Regime.NORMAL, dtype, i + 1, 5);
            }
            g.out(g.ops.concat(0, parts));
          },
          Rule.STRUCTURE);
    }
  }

  /** Standard normal, and one large number at a place of each row that 16 bits don't reach. */
  static Source peaked(int width) {
    return Source.reals(random -> {
      int[] at = {0};
      return () -> {
        int i = at[0]++;
        boolean peak = i % width == width - 1 - 3 * (i / width % 9 + 1);
        return peak ? 9 : random.nextGaussian();
      };
    });
  }

  private static void argmax(CaseList list, DType dtype, int rows, int width) {
    list.graph(
        "argmax",
        dtype.text(),
        Dtypes.shape(rows, width),
        "dim=1,peaked",
        g -> g.out(g.ops.argmax(g.in(peaked(width), dtype, rows, width), 1)),
        Rule.R6);
  }

  private static void topk(CaseList list, DType dtype, int k, int rows, int width) {
    list.graph(
        "topk",
        dtype.text(),
        Dtypes.shape(rows, width),
        "k=" + k + ",dim=1,peaked",
        g -> {
          List<Value> both = g.ops.topk(g.in(peaked(width), dtype, rows, width), k, 1);
          g.out(both.get(0), both.get(1));
        },
        Rule.R6);
  }

  private static void sums(CaseList list, DType dtype, int rows, int width) {
    list.graph(
        "reduce_sum",
        dtype.text(),
        Dtypes.shape(rows, width),
        "dims=1,many",
        g ->
            g.out(
                g.ops.reduce(CoreOp.ReduceKind.SUM, g.in(Regime.POSITIVE, dtype, rows, width), 1)),
        Rule.R2);
    list.graph(
        "scan_sum",
        dtype.text(),
        Dtypes.shape(rows, width),
        "dim=1,many",
        g ->
            g.out(
                g.ops.scan(CoreOp.ScanKind.SUM, g.in(Regime.NORMAL, dtype, rows, width), 1, false)),
        Rule.R2);
  }

  /** Rows beyond 2^15 and 2^16; negative 64-bit indices whose low word is a row. */
  private static void indices(CaseList list) {
    Source far = Source.cycle(MANY - 1, 32768, 65536, 0, -1, 65535, 32767, 1 - MANY);
    Source low = Source.cycle(3, 2 - (1L << 32), -1, -(1L << 40), 5, 1 - (1L << 33));
    for (DType dtype : List.of(DType.F32, DType.U8)) {
      for (DType index : List.of(DType.I32, DType.I64)) {
        index(list, dtype, index, MANY, far, "far");
      }
      index(list, dtype, DType.I64, 9, low, "negative-low-words");
    }
  }

  private static void index(
      CaseList list, DType dtype, DType index, int rows, Source source, String name) {
    String attrs = "dim=0,idx=" + index.text() + "," + name;
    list.graph(
        "gather",
        dtype.text(),
        Dtypes.shape(rows, 3),
        attrs,
        g -> g.out(g.ops.gather(g.in(Regime.UNIFORM, dtype, rows, 3), g.in(source, index, 6), 0)),
        Rule.R8);
    list.graph(
        "scatter_set",
        dtype.text(),
        Dtypes.shape(rows, 3),
        attrs,
        g ->
            g.out(
                g.ops.scatter(
                    CoreOp.ScatterKind.SET,
                    g.in(Regime.UNIFORM, dtype, rows, 3),
                    g.in(source, index, 6),
                    g.in(Regime.UNIFORM, dtype, 6, 3),
                    0)),
        Rule.R8);
  }

  static void addCompositesTo(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      Source zeros = Source.cycleReals(0);
      norms(list, dtype, dtype, "three-axes", Regime.NORMAL, 3, 5, 48);
      norms(list, dtype, dtype, "nans", Regime.NANS, 9, 5);
      norms(list, dtype, dtype, "zeros", zeros, 3, 33);
      norms(list, dtype, dtype, "empty", Regime.NORMAL, 0, 33);
      gates(list, dtype, "three-axes", Regime.NORMAL, 3, 5, 48);
      gates(list, dtype, "nans", Regime.NANS, 9, 33);
      gates(list, dtype, "empty", Regime.NORMAL, 0, 33);
      gates(list, dtype, "wide", Regime.NORMAL, 2, 1500);
      gates(list, dtype, "many", Regime.NORMAL, 130, 9);
      ropes(list, dtype);
      linears(list, dtype);
      embeddings(list, dtype);
      if (dtype != DType.F32) {
        norms(list, dtype, DType.F32, "f32-weights", Regime.NORMAL, 3, 65);
      }
      norms(list, dtype, dtype, "wide", Regime.NORMAL, 1, 16411);
    }
    for (QuantFormat format : QuantCases.PLAIN) {
      quantised(list, format);
    }
  }

  /** The first axis is a symbol, the others are constant. */
  private static Value rows(CompositeSpec g, RefTensor x) {
    Dim[] dims = new Dim[x.rank()];
    dims[0] = T;
    for (int i = 1; i < dims.length; i++) {
      dims[i] = Dim.of(x.size(i));
    }
    return g.tensor(x, dims);
  }

  private static void norms(
      CaseList list, DType dtype, DType weights, String name, Source source, long... sizes) {
    long d = sizes[sizes.length - 1];
    list.composite(
        "rms_norm",
        dtype.text(),
        Dtypes.shape(sizes),
        name,
        g -> {
          RefTensor x = g.make(source, dtype, sizes);
          RefTensor w = g.make(Regime.NORMAL, weights, d);
          CompositeOp.RmsNorm op = new CompositeOp.RmsNorm(1e-5, false, true);
          g.out(g.ops.rmsNorm(rows(g, x), g.weight(w), 1e-5, false), LayerOracle.rmsNorm(op, x, w));
        },
        Rule.R1,
        Rule.R3);
    list.composite(
        "layer_norm",
        dtype.text(),
        Dtypes.shape(sizes),
        name,
        g -> {
          RefTensor x = g.make(source, dtype, sizes);
          RefTensor w = g.make(Regime.NORMAL, weights, d);
          RefTensor b = g.make(Regime.NORMAL, weights, d);
          CompositeOp.LayerNorm op = new CompositeOp.LayerNorm(1e-5, true);
          g.out(
              g.ops.layerNorm(rows(g, x), g.weight(w), g.weight(b), 1e-5),
              LayerOracle.layerNorm(op, x, w, b));
        },
        Rule.R1,
        Rule.R3);
  }

  private static void gates(CaseList list, DType dtype, String name, Source source, long... sizes) {
    for (CompositeOp.Gate gate : CompositeOp.Gate.values()) {
      list.composite(
          "gated_activation",
          dtype.text(),
          Dtypes.shape(sizes),
          gate + "," + name,
          g -> {
            RefTensor x = g.make(source, dtype, sizes);
            RefTensor up = g.make(source, dtype, sizes);
            g.out(
                g.ops.gatedActivation(gate, rows(g, x), rows(g, up)),
                LayerOracle.gated(gate, x, up));
          },
          Rule.R1,
          Rule.R3);
    }
  }

  private static void ropes(CaseList list, DType dtype) {
    for (CompositeOp.RopeStyle style : CompositeOp.RopeStyle.values()) {
      rope(list, dtype, style, "empty", Regime.NORMAL, 0, 3, 16);
      rope(list, dtype, style, "nans", Regime.NANS, 5, 3, 16);
      rope(list, dtype, style, "many", Regime.NORMAL, 130, 20, 8);
      rope(list, dtype, style, "wide", Regime.NORMAL, 3, 2, 256);
    }
  }

  private static void rope(
      CaseList list,
      DType dtype,
      CompositeOp.RopeStyle style,
      String name,
      Source source,
      int tokens,
      int heads,
      int d) {
    CompositeOp.Rope op = new CompositeOp.Rope(style, d, 1, List.of());
    list.composite(
        "rope",
        dtype.text(),
        Dtypes.shape(tokens, heads, d),
        style + "," + name,
        g -> {
          RefTensor x = g.make(source, dtype, tokens, heads, d);
          RefTensor positions = g.make(Source.between(0, 5000), DType.I32, 1, tokens);
          RefTensor freqs = g.make(Regime.UNIFORM, DType.F32, d / 2);
          Value y = g.ops.rope(op, rows(g, x), g.tensor(positions, Dim.of(1), T), g.weight(freqs));
          g.out(y, LayerOracle.rope(op, x, positions, freqs));
        },
        Rule.R1,
        Rule.R3);
  }

  private static void linears(CaseList list, DType dtype) {
    for (boolean biased : new boolean[] {false, true}) {
      String bias = biased ? ",bias" : "";
      linear(list, dtype, "three-axes" + bias, Regime.NORMAL, biased, T, Dim.of(3), 5, 3, 33);
      linear(list, dtype, "two-symbols" + bias, Regime.NORMAL, biased, T, B, 5, 3, 33);
      linear(list, dtype, "constant" + bias, Regime.NORMAL, biased, Dim.of(5), Dim.of(3), 5, 3, 33);
    }
    linear(list, dtype, "nans", Regime.NANS, true, 9, 33);
    linear(list, dtype, "infinite", Regime.INFINITE, false, 9, 33);
    linear(list, dtype, "many", Regime.NORMAL, false, 130, 33);
    linear(list, dtype, "many", Regime.NORMAL, true, 65, 40);
  }

  private static void linear(
      CaseList list, DType dtype, String name, Source source, boolean biased, long m, long k) {
    linear(list, dtype, name, source, biased, T, null, m, 0, k);
  }

  private static void linear(
      CaseList list,
      DType dtype,
      String name,
      Source source,
      boolean biased,
      Dim first,
      @org.jspecify.annotations.Nullable Dim second,
      long m,
      long middle,
      long k) {
    long[] sizes = second == null ? new long[] {m, k} : new long[] {m, middle, k};
    list.composite(
        "linear",
        dtype.text(),
        Dtypes.shape(sizes) + "." + Dtypes.shape(17, k),
        name,
        g -> {
          RefTensor x = g.make(source, dtype, sizes);
          RefTensor w = g.make(Regime.NORMAL, dtype, 17, k);
          RefTensor b = biased ? g.make(Regime.NORMAL, dtype, 17) : NONE;
          Value in =
              second == null
                  ? g.tensor(x, first, Dim.of(k))
                  : g.tensor(x, first, second, Dim.of(k));
          Value y = g.ops.linear(in, g.weight(w), biased ? g.weight(b) : null, DType.F32);
          g.out(y, LayerOracle.linear(DType.F32, x, w, b));
        },
        Rule.R2,
        Rule.R3);
  }

  private static void quantised(CaseList list, QuantFormat format) {
    for (DType dtype : Dtypes.FLOATS) {
      quantised(list, format, dtype, dtype, false, 5, 3, 96, 20);
      quantised(list, format, dtype, DType.F32, true, 3, 0, 160, 33);
      quantised(list, format, dtype, dtype, true, 1, 0, 224, 33);
    }
    quantised(list, format, DType.F32, DType.F32, false, 65, 0, 64, 20);
    quantised(list, format, DType.F32, DType.F32, true, 130, 0, 32, 9);
    quantised(list, format, DType.F32, DType.F32, false, 1, 0, 64, 1100);
    quantised(list, format, DType.F32, DType.F32, true, 9, 0, 96, 700);
    quantised(list, format, DType.F32, DType.F32, false, 0, 0, 96, 7);
    list.composite(
        "embedding",
        format.text(),
        Dtypes.shape(0, 5, 64),
        "empty",
        g -> {
          RefTensor bytes =
              g.make(Source.blocks(format), DType.U8, 5, 64L / format.elements() * format.bytes());
          RefTensor ids = g.make(Source.cycle(0), DType.I32, 0);
          Value y = g.ops.embedding(g.tensor(ids, T), g.blocked(format, bytes, 5, 64), DType.F32);
          RefTensor table = LayerOracle.decode(format, bytes, 5, 64);
          g.out(y, LayerOracle.embedding(DType.F32, ids, table));
        },
        Rule.R8);
  }

  /** A middle axis of 0 stands for none. */
  private static void quantised(
      CaseList list,
      QuantFormat format,
      DType dtype,
      DType out,
      boolean biased,
      long m,
      long middle,
      long k,
      long n) {
    long[] sizes = middle == 0 ? new long[] {m, k} : new long[] {m, middle, k};
    list.composite(
        "linear",
        dtype.text(),
        Dtypes.shape(sizes) + "." + Dtypes.shape(n, k),
        "limit,w=" + format.text() + ",out=" + out.text() + (biased ? ",bias" : ""),
        g -> {
          RefTensor x = g.make(Regime.NORMAL, dtype, sizes);
          RefTensor bytes =
              g.make(Source.blocks(format), DType.U8, n, k / format.elements() * format.bytes());
          RefTensor w = LayerOracle.decode(format, bytes, n, k);
          RefTensor b = biased ? g.make(Regime.NORMAL, DType.F32, n) : NONE;
          Value weight = g.blocked(format, bytes, n, k);
          Value y = g.ops.linear(rows(g, x), weight, biased ? g.weight(b) : null, out);
          g.out(y, LayerOracle.linear(out, x, w, b));
        },
        Rule.R2);
  }

  private static void embeddings(CaseList list, DType stored) {
    embedding(
        list, stored, "far", Regime.NORMAL, MANY, Source.cycle(MANY - 1, 65536, 32768, -1, 0), 6);
    embedding(list, stored, "nans", Regime.NANS, 33, Source.between(-1, 33), 70);
    embedding(list, stored, "empty", Regime.NORMAL, 5, Source.cycle(0), 0);
  }

  private static void embedding(
      CaseList list, DType stored, String name, Regime regime, long rows, Source wanted, long n) {
    list.composite(
        "embedding",
        stored.text(),
        Dtypes.shape(n, rows, 3),
        name,
        g -> {
          RefTensor ids = g.make(wanted, DType.I32, n);
          RefTensor table = g.make(regime, stored, rows, 3);
          Value y = g.ops.embedding(g.tensor(ids, T), g.weight(table), DType.F32);
          g.out(y, LayerOracle.embedding(DType.F32, ids, table));
        },
        Rule.R8);
  }
}
