package dev.lamina.spi.ir;

import java.util.ArrayList;
import java.util.List;

/** A graph that has every op at least once, loops with symbols in their bodies included. */
final class EveryOp {
  static final Dim.Sym T = Dim.sym("T", 1, 64);
  static final Dim.Sym S = Dim.sym("S", 1, 8);
  static final Dim.Sym S1 = Dim.sym("S1", 2, 9);
  static final Dim.Sym R = Dim.sym("R", 1, 8);
  static final Dim.Sym OFFSET = new Dim.Sym("offset", 0, 16, 4);

  private final Ops g = new Ops("every \"op\" \\ quoted");

  private EveryOp() {}

  static Graph graph() {
    EveryOp e = new EveryOp();
    e.elementwise();
    e.movement();
    e.folds();
    e.loops();
    e.layers();
    e.experts();
    e.pool();
    e.recurrentPool();
    e.sampling();
    return e.g.build();
  }

  private Value tensor(String name, DType dtype, Dim... dims) {
    return g.tensor(name, TensorType.of(dtype, dims));
  }

  private void keep(Value v) {
    g.output("out" + v.id(), v);
  }

  private void elementwise() {
    Value x = tensor("e.x", DType.F32, T, Dim.of(8));
    keep(g.add(x, g.fill(x.shape(), Scalar.f32(Double.NaN))));
    keep(g.fillLike(g.cast(x, DType.BF16), -0.5));
    for (CoreOp.UnaryKind kind : CoreOp.UnaryKind.values()) {
      if (kind != CoreOp.UnaryKind.NOT) {
        keep(g.unary(kind, x));
      }
    }
    for (CoreOp.CompareKind kind : CoreOp.CompareKind.values()) {
      Value p = g.compare(kind, x, x);
      keep(g.select(g.unary(CoreOp.UnaryKind.NOT, p), x, x));
    }
    Value i = tensor("e.i", DType.I64, T);
    for (CoreOp.BinaryKind kind : CoreOp.BinaryKind.values()) {
      keep(kind == CoreOp.BinaryKind.POW ? g.binary(kind, x, x) : g.binary(kind, i, i));
    }
    keep(g.add(i, g.fill(i.shape(), Scalar.integer(DType.I64, -1))));
    keep(g.add(new CoreOp.Cast(DType.I8, true), x));
  }

  private void movement() {
    Value x = tensor("m.x", DType.F16, T, Dim.of(2), Dim.of(8));
    Value at = tensor("m.at", DType.I32);
    keep(g.iota(Shape.of(T, Dim.of(3)), 1, DType.U16));
    keep(g.view(x, T, Dim.of(16)));
    keep(g.permute(x, 2, 0, 1));
    keep(g.broadcast(at, Shape.of(T, S)));
    keep(g.slice(x, 2, 4, Dim.of(2)));
    keep(g.sliceAt(x, 0, at, Dim.of(1)));
    List<Dim> start = List.of(OFFSET, Dim.of(0), Dim.of(1));
    List<Dim> size = List.of(Dim.of(1), Dim.of(2), Dim.of(4));
    keep(g.add(new CoreOp.Slice(start, size, List.of(1L, 1L, 2L), List.of()), x));
    keep(g.concat(1, x, x, g.slice(x, 1, 0, Dim.of(1))));
    keep(g.bitcast(x, DType.U8));
    keep(g.gather(x, tensor("m.rows", DType.I64, S, Dim.of(2)), 1));
    Value rows = tensor("m.slots", DType.I32, S);
    Value upd = tensor("m.upd", DType.F16, S, Dim.of(2), Dim.of(8));
    for (CoreOp.ScatterKind kind : CoreOp.ScatterKind.values()) {
      keep(g.scatter(kind, x, rows, upd, 0));
    }
    keep(g.update(x, upd, 0, 0, 0));
    keep(g.add(new CoreOp.Update(start, List.of(2)), x, upd, at));
    Value strided =
        g.tensor(
            "m.strided",
            new TensorType(DType.F32, Shape.of(2, 3), new Layout.Strided(List.of(1L, 0L))));
    keep(g.unary(CoreOp.UnaryKind.NEG, strided));
    keep(
        g.unary(
            CoreOp.UnaryKind.NEG,
            g.weight(
                "m.packed", new TensorType(DType.F32, Shape.of(2, 3), new Layout.Opaque("amx")))));
  }

  private void folds() {
    Value x = tensor("f.x", DType.F32, T, Dim.of(2), Dim.of(8));
    for (CoreOp.ReduceKind kind : CoreOp.ReduceKind.values()) {
      keep(g.reduce(kind, x, 0, 2));
    }
    keep(g.reduce(CoreOp.ReduceKind.SUM, x));
    keep(g.argmax(x, 1));
    for (CoreOp.ScanKind kind : CoreOp.ScanKind.values()) {
      keep(g.scan(kind, x, 2, kind == CoreOp.ScanKind.SUM));
    }
    keep(g.matmul(x, x, true, DType.BF16));
    g.topk(x, 3, 2).forEach(this::keep);
  }

  private void loops() {
    Value n = tensor("l.n", DType.I32);
    Value x = tensor("l.x", DType.F32, T);
    Ops inner = new Ops("inner");
    Value i = inner.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value carried = inner.tensor("x", x.tensor());
    Value scaled = inner.mul(carried, inner.broadcast(inner.cast(i, DType.F32), x.shape()));
    inner.output("x", scaled);
    Ops outer = new Ops("outer");
    outer.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value y = outer.tensor("x", x.tensor());
    Value count = outer.tensor("n", n.tensor());
    outer.output("x", outer.loop(null, 1, inner.build(), List.of(count, y)).getFirst());
    keep(g.loop(Dim.sym("repeats", 0, 4), 1, outer.build(), List.of(x, n)).getFirst());
    keep(g.loop(Dim.of(3), 1, outer.build(), List.of(x, n)).getFirst());
  }

  private void layers() {
    Value x = tensor("n.x", DType.F32, T, Dim.of(64));
    Value w = g.weight("n.w", TensorType.of(DType.BF16, 64));
    keep(g.rmsNorm(x, w, 1e-6, true));
    keep(g.layerNorm(x, w, null, 1.5));
    for (CompositeOp.Gate gate : CompositeOp.Gate.values()) {
      keep(g.gatedActivation(gate, x, x));
    }
    for (CompositeOp.RopeStyle style : CompositeOp.RopeStyle.values()) {
      CompositeOp.Rope rope = new CompositeOp.Rope(style, 8, 0.1 + 0.2, List.of(1, 3));
      Value q = g.view(x, T, Dim.of(4), Dim.of(16));
      Value positions = tensor("n.p" + style, DType.I32, Dim.of(2), T);
      keep(g.rope(rope, q, positions, tensor("n.f" + style, DType.F32, Dim.of(4))));
    }
    Value wide = tensor("n.wide", DType.F32, T, Dim.of(512));
    for (QuantFormat format : QuantFormat.values()) {
      Value q = g.weight("n." + format, TensorType.blocked(format, Shape.of(5, 512)));
      keep(g.linear(wide, q, null, DType.F16));
      keep(g.embedding(tensor("n.ids" + format, DType.I32, T), q, DType.F32));
    }
  }

  private void experts() {
    Value logits = tensor("x.logits", DType.F32, T, Dim.of(8));
    Value bias = g.weight("x.bias", TensorType.of(DType.BF16, 8));
    Value ids = tensor("x.ids", DType.I32, T, Dim.of(3));
    for (CompositeOp.RouteScore score : CompositeOp.RouteScore.values()) {
      for (CompositeOp.GroupScore group : CompositeOp.GroupScore.values()) {
        CompositeOp.MoeRoute op =
            new CompositeOp.MoeRoute(3, score, true, 4, 2, group, true, 0.1 + 0.2);
        g.moeRoute(op, logits, bias).forEach(this::keep);
      }
    }
    Value x = tensor("x.x", DType.F32, T, Dim.of(512));
    for (QuantFormat format : QuantFormat.values()) {
      Value w = g.weight("x." + format, TensorType.blocked(format, Shape.of(8, 5, 512)));
      keep(g.moeLinear(x, w, ids, null, DType.BF16));
    }
    Value each = tensor("x.each", DType.BF16, T, Dim.of(3), Dim.of(4));
    Value w = g.weight("x.w", TensorType.of(DType.BF16, 8, 5, 4));
    keep(g.moeLinear(each, w, ids, g.weight("x.b", TensorType.of(DType.BF16, 8, 5)), DType.F32));
  }

  private void pool() {
    StateSpec spec =
        new StateSpec(
            "kv.0",
            16,
            StepSlots.poolSlots("kv.0", 16),
            List.of(
                new StateSpec.Entry("k", 0, DType.F16, List.of(2, 8)),
                new StateSpec.Entry("v", 0, DType.F32, List.of(2, 4)),
                new StateSpec.Entry("latent", 1, DType.F32, List.of(1, 8)),
                new StateSpec.Entry("index", 1, DType.F16, List.of(1, 8))));
    Value kv = g.state(spec);
    Value slots = tensor("s.slots", DType.I32, T);
    Value k = tensor("s.k", DType.F32, T, Dim.of(2), Dim.of(8));
    Value v = tensor("s.v", DType.F32, T, Dim.of(2), Dim.of(4));
    kv = g.kvAppend(kv, 0, k, v, slots);
    List<Value> operands = new ArrayList<>();
    operands.add(tensor("s.q", DType.F32, T, Dim.of(4), Dim.of(8)));
    operands.add(kv);
    operands.add(tensor("s.cu", DType.I32, S1));
    operands.add(tensor("s.lens", DType.I32, S));
    operands.add(tensor("s.table", DType.I32, S, Dim.sym("P", 1, 4)));
    operands.add(tensor("s.sinks", DType.F32, Dim.of(4)));
    operands.add(tensor("s.alibi", DType.F32, Dim.of(4)));
    CompositeOp.PagedAttention op =
        new CompositeOp.PagedAttention(0, 0.125, true, 7, 32, 30, true, true);
    keep(g.pagedAttention(op, operands.toArray(Value[]::new)));
    Value[] latent = operands.subList(0, 5).toArray(Value[]::new);
    keep(g.mlaAttention(new CompositeOp.MlaAttention(1, 6, 0.5), latent));
    operands.add(1, tensor("s.w", DType.F32, T, Dim.of(4)));
    Value[] index = operands.subList(0, 6).toArray(Value[]::new);
    Value ids = g.indexTopk(new CompositeOp.IndexTopk(1, 3, 0.25), index);
    Value[] selected = {latent[0], latent[1], latent[2], latent[3], latent[4], ids};
    keep(g.mlaAttention(new CompositeOp.MlaAttention(1, 6, 0.5, true), selected));
    kv = g.stateCopy(kv, slots, slots);
    keep(g.stateExport(kv, "k", 0, slots));
    kv = g.stateImport(kv, "v", 0, v, slots);
    g.output("kv.0", kv);
  }

  private void recurrentPool() {
    StateSpec spec =
        new StateSpec(
            StepSlots.RECURRENT,
            1,
            StepSlots.poolSlots(StepSlots.RECURRENT, 1),
            List.of(
                new StateSpec.Entry("conv", 0, DType.BF16, List.of(3, 8)),
                new StateSpec.Entry("memory", 0, DType.F32, List.of(4, 8, 6)),
                new StateSpec.Entry("memory", 1, DType.F32, List.of(4, 8, 6))));
    Value pool = g.state(spec);
    Value reads = tensor("r.reads", DType.I32, S);
    Value writes = tensor("r.writes", DType.I32, S);
    Value cu = tensor("r.cu", DType.I32, S1);
    Value x = tensor("r.x", DType.F16, T, Dim.of(8));
    Value w = tensor("r.w", DType.F32, Dim.of(8), Dim.of(4));
    Value bias = tensor("r.bias", DType.F32, Dim.of(8));
    List<Value> y =
        g.causalConv1d(
            new CompositeOp.CausalConv1d("conv", 0, true, true),
            pool,
            x,
            w,
            reads,
            writes,
            cu,
            bias);
    keep(y.getFirst());
    Value keys = tensor("r.keys", DType.F32, T, Dim.of(2), Dim.of(8));
    Value values = tensor("r.values", DType.F32, T, Dim.of(4), Dim.of(6));
    Value heads = tensor("r.heads", DType.F32, T, Dim.of(4));
    CompositeOp.GatedDelta delta = new CompositeOp.GatedDelta("memory", 0, 0.5);
    y = g.gatedDelta(delta, y.get(1), keys, keys, values, heads, heads, reads, writes, cu);
    keep(y.getFirst());
    CompositeOp.SsdScan scan = new CompositeOp.SsdScan("memory", 1);
    Value rate = tensor("r.rate", DType.F32, Dim.of(4));
    y = g.ssdScan(scan, y.get(1), values, heads, rate, keys, keys, reads, writes, cu);
    keep(y.getFirst());
    g.output(StepSlots.RECURRENT, y.get(1));
  }

  private void sampling() {
    Value logits = tensor("p.logits", DType.F32, R, Dim.of(70));
    Value history = tensor("p.history", DType.I32, R, Dim.sym("L", 0, 99));
    Value floats = tensor("p.floats", DType.F32, R);
    Value ids = tensor("p.ids", DType.I32, R);
    Value longs = tensor("p.longs", DType.I64, R);
    Value mask = tensor("p.mask", DType.U32, R, Dim.of(3));
    keep(g.add(new CompositeOp.Penalties(), logits, history, ids, floats, floats, floats));
    keep(g.add(new CompositeOp.ApplyBitmask(), logits, mask));
    keep(g.add(new CompositeOp.Sample(), logits, floats, ids, floats, floats, longs, longs));
    g.addAll(new CompositeOp.Logprobs(5), List.of(logits, ids)).forEach(this::keep);
    g.output("shared", g.unary(CoreOp.UnaryKind.EXP, logits), ordinal("p.logits"));
  }

  private int ordinal(String name) {
    List<Graph.Input> inputs = g.build().inputs();
    for (int i = 0; i < inputs.size(); i++) {
      if (inputs.get(i).name().equals(name)) {
        return i;
      }
    }
    throw new AssertionError(name);
  }
}
