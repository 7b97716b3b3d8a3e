package dev.lamina.conformance.cases;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The ops of a model that work row by row, wide enough to be cut into tiles. */
final class RowOps {
  /** Longer than a vector and its tail, shorter than a tile of many kernels. */
  private static final int WIDTH = 259;

  private static final int VOCAB = 131;
  private static final List<DType> PLAIN = List.of(DType.F32, DType.F16, DType.BF16);

  private RowOps() {}

  /**
   * One of them.
   *
   * @param op the op
   * @param dtype of the rows
   * @param attrs what sets it apart, or {@code -}
   * @param exact whether the numeric rules leave no bit free, whatever the batch
   * @param body writes the graph and its content
   */
  record Kind(String op, DType dtype, String attrs, boolean exact, Consumer<RowOp> body) {
    RowOp make(long seed) {
      RowOp rows = new RowOp(op, seed);
      body.accept(rows);
      return rows;
    }

    @Override
    public String toString() {
      return attrs.equals("-") ? op : op + "," + attrs;
    }
  }

  /** All of them. */
  static List<Kind> all() {
    List<Kind> kinds = new ArrayList<>();
    for (DType dtype : PLAIN) {
      products(kinds, dtype);
      norms(kinds, dtype);
      folds(kinds, dtype);
    }
    quantised(kinds);
    sampling(kinds);
    return List.copyOf(kinds);
  }

  private static void products(List<Kind> kinds, DType dtype) {
    kinds.add(
        new Kind(
            "matmul",
            dtype,
            "-",
            false,
            g -> {
              Value a = g.rows(Regime.NORMAL, dtype, WIDTH);
              g.out(g.ops.matmul(a, g.weight(Regime.NORMAL, dtype, WIDTH, 70), false, DType.F32));
            }));
    kinds.add(
        new Kind(
            "linear",
            dtype,
            "bias",
            false,
            g -> {
              Value x = g.rows(Regime.OUTLIERS, dtype, WIDTH);
              Value w = g.weight(Regime.NORMAL, dtype, 70, WIDTH);
              g.out(g.ops.linear(x, w, g.weight(Regime.NORMAL, dtype, 70), dtype));
            }));
    kinds.add(
        new Kind(
            "linear",
            DType.F32,
            "w=" + dtype.text(),
            false,
            g -> {
              Value x = g.rows(Regime.NORMAL, DType.F32, 512);
              g.out(g.ops.linear(x, g.weight(Regime.NORMAL, dtype, 96, 512), null, DType.F32));
            }));
    kinds.add(
        new Kind(
            "moe_linear",
            dtype,
            "bias",
            false,
            g -> {
              Value x = g.rows(Regime.NORMAL, dtype, WIDTH);
              Value ids = g.rows(Source.between(-1, 5), DType.I32, 2);
              Value w = g.weight(Regime.NORMAL, dtype, 5, 70, WIDTH);
              g.out(g.ops.moeLinear(x, w, ids, g.weight(Regime.NORMAL, dtype, 5, 70), dtype));
            }));
  }

  private static void quantised(List<Kind> kinds) {
    for (QuantFormat format : QuantCases.PLAIN) {
      kinds.add(
          new Kind(
              "linear",
              DType.F32,
              "w=" + format.text(),
              false,
              g -> {
                Value x = g.rows(Regime.NORMAL, DType.F32, 256);
                g.out(g.ops.linear(x, g.blocked(format, 70, 256), null, DType.F32));
              }));
    }
    kinds.add(
        new Kind(
            "embedding",
            DType.F32,
            "-",
            true,
            g -> {
              Value ids = g.rows(Source.between(-1, 40), DType.I32);
              g.out(g.ops.embedding(ids, g.weight(Regime.NORMAL, DType.BF16, 40, 33), DType.F32));
            }));
  }

  private static void norms(List<Kind> kinds, DType dtype) {
    kinds.add(
        new Kind(
            "rms_norm",
            dtype,
            "-",
            false,
            g -> {
              Value x = g.rows(Regime.OUTLIERS, dtype, WIDTH);
              g.out(g.ops.rmsNorm(x, g.weight(Regime.NORMAL, dtype, WIDTH), 1e-5, false));
            }));
    kinds.add(
        new Kind(
            "layer_norm",
            dtype,
            "-",
            false,
            g -> {
              Value x = g.rows(Regime.OUTLIERS, dtype, WIDTH);
              g.out(g.ops.layerNorm(x, g.weight(Regime.NORMAL, dtype, WIDTH), null, 1e-5));
            }));
    for (CompositeOp.RopeStyle style : CompositeOp.RopeStyle.values()) {
      CompositeOp.Rope op = new CompositeOp.Rope(style, 32, 1, List.of());
      kinds.add(
          new Kind(
              "rope",
              dtype,
              style.toString(),
              false,
              g -> {
                Value x = g.rows(Regime.NORMAL, dtype, 3, 40);
                Value positions = g.positions(Source.between(0, 5000));
                g.out(g.ops.rope(op, x, positions, g.weight(Regime.UNIFORM, DType.F32, 16)));
              }));
    }
    kinds.add(
        new Kind(
            "gated_activation",
            dtype,
            "-",
            false,
            g -> {
              Value x = g.rows(Regime.NORMAL, dtype, WIDTH);
              Value up = g.rows(Regime.NORMAL, dtype, WIDTH);
              for (CompositeOp.Gate gate : CompositeOp.Gate.values()) {
                g.out(g.ops.gatedActivation(gate, x, up));
              }
            }));
  }

  private static void folds(List<Kind> kinds, DType dtype) {
    kinds.add(
        new Kind(
            "reduce",
            dtype,
            "-",
            false,
            g -> {
              Value x = g.rows(Regime.OUTLIERS, dtype, WIDTH);
              g.out(g.ops.reduce(CoreOp.ReduceKind.SUM, x, 1));
              g.out(g.ops.scan(CoreOp.ScanKind.SUM, x, 1, false));
            }));
    kinds.add(
        new Kind(
            "select",
            dtype,
            "order",
            true,
            g -> {
              Value x = g.rows(Regime.TIES, dtype, WIDTH);
              g.out(g.ops.reduce(CoreOp.ReduceKind.MAX, x, 1), g.ops.argmax(x, 1));
              g.out(g.ops.topk(x, 9, 1).toArray(Value[]::new));
              g.out(g.ops.add(g.ops.mul(x, x), x));
            }));
    kinds.add(
        new Kind(
            "softmax", dtype, "-", false, g -> g.out(softmax(g, g.rows(Regime.LARGE, dtype, 67)))));
  }

  /** A softmax of core ops over the last of two axes. */
  static Value softmax(RowOp g, Value x) {
    Shape shape = x.shape();
    Value max = g.ops.broadcast(g.ops.reduce(CoreOp.ReduceKind.MAX, x, 1), shape, 0);
    Value p = g.ops.unary(CoreOp.UnaryKind.EXP, g.ops.sub(x, max));
    Value sum = g.ops.broadcast(g.ops.reduce(CoreOp.ReduceKind.SUM, p, 1), shape, 0);
    return g.ops.div(p, sum);
  }

  private static void sampling(List<Kind> kinds) {
    kinds.add(
        new Kind(
            "logprobs",
            DType.F32,
            "-",
            false,
            g -> {
              Value logits = g.rows(Regime.NORMAL, DType.F32, VOCAB);
              Value ids = g.rows(Source.between(0, VOCAB), DType.I32);
              List<Value> y = g.ops.addAll(new CompositeOp.Logprobs(5), List.of(logits, ids));
              g.out(y.toArray(Value[]::new));
            }));
    kinds.add(
        new Kind(
            "sample",
            DType.F32,
            "-",
            false,
            g -> {
              Value logits = g.rows(Regime.NORMAL, DType.F32, VOCAB);
              Value temperature = g.rows(Source.cycleReals(0, 1, 0.7, 1.5), DType.F32);
              Value topK = g.rows(Source.cycle(0, 40, 3), DType.I32);
              Value topP = g.rows(Source.cycleReals(1, 0.9, 0.5, 0.2, 1), DType.F32);
              Value minP = g.rows(Source.cycleReals(0, 0, 0.05), DType.F32);
              Value seed = g.rows(Regime.UNIFORM, DType.I64);
              Value position = g.rows(Source.between(0, 1L << 40), DType.I64);
              g.out(
                  g.ops.add(
                      new CompositeOp.Sample(),
                      logits,
                      temperature,
                      topK,
                      topP,
                      minP,
                      seed,
                      position));
            }));
    kinds.add(
        new Kind(
            "penalties",
            DType.F32,
            "-",
            false,
            g -> {
              Value logits = g.rows(Regime.NORMAL, DType.F32, VOCAB);
              Value history = g.rows(Source.between(-1, VOCAB), DType.I32, 9);
              Value prompt = g.rows(Source.between(0, 9), DType.I32);
              Value presence = g.rows(Regime.UNIFORM, DType.F32);
              Value frequency = g.rows(Regime.UNIFORM, DType.F32);
              Value repetition = g.rows(Source.cycleReals(1, 1.3, 0.8), DType.F32);
              Value y =
                  g.ops.add(
                      new CompositeOp.Penalties(),
                      logits,
                      history,
                      prompt,
                      presence,
                      frequency,
                      repetition);
              Value mask = g.rows(Regime.WIDE, DType.U32, (VOCAB + 31) / 32);
              g.out(y, g.ops.add(new CompositeOp.ApplyBitmask(), y, mask));
            }));
  }
}
