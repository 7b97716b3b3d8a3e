package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.AttentionOracle;
import dev.lamina.conformance.oracle.FloatCodec;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.State;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A few sequences whose queries, keys and values are fixed, and attention over any batch of their
 * spans: in any order, cut anywhere, on any pages, with anything in the slots nobody owns.
 */
final class AttentionProbe implements AutoCloseable {
  /** Slots of a page. */
  static final int PAGE = 16;

  /** Pages of the pool. */
  static final int PAGES = 16;

  private static final int SLOTS = PAGES * PAGE;
  private static final int HEADS = 6;
  private static final int KV_HEADS = 2;
  private static final RefTensor NONE = RefTensor.exact(DType.F32, new long[] {0}, new long[0]);

  /** Query rows {@code from} to {@code to} of a sequence that has {@code to} positions by then. */
  record Span(int sequence, int from, int to) {}

  /** Where the sequences lie: a row of pages each, and the bits of all other slots. */
  record Placement(int[][] pages, long filler) {}

  private final CompositeOp.PagedAttention op;
  private final int[] lengths;
  private final RefTensor[] q;
  private final RefTensor[] k;
  private final RefTensor[] v;
  private final RefTensor sinks;
  private final RefTensor alibi;
  private final Evaluation evaluation;
  private final State pool;

  /**
   * What the sequences hold.
   *
   * @param op the masks
   * @param lengths positions of each sequence
   * @param query makes queries
   * @param key makes keys
   */
  record Content(CompositeOp.PagedAttention op, int[] lengths, Source query, Source key) {}

  AttentionProbe(Device device, Content content, CompileOptions options, Random random)
      throws BackendException {
    this.op = content.op();
    this.lengths = content.lengths();
    int n = lengths.length;
    q = new RefTensor[n];
    k = new RefTensor[n];
    v = new RefTensor[n];
    for (int s = 0; s < n; s++) {
      q[s] = content.query().make(DType.F32, new long[] {lengths[s], HEADS, 16}, random);
      k[s] = content.key().make(DType.F32, new long[] {lengths[s], KV_HEADS, 16}, random);
      v[s] = Regime.NORMAL.make(DType.F32, new long[] {lengths[s], KV_HEADS, 8}, random);
    }
    sinks = Regime.NORMAL.make(DType.F32, new long[] {HEADS}, random);
    alibi = Regime.UNIFORM.make(DType.F32, new long[] {HEADS}, random);
    StateSpec spec = spec();
    evaluation = new Evaluation(device, graph(spec).build(), options);
    pool = evaluation.newPool(spec, SLOTS);
    evaluation.pool("kv", pool);
    if (op.sinks()) {
      evaluation.weight("sinks", sinks);
    }
    if (op.alibi()) {
      evaluation.weight("alibi", alibi);
    }
  }

  private static StateSpec spec() {
    return new StateSpec(
        "kv",
        PAGE,
        new Dim.Sym("slots.kv", PAGE, 1 << 20, PAGE),
        List.of(
            new StateSpec.Entry("k", 0, DType.F32, List.of(KV_HEADS, 16)),
            new StateSpec.Entry("v", 0, DType.F32, List.of(KV_HEADS, 8))));
  }

  /** Fills the whole pool, then attends. */
  private Ops graph(StateSpec spec) {
    Ops g = new Ops("attend");
    Value state = g.state(spec);
    Value slots = g.tensor("slots", TensorType.of(DType.I32, SLOTS));
    for (StateSpec.Entry e : spec.entries()) {
      long width = e.shape().get(1);
      Value x = g.tensor(e.name(), TensorType.of(DType.F32, SLOTS, KV_HEADS, width));
      state = g.stateImport(state, e.name(), 0, x, slots);
    }
    Dim s = Dim.sym("S", 0, 64);
    Dim t = Dim.sym("T", 0, 4096);
    List<Value> operands = new ArrayList<>();
    operands.add(g.tensor("q", TensorType.of(DType.F32, t, Dim.of(HEADS), Dim.of(16))));
    operands.add(state);
    operands.add(g.tensor("cu", TensorType.of(DType.I32, Dim.sym("S1", 1, 65))));
    operands.add(g.tensor("lens", TensorType.of(DType.I32, s)));
    operands.add(g.tensor("table", TensorType.of(DType.I32, s, Dim.sym("P", 1, 64))));
    if (op.sinks()) {
      operands.add(g.weight("sinks", TensorType.of(DType.F32, HEADS)));
    }
    if (op.alibi()) {
      operands.add(g.weight("alibi", TensorType.of(DType.F32, HEADS)));
    }
    g.output("y", g.pagedAttention(op, operands.toArray(Value[]::new)));
    g.output("kv", state);
    return g;
  }

  /** Every sequence from its first position to its last, in order. */
  List<Span> whole() {
    List<Span> spans = new ArrayList<>();
    for (int s = 0; s < lengths.length; s++) {
      spans.add(new Span(s, 0, lengths[s]));
    }
    return spans;
  }

  /** Pages in order, zeros elsewhere. */
  Placement plain() {
    return placed(0, null);
  }

  /** Pages in random order, or in order without random numbers. */
  Placement placed(long filler, @Nullable Random random) {
    List<Integer> free = new ArrayList<>();
    for (int p = 0; p < PAGES; p++) {
      free.add(p);
    }
    if (random != null) {
      Collections.shuffle(free, random);
    }
    int[][] pages = new int[lengths.length][];
    int at = 0;
    for (int s = 0; s < lengths.length; s++) {
      pages[s] = new int[(lengths[s] + PAGE - 1) / PAGE];
      for (int i = 0; i < pages[s].length; i++) {
        pages[s][i] = free.get(at++);
      }
    }
    return new Placement(pages, filler);
  }

  /** The bits of a NaN. */
  static long nan() {
    return FloatCodec.of(DType.F32).nanBits();
  }

  /** What the op is asked, by input name. */
  private Map<String, RefTensor> tensors(List<Span> spans, Placement placement) {
    Map<String, RefTensor> t = new LinkedHashMap<>();
    long[] slots = new long[SLOTS];
    Arrays.setAll(slots, i -> i);
    t.put("slots", RefTensor.exact(DType.I32, new long[] {SLOTS}, slots));
    t.put("k", stored(k, placement));
    t.put("v", stored(v, placement));
    long[] cu = new long[spans.size() + 1];
    long[] lens = new long[spans.size()];
    int width = 1;
    for (int[] row : placement.pages) {
      width = Math.max(width, row.length);
    }
    long[] table = new long[spans.size() * width];
    Arrays.fill(table, -1);
    for (int i = 0; i < spans.size(); i++) {
      Span span = spans.get(i);
      cu[i + 1] = cu[i] + span.to - span.from;
      lens[i] = span.to;
      int[] row = placement.pages[span.sequence];
      for (int p = 0; p < row.length; p++) {
        table[i * width + p] = row[p];
      }
    }
    t.put("q", queries(spans, (int) cu[spans.size()]));
    t.put("cu", RefTensor.exact(DType.I32, new long[] {cu.length}, cu));
    t.put("lens", RefTensor.exact(DType.I32, new long[] {lens.length}, lens));
    t.put("table", RefTensor.exact(DType.I32, new long[] {lens.length, width}, table));
    return t;
  }

  private RefTensor queries(List<Span> spans, int rows) {
    RefTensor.Builder out = new RefTensor.Builder(DType.F32, rows, HEADS, 16);
    int at = 0;
    for (Span span : spans) {
      for (int i = span.from * HEADS * 16; i < span.to * HEADS * 16; i++) {
        out.copy(at++, q[span.sequence], i);
      }
    }
    return out.build();
  }

  private RefTensor stored(RefTensor[] content, Placement placement) {
    int width = content[0].size(1) * content[0].size(2);
    RefTensor.Builder out =
        new RefTensor.Builder(DType.F32, SLOTS, content[0].size(1), content[0].size(2));
    for (int i = 0; i < out.count(); i++) {
      out.exact(i, placement.filler);
    }
    for (int s = 0; s < content.length; s++) {
      for (int i = 0; i < content[s].count(); i++) {
        int position = i / width;
        int slot = placement.pages[s][position / PAGE] * PAGE + position % PAGE;
        out.copy(slot * width + i % width, content[s], i);
      }
    }
    return out.build();
  }

  /** One tensor {@code [rows, heads, 8]}, spans in the given order. */
  RefTensor attend(List<Span> spans, Placement placement) throws BackendException {
    return evaluation.run(tensors(spans, placement)).getFirst();
  }

  /** The same by the oracle, with bounds. */
  RefTensor oracle(List<Span> spans) {
    Map<String, RefTensor> t = tensors(spans, plain());
    return new AttentionOracle(
            op,
            PAGE,
            required(t, "q"),
            required(t, "k"),
            required(t, "v"),
            required(t, "cu"),
            required(t, "lens"),
            required(t, "table"),
            sinks,
            alibi)
        .attend();
  }

  private static RefTensor required(Map<String, RefTensor> t, String name) {
    return Objects.requireNonNull(t.get(name), name);
  }

  /** First output row of a sequence's position among the rows of {@link #whole}. */
  int row(int sequence, int position) {
    int row = position;
    for (int s = 0; s < sequence; s++) {
      row += lengths[s];
    }
    return row;
  }

  @Override
  public void close() {
    evaluation.close();
    pool.close();
  }
}
