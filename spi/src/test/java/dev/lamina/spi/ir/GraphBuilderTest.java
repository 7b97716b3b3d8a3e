package dev.lamina.spi.ir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class GraphBuilderTest {
  private static final Dim.Sym T = Dim.sym("T", 1, 64);

  private final Ops g = new Ops("test");
  private final Value x = g.tensor("x", TensorType.of(DType.F32, T, Dim.of(8)));
  private final Value i = g.tensor("i", TensorType.of(DType.I32, T));

  private static void refused(ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(GraphException.class).hasMessage(message);
  }

  private Value f32(String name, long... sizes) {
    return g.tensor(name, TensorType.of(DType.F32, sizes));
  }

  @Test
  void arity_isChecked() {
    refused(
        () -> g.add(new CoreOp.Binary(CoreOp.BinaryKind.ADD), x),
        "binary: expected 2 operands, got 1 [f32[T,8]]");
  }

  @Test
  void equalShapes_areChecked() {
    Value y = f32("y", 4, 8);
    refused(() -> g.add(x, y), "binary: expected two operands like f32[T,8], got f32[4,8]");
  }

  @Test
  void dtypes_areChecked() {
    refused(
        () -> g.unary(CoreOp.UnaryKind.EXP, i),
        "unary: expected a dtype that EXP takes, got i32[T]");
    refused(
        () -> g.binary(CoreOp.BinaryKind.SHL, x, x),
        "binary: expected a dtype that SHL takes, got f32[T,8]");
    refused(() -> g.gather(x, x, 0), "gather: expected i32 or i64 indices, got f32[T,8]");
    refused(() -> g.matmul(i, i, true, DType.F32), "matmul: expected floats, got i32[T], i32[T]");
  }

  @Test
  void select_needsABoolOfTheShape() {
    refused(() -> g.select(x, x, x), "select: expected bool[T,8], got f32[T,8]");
  }

  @Test
  void view_needsAsManyElements() {
    refused(
        () -> g.view(x, T, Dim.of(9)), "view: expected as many elements as f32[T,8], got [T,9]");
  }

  @Test
  void expand_repeatsOnlyAxesOfOne() {
    refused(
        () -> g.expand(x, Shape.of(T, Dim.of(16))),
        "expand: expected axis 1 of f32[T,8] to be 1 or equal, got [T,16]");
  }

  @Test
  void permute_needsAPermutation() {
    refused(() -> g.permute(x, 0, 0), "permute: expected a permutation of 2 axes, got [0, 0]");
  }

  @Test
  void slice_staysInside() {
    refused(
        () -> g.slice(x, 1, 4, Dim.of(5)),
        "slice: expected a box inside axis 1 of f32[T,8], got end 9");
  }

  @Test
  void concat_needsConstantAxes() {
    refused(() -> g.concat(0, x, x), "concat: expected a constant axis 0, got f32[T,8]");
  }

  @Test
  void reduceAxes_areAscending() {
    refused(
        () -> g.reduce(CoreOp.ReduceKind.SUM, x, 1, 0),
        "reduce: expected ascending axes of f32[T,8], got [1, 0]");
    refused(() -> g.argmax(x, 2), "argmax: expected an axis of [T,8], got 2");
  }

  @Test
  void topk_staysInside() {
    refused(() -> g.topk(x, 9, 1), "topk: expected 0 <= k <= 8, got 9");
  }

  @Test
  void matmul_needsEqualInnerSizes() {
    Value w = f32("w", 4, 7);
    refused(
        () -> g.matmul(x, w, true, DType.F32),
        "matmul: expected equal batch axes and K, got f32[T,8], f32[4,7]");
  }

  @Test
  void scatter_needsUpdatesOfTheRows() {
    refused(
        () -> g.scatter(CoreOp.ScatterKind.SET, x, i, f32("u", 3, 8), 0),
        "scatter: expected updates f32[T,8], got f32[3,8]");
  }

  @Test
  void loopBody_mustCarryTheSameTypes() {
    Ops body = new Ops("body");
    body.tensor("n", TensorType.of(DType.I32, Shape.SCALAR));
    Value inner = body.tensor("x", x.tensor());
    body.output("x", body.cast(inner, DType.F16));
    Graph graph = body.build();
    refused(
        () -> g.loop(Dim.of(2), 1, graph, List.of(x)),
        "loop: expected body output of type f32[T,8], got f16[T,8]");
  }

  @Test
  void blockedTensors_areForWeightsOnly() {
    Value q = g.weight("q", TensorType.blocked(QuantFormat.Q8_0, Shape.of(4, 32)));
    refused(
        () -> g.cast(q, DType.F32), "cast: expected a plain tensor as operand 0, got q8_0[4,32]");
    refused(
        () -> TensorType.blocked(QuantFormat.Q4_0, Shape.of(4, 40)),
        "tensor type: expected u8 with a last dim that is a multiple of 32 for q4_0, got"
            + " u8[4,40]");
  }

  @Test
  void composites_nameWhatTheyExpect() {
    refused(
        () -> g.rmsNorm(x, f32("w", 7), 1e-5, false),
        "rms_norm: expected a float vector of 8, got f32[7]");
    CompositeOp.Rope odd = new CompositeOp.Rope(CompositeOp.RopeStyle.NEOX, 5, 1, List.of());
    refused(
        () -> g.rope(odd, f32("q", 1, 2, 8), f32("p", 1, 1), f32("f", 2)),
        "rope: expected even rotaryDims of at most 8, got 5");
    refused(
        () -> g.gatedActivation(CompositeOp.Gate.SWIGLU, x, f32("up", 2, 8)),
        "gated_activation: expected gate and up alike, got f32[T,8], f32[2,8]");
    refused(
        () -> g.add(new CompositeOp.ApplyBitmask(), x, x),
        "apply_bitmask: expected u32[T,1], got f32[T,8]");
    refused(
        () -> g.addAll(new CompositeOp.Logprobs(9), List.of(x, i)),
        "logprobs: expected 0 <= k <= vocabulary, got 9");
  }

  @Test
  void queryHeads_comeInWholeGroups() {
    Value kv = g.state(pool());
    Value ones = g.tensor("ones", TensorType.of(DType.I32, 1));
    Value two = g.tensor("two", TensorType.of(DType.I32, 2));
    Value table = g.tensor("table", TensorType.of(DType.I32, 1, 1));
    CompositeOp.PagedAttention op =
        new CompositeOp.PagedAttention(0, 1, true, 0, 0, 0, false, false);
    refused(
        () -> g.pagedAttention(op, f32("q", 1, 3, 4), kv, two, ones, table),
        "paged_attention: expected query heads in groups over 2 KV heads, got f32[1,3,4]");
    refused(
        () -> g.stateExport(kv, "k", 1, ones),
        "state kv: expected an entry 'k' of layer 1, the pool has none");
    refused(
        () -> g.stateExport(x, "k", 0, ones),
        "state_export: expected a state as operand 0, got f32[T,8]");
  }

  private static StateSpec pool() {
    return new StateSpec(
        "kv",
        1,
        Dim.of(4),
        List.of(
            new StateSpec.Entry("k", 0, DType.F32, List.of(2, 4)),
            new StateSpec.Entry("v", 0, DType.F32, List.of(2, 4))));
  }

  @Test
  void supersededState_isNotReadAgain() {
    Value kv = g.state(pool());
    Value slots = g.tensor("slots", TensorType.of(DType.I32, 1));
    Value next = g.stateCopy(kv, slots, slots);
    refused(
        () -> g.stateExport(kv, "k", 0, slots),
        "state_export: state %2: state<kv> was written already; use its successor");
    refused(g::build, "graph test: state 'kv' is written but not returned");
    g.output("kv", next);
    assertThat(g.build().outputs().getFirst().sharesInput()).isEqualTo(2);
  }

  @Test
  void staleState_isNotReturned() {
    Value kv = g.state(pool());
    Value slots = g.tensor("slots", TensorType.of(DType.I32, 1));
    g.stateCopy(kv, slots, slots);
    refused(
        () -> g.output("kv", kv),
        "graph test: output 'kv' returns %2: state<kv>, which was written already; return its"
            + " successor");
  }

  @Test
  void valueOfAnotherGraph_isRefused() {
    Ops other = new Ops("other");
    refused(
        () -> other.unary(CoreOp.UnaryKind.NEG, x),
        "unary: operand %0: f32[T,8] is not of graph other");
    refused(
        () -> other.output("y", x), "graph other: output 'y' (%0: f32[T,8]) is not of this graph");
  }

  @Test
  void names_areUnique() {
    refused(() -> f32("x", 1), "graph test: a second input named 'x'");
    g.output("y", x);
    refused(() -> g.output("y", i), "graph test: a second output named 'y'");
  }

  @Test
  void sharedStorage_needsAnInputOfTheType() {
    refused(
        () -> g.output("y", x, 1),
        "graph test: output 'y' (%0: f32[T,8]) may share only an input of its type, not input 1");
    refused(
        () -> g.output("y", x, 2),
        "graph test: output 'y' (%0: f32[T,8]) may share only an input of its type, not input 2");
  }

  @Test
  void symbol_hasOneRangeInAGraph() {
    g.tensor("y", TensorType.of(DType.F32, Dim.sym("T", 1, 65)));
    refused(g::build, "dim T: expected one range in a graph, got 1..64 and 1..65");
  }

  @Test
  void experts_areChecked() {
    Value logits = g.tensor("logits", TensorType.of(DType.F32, T, Dim.of(12)));
    Value ids = g.tensor("ids", TensorType.of(DType.I32, T, Dim.of(3)));
    refused(
        () -> g.moeRoute(route(2, 5, 1), logits, null),
        "moe_route: expected groups that divide 12 experts, got 5");
    refused(
        () -> g.moeRoute(route(2, 4, 5), logits, null),
        "moe_route: expected 1 to 4 groups to stay, got 5");
    refused(
        () -> g.moeRoute(route(7, 4, 2), logits, null),
        "moe_route: expected 1 to 6 experts a token, got 7");
    refused(
        () -> g.moeRoute(route(2, 12, 2), logits, null),
        "moe_route: expected groups of at least 2 experts to sum two keys, got 1");
    refused(
        () ->
            g.moeLinear(x, g.weight("w", TensorType.of(DType.F32, 12, 5, 7)), ids, null, DType.F32),
        "moe_linear: expected x[T, 7] or x[T, 3, 7], got f32[T,8]");
    refused(
        () -> g.moeLinear(x, logits, ids, null, DType.F32),
        "moe_linear: expected plain float or blocked w[E, N, K], got f32[T,12]");
    refused(
        () ->
            g.moeLinear(
                x, g.weight("v", TensorType.of(DType.F32, 12, 5, 8)), logits, null, DType.F32),
        "moe_linear: expected ids i32[T, k], got f32[T,12]");
  }

  @Test
  void latents_areChecked() {
    StateSpec.Entry latent = new StateSpec.Entry("latent", 0, DType.F32, List.of(1, 8));
    StateSpec.Entry two = new StateSpec.Entry("latent", 1, DType.F32, List.of(2, 8));
    Value pool = g.state(new StateSpec("kv", 16, Dim.of(64), List.of(latent, two)));
    Value cu = g.tensor("cu", TensorType.of(DType.I32, 3));
    Value lens = g.tensor("lens", TensorType.of(DType.I32, 2));
    Value table = g.tensor("table", TensorType.of(DType.I32, 2, 4));
    Value narrow = g.tensor("narrow", TensorType.of(DType.F32, T, Dim.of(4), Dim.of(7)));
    Value q = g.tensor("q", TensorType.of(DType.F32, T, Dim.of(4), Dim.of(8)));
    CompositeOp.MlaAttention op = new CompositeOp.MlaAttention(0, 6, 1);
    refused(
        () -> g.mlaAttention(op, narrow, pool, cu, lens, table),
        "mla_attention: expected q[.., .., 8], got f32[T,4,7]");
    refused(
        () -> g.mlaAttention(new CompositeOp.MlaAttention(0, 9, 1), q, pool, cu, lens, table),
        "mla_attention: expected a rank of 1 to 8, got 9");
    refused(
        () -> g.mlaAttention(new CompositeOp.MlaAttention(1, 6, 1), q, pool, cu, lens, table),
        "mla_attention: expected an entry [1, width], got " + two);
    refused(
        () -> g.mlaAttention(op, q, pool, cu, lens, lens),
        "mla_attention: expected blockTable i32[S, P], got i32[2]");
    refused(
        () ->
            g.mlaAttention(
                new CompositeOp.MlaAttention(0, 6, 1, true), q, pool, cu, lens, table, table),
        "mla_attention: expected select i32[T, k], got i32[2,4]");
    refused(
        () -> g.indexTopk(new CompositeOp.IndexTopk(0, 3, 1), q, q, pool, cu, lens, table),
        "index_topk: expected f32[T,4], got f32[T,4,8]");
  }

  private static CompositeOp.MoeRoute route(int k, int groups, int stay) {
    return new CompositeOp.MoeRoute(
        k,
        CompositeOp.RouteScore.SIGMOID,
        false,
        groups,
        stay,
        CompositeOp.GroupScore.TOP2_SUM,
        true,
        1);
  }
}
