package dev.lamina.spi.ir;

import static dev.lamina.spi.ir.Rules.arity;
import static dev.lamina.spi.ir.Rules.is;
import static dev.lamina.spi.ir.Rules.isFloat;
import static dev.lamina.spi.ir.Rules.need;
import static dev.lamina.spi.ir.Rules.state;
import static dev.lamina.spi.ir.Rules.tensor;

import java.util.ArrayList;
import java.util.List;

/** Shape and dtype rules of the composites. */
final class CompositeRules {
  private CompositeRules() {}

  static List<ValueType> infer(CompositeOp op, List<ValueType> in) {
    return switch (op) {
      case CompositeOp.RmsNorm o -> norm(o, in, o.weighted() ? 1 : 0);
      case CompositeOp.LayerNorm o -> norm(o, in, o.biased() ? 2 : 1);
      case CompositeOp.Rope o -> rope(o, in);
      case CompositeOp.GatedActivation o -> {
        arity(op, in, 2);
        TensorType gate = tensor(op, in, 0);
        TensorType up = tensor(op, in, 1);
        isFloat(op, gate);
        need(op, gate.equals(up), "gate and up alike", gate + ", " + up);
        yield List.of(up);
      }
      case CompositeOp.Linear o -> linear(o, in);
      case CompositeOp.MoeRoute o -> ExpertRules.route(o, in);
      case CompositeOp.MoeLinear o -> ExpertRules.linear(o, in);
      case CompositeOp.Embedding o -> embedding(o, in);
      case CompositeOp.KvAppend o -> kvAppend(o, in);
      case CompositeOp.PagedAttention o -> pagedAttention(o, in);
      case CompositeOp.MlaAttention o -> LatentRules.attention(o, in);
      case CompositeOp.IndexTopk o -> LatentRules.topk(o, in);
      case CompositeOp.StateCopy o -> {
        arity(op, in, 3);
        TensorType src = tensor(op, in, 1);
        need(op, src.dtype() == DType.I32 && src.shape().rank() == 1, "i32[N] sources", src);
        is(op, tensor(op, in, 2), DType.I32, src.shape().dim(0));
        yield List.of(state(op, in, 0));
      }
      case CompositeOp.StateExport o -> {
        arity(op, in, 2);
        TensorType slots = tensor(op, in, 1);
        need(op, slots.dtype() == DType.I32 && slots.shape().rank() == 1, "i32[N] slots", slots);
        yield List.of(slotsOf(state(op, in, 0).spec().entry(o.entry(), o.layer()), slots));
      }
      case CompositeOp.StateImport o -> {
        arity(op, in, 3);
        TensorType slots = tensor(op, in, 2);
        need(op, slots.dtype() == DType.I32 && slots.shape().rank() == 1, "i32[N] slots", slots);
        StateType pool = state(op, in, 0);
        TensorType want = slotsOf(pool.spec().entry(o.entry(), o.layer()), slots);
        need(op, tensor(op, in, 1).equals(want), want.toString(), in.get(1));
        yield List.of(pool);
      }
      case CompositeOp.CausalConv1d o -> RecurrentRules.causalConv1d(o, in);
      case CompositeOp.GatedDelta o -> RecurrentRules.gatedDelta(o, in);
      case CompositeOp.SsdScan o -> RecurrentRules.ssdScan(o, in);
      case CompositeOp.Penalties o -> penalties(o, in);
      case CompositeOp.ApplyBitmask o -> {
        arity(op, in, 2);
        TensorType logits = logits(op, in);
        long words = (vocab(op, logits) + 31) / 32;
        is(op, tensor(op, in, 1), DType.U32, logits.shape().dim(0), Dim.of(words));
        yield List.of(logits);
      }
      case CompositeOp.Sample o -> sample(o, in);
      case CompositeOp.Logprobs o -> {
        arity(op, in, 2);
        TensorType logits = logits(op, in);
        Dim rows = logits.shape().dim(0);
        is(op, tensor(op, in, 1), DType.I32, rows);
        need(op, o.k() >= 0 && o.k() <= vocab(op, logits), "0 <= k <= vocabulary", o.k());
        yield List.of(
            TensorType.of(DType.F32, rows),
            TensorType.of(DType.F32, rows, Dim.of(o.k())),
            TensorType.of(DType.I32, rows, Dim.of(o.k())));
      }
    };
  }

  private static List<ValueType> norm(Op op, List<ValueType> in, int vectors) {
    arity(op, in, 1 + vectors);
    TensorType x = tensor(op, in, 0);
    isFloat(op, x);
    need(op, x.shape().rank() >= 1, "at least one axis", x);
    for (int i = 1; i <= vectors; i++) {
      TensorType w = tensor(op, in, i);
      boolean fits = w.dtype().isFloat() && w.shape().equals(Shape.of(x.shape().dim(-1)));
      need(op, fits, "a float vector of " + x.shape().dim(-1), w);
    }
    return List.of(TensorType.of(x.dtype(), x.shape()));
  }

  private static List<ValueType> rope(CompositeOp.Rope o, List<ValueType> in) {
    arity(o, in, 3);
    TensorType x = tensor(o, in, 0);
    TensorType positions = tensor(o, in, 1);
    isFloat(o, x);
    need(o, x.shape().rank() == 3, "x[T, heads, headDim]", x);
    boolean even = o.rotaryDims() > 0 && o.rotaryDims() % 2 == 0;
    boolean inside = o.rotaryDims() <= x.shape().dim(2).lowerBound();
    need(o, even && inside, "even rotaryDims of at most " + x.shape().dim(2), o.rotaryDims());
    boolean rows =
        positions.dtype() == DType.I32
            && positions.shape().rank() == 2
            && positions.shape().dim(1).equals(x.shape().dim(0));
    need(o, rows, "positions i32[sections, " + x.shape().dim(0) + "]", positions);
    is(o, tensor(o, in, 2), DType.F32, Dim.of(o.rotaryDims() / 2));
    if (!o.sections().isEmpty()) {
      int pairs = o.sections().stream().mapToInt(Integer::intValue).sum();
      boolean fits =
          pairs == o.rotaryDims() / 2
              && positions.shape().dim(0).equals(Dim.of(o.sections().size()));
      need(o, fits, "sections that sum to " + o.rotaryDims() / 2 + " and one row each", positions);
    }
    return List.of(TensorType.of(x.dtype(), x.shape()));
  }

  private static TensorType weight(Op op, List<ValueType> in, int i) {
    if (in.get(i) instanceof TensorType w
        && w.shape().rank() == 2
        && (w.isBlocked() || w.dtype().isFloat())) {
      return w;
    }
    throw new GraphException(
        op.mnemonic() + ": expected a plain float or blocked matrix, got " + in.get(i));
  }

  private static List<ValueType> linear(CompositeOp.Linear o, List<ValueType> in) {
    arity(o, in, o.biased() ? 3 : 2);
    TensorType x = tensor(o, in, 0);
    TensorType w = weight(o, in, 1);
    isFloat(o, x);
    need(o, o.out().isFloat(), "a float result", o.out());
    int rank = x.shape().rank();
    boolean fits = rank >= 1 && x.shape().dim(-1).equals(w.shape().dim(1));
    need(o, fits, "x[.., " + w.shape().dim(1) + "] for w" + w.shape(), x);
    if (o.biased()) {
      TensorType b = tensor(o, in, 2);
      boolean biasFits = b.dtype().isFloat() && b.shape().equals(Shape.of(w.shape().dim(0)));
      need(o, biasFits, "a float bias of " + w.shape().dim(0), b);
    }
    return List.of(TensorType.of(o.out(), x.shape().with(rank - 1, w.shape().dim(0))));
  }

  private static List<ValueType> embedding(CompositeOp.Embedding o, List<ValueType> in) {
    arity(o, in, 2);
    TensorType ids = tensor(o, in, 0);
    TensorType table = weight(o, in, 1);
    need(o, ids.dtype() == DType.I32 && ids.shape().rank() == 1, "i32[T] ids", ids);
    need(o, o.out().isFloat(), "a float result", o.out());
    return List.of(TensorType.of(o.out(), ids.shape().dim(0), table.shape().dim(1)));
  }

  private static List<ValueType> kvAppend(CompositeOp.KvAppend o, List<ValueType> in) {
    arity(o, in, 4);
    StateType pool = state(o, in, 0);
    TensorType k = tensor(o, in, 1);
    TensorType v = tensor(o, in, 2);
    TensorType slots = tensor(o, in, 3);
    need(o, slots.dtype() == DType.I32 && slots.shape().rank() == 1, "i32[T] slots", slots);
    for (TensorType x : List.of(k, v)) {
      TensorType want = slotsOf(pool.spec().entry(x == k ? "k" : "v", o.layer()), slots);
      isFloat(o, x);
      need(o, x.shape().equals(want.shape()), "k and v as " + want.shape(), x);
    }
    return List.of(pool);
  }

  private static TensorType slotsOf(StateSpec.Entry entry, TensorType slots) {
    List<Dim> dims = new ArrayList<>(slots.shape().dims());
    entry.shape().forEach(d -> dims.add(Dim.of(d)));
    return TensorType.of(entry.dtype(), new Shape(dims));
  }

  private static List<ValueType> pagedAttention(CompositeOp.PagedAttention o, List<ValueType> in) {
    arity(o, in, 5 + (o.sinks() ? 1 : 0) + (o.alibi() ? 1 : 0));
    TensorType q = tensor(o, in, 0);
    StateType pool = state(o, in, 1);
    TensorType cu = tensor(o, in, 2);
    TensorType lens = tensor(o, in, 3);
    TensorType table = tensor(o, in, 4);
    isFloat(o, q);
    need(o, q.shape().rank() == 3, "q[T, heads, headDim]", q);
    StateSpec.Entry k = pool.spec().entry("k", o.layer());
    StateSpec.Entry v = pool.spec().entry("v", o.layer());
    boolean kv = k.shape().size() == 2 && v.shape().size() == 2;
    need(o, kv && k.shape().getFirst().equals(v.shape().getFirst()), "[heads, width] entries", k);
    need(
        o,
        q.shape().dim(2).equals(Dim.of(k.shape().get(1))),
        "q[.., .., " + k.shape().get(1) + "]",
        q);
    boolean grouped =
        q.shape().dim(1) instanceof Dim.Const hq && hq.value() % k.shape().getFirst() == 0;
    need(o, grouped, "query heads in groups over " + k.shape().getFirst() + " KV heads", q);
    Rules.sequences(o, cu, lens, table);
    need(o, o.window() >= 0 && o.chunk() >= 0 && o.softcap() >= 0, "bounds of at least 0", o);
    for (int i = 5; i < in.size(); i++) {
      is(o, tensor(o, in, i), DType.F32, q.shape().dim(1));
    }
    return List.of(TensorType.of(q.dtype(), q.shape().with(2, Dim.of(v.shape().get(1)))));
  }

  private static TensorType logits(Op op, List<ValueType> in) {
    TensorType x = tensor(op, in, 0);
    need(op, x.dtype() == DType.F32 && x.shape().rank() == 2, "logits f32[R, V]", x);
    return x;
  }

  private static long vocab(Op op, TensorType logits) {
    need(op, logits.shape().dim(1) instanceof Dim.Const, "a constant vocabulary", logits);
    return logits.shape().dim(1).upperBound();
  }

  private static List<ValueType> penalties(CompositeOp.Penalties o, List<ValueType> in) {
    arity(o, in, 6);
    TensorType logits = logits(o, in);
    TensorType history = tensor(o, in, 1);
    Dim rows = logits.shape().dim(0);
    boolean fits =
        history.dtype() == DType.I32
            && history.shape().rank() == 2
            && history.shape().dim(0).equals(rows);
    need(o, fits, "history i32[R, L]", history);
    is(o, tensor(o, in, 2), DType.I32, rows);
    for (int i = 3; i < 6; i++) {
      is(o, tensor(o, in, i), DType.F32, rows);
    }
    return List.of(logits);
  }

  private static List<ValueType> sample(CompositeOp.Sample o, List<ValueType> in) {
    arity(o, in, 7);
    TensorType logits = logits(o, in);
    Dim rows = logits.shape().dim(0);
    DType[] kinds = {DType.F32, DType.I32, DType.F32, DType.F32, DType.I64, DType.I64};
    for (int i = 0; i < kinds.length; i++) {
      is(o, tensor(o, in, i + 1), kinds[i], rows);
    }
    return List.of(TensorType.of(DType.I32, rows));
  }
}
