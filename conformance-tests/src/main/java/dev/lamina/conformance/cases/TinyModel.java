package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A dense model of two layers with random weights: embedding, norms, grouped-query attention over
 * pages with rotary embedding, gated feed-forward, head. Gives logits of every row.
 */
final class TinyModel implements AutoCloseable {
  /** Tokens it knows. */
  static final int VOCAB = 97;

  private static final int LAYERS = 2;
  private static final int HIDDEN = 64;
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int HEAD = 16;
  private static final int INNER = 96;
  private static final int PAGE = 16;
  private static final Dim T = Dim.sym("T", 1, 4096);

  /** Positions {@code from} to {@code to} of a sequence, all of whose earlier ones ran before. */
  record Span(int sequence, int from, int to) {}

  private final Ops g = new Ops("tiny");
  private final Random random;
  private final @Nullable QuantFormat format;
  private final DType stored;
  private final Map<String, RefTensor> weights = new LinkedHashMap<>();
  private final int[][] tokens;
  private final Device device;
  private final Evaluation evaluation;
  private final StateSpec spec = pool();

  /**
   * Compiles a model.
   *
   * @param device where
   * @param stored dtype of the weights
   * @param format of the projections, or null for plain ones
   * @param lengths tokens of each sequence
   * @param options guarantees
   * @param seed of weights and tokens
   */
  TinyModel(
      Device device,
      DType stored,
      @Nullable QuantFormat format,
      int[] lengths,
      CompileOptions options,
      long seed)
      throws BackendException {
    this.device = device;
    this.stored = stored;
    this.format = format;
    this.random = new Random(seed);
    tokens = new int[lengths.length][];
    for (int s = 0; s < lengths.length; s++) {
      tokens[s] = random.ints(lengths[s], 0, VOCAB).toArray();
    }
    evaluation = new Evaluation(device, graph(), options);
    try {
      for (var w : weights.entrySet()) {
        evaluation.weight(w.getKey(), w.getValue());
      }
    } catch (BackendException | RuntimeException e) {
      evaluation.close();
      throw e;
    }
  }

  private static StateSpec pool() {
    List<StateSpec.Entry> entries = new ArrayList<>();
    for (int layer = 0; layer < LAYERS; layer++) {
      for (String name : List.of("k", "v")) {
        entries.add(new StateSpec.Entry(name, layer, DType.F32, List.of(KV_HEADS, HEAD)));
      }
    }
    return new StateSpec("kv", PAGE, new Dim.Sym("slots.kv", PAGE, 1 << 20, PAGE), entries);
  }

  private Graph graph() {
    Value ids = g.tensor("tokens", TensorType.of(DType.I32, T));
    Value positions = g.tensor("positions", TensorType.of(DType.I32, Dim.of(1), T));
    Value slots = g.tensor("slots", TensorType.of(DType.I32, T));
    Value cu = g.tensor("cu", TensorType.of(DType.I32, Dim.sym("S1", 2, 65)));
    Value lens = g.tensor("lens", TensorType.of(DType.I32, Dim.sym("S", 1, 64)));
    Value table =
        g.tensor("table", TensorType.of(DType.I32, lens.shape().dim(0), Dim.sym("P", 1, 64)));
    Value pool = g.state(spec);
    Value x = g.embedding(ids, plain("embedding", 1, VOCAB, HIDDEN), DType.F32);
    Value freqs = frequencies();
    CompositeOp.Rope rope = new CompositeOp.Rope(CompositeOp.RopeStyle.NEOX, HEAD, 1, List.of());
    CompositeOp.PagedAttention attention;
    for (int layer = 0; layer < LAYERS; layer++) {
      Value y = norm(x, "attention.norm." + layer);
      Value q =
          g.rope(rope, heads(project(y, "q." + layer, HEADS * HEAD), HEADS), positions, freqs);
      Value k =
          g.rope(
              rope, heads(project(y, "k." + layer, KV_HEADS * HEAD), KV_HEADS), positions, freqs);
      Value v = heads(project(y, "v." + layer, KV_HEADS * HEAD), KV_HEADS);
      pool = g.kvAppend(pool, layer, k, v, slots);
      attention = new CompositeOp.PagedAttention(layer, 0.25, true, 0, 0, 0, false, false);
      Value a = g.pagedAttention(attention, q, pool, cu, lens, table);
      x = g.add(x, project(g.view(a, T, Dim.of(HEADS * HEAD)), "o." + layer, HIDDEN));
      y = norm(x, "feed.norm." + layer);
      Value gate = project(y, "gate." + layer, INNER);
      Value up = project(y, "up." + layer, INNER);
      Value inner = g.gatedActivation(CompositeOp.Gate.SWIGLU, gate, up);
      x = g.add(x, project(inner, "down." + layer, HIDDEN));
    }
    g.output("logits", project(norm(x, "norm"), "head", VOCAB));
    g.output(spec.name(), pool);
    return g.build();
  }

  private Value heads(Value x, int heads) {
    return g.view(x, T, Dim.of(heads), Dim.of(HEAD));
  }

  private Value norm(Value x, String name) {
    RefTensor w = Regime.POSITIVE.make(stored, new long[] {HIDDEN}, random);
    weights.put(name, w);
    Value factor = g.cast(g.weight(name, TensorType.of(stored, HIDDEN)), DType.F32);
    return g.rmsNorm(x, factor, 1e-5, false);
  }

  private Value plain(String name, double scale, long... sizes) {
    Source source = Source.reals(r -> () -> scale * r.nextGaussian());
    weights.put(name, source.make(stored, sizes, random));
    return g.weight(name, TensorType.of(stored, sizes));
  }

  private Value frequencies() {
    Source falling =
        Source.reals(r -> {
          int[] i = {0};
          return () -> Math.pow(10000, -2.0 * i[0]++ / HEAD);
        });
    weights.put("freqs", falling.make(DType.F32, new long[] {HEAD / 2}, random));
    return g.weight("freqs", TensorType.of(DType.F32, HEAD / 2));
  }

  private Value project(Value x, String name, long n) {
    long k = x.shape().dim(-1).upperBound();
    if (format == null) {
      return g.linear(x, plain(name, 1 / Math.sqrt((double) k), n, k), null, DType.F32);
    }
    long bytes = k / format.elements() * format.bytes();
    RefTensor blocks = Source.blocks(format).make(DType.U8, new long[] {n, bytes}, random);
    weights.put(name, blocks);
    return g.linear(x, g.weight(name, TensorType.blocked(format, Shape.of(n, k))), null, DType.F32);
  }

  /** A pool for all sequences, zero-filled. */
  State newPool() throws BackendException {
    long pages = 0;
    for (int[] t : tokens) {
      pages += (t.length + PAGE - 1) / PAGE;
    }
    StateLayout layout = device.chooseStateLayout(spec);
    return device.allocateState(layout, pages * PAGE);
  }

  /** All of every sequence. */
  List<Span> whole() {
    List<Span> spans = new ArrayList<>();
    for (int s = 0; s < tokens.length; s++) {
      spans.add(new Span(s, 0, tokens[s].length));
    }
    return spans;
  }

  /** Tokens of a sequence. */
  int length(int sequence) {
    return tokens[sequence].length;
  }

  private int firstPage(int sequence) {
    int page = 0;
    for (int s = 0; s < sequence; s++) {
      page += (tokens[s].length + PAGE - 1) / PAGE;
    }
    return page;
  }

  /** One step: logits {@code [rows, VOCAB]}, spans in order. */
  RefTensor step(State pool, List<Span> spans) throws BackendException {
    List<Long> ids = new ArrayList<>();
    List<Long> positions = new ArrayList<>();
    List<Long> slots = new ArrayList<>();
    long[] cu = new long[spans.size() + 1];
    long[] lens = new long[spans.size()];
    int width = 1;
    for (Span span : spans) {
      width = Math.max(width, (span.to + PAGE - 1) / PAGE);
    }
    long[] table = new long[spans.size() * width];
    Arrays.fill(table, -1);
    for (int i = 0; i < spans.size(); i++) {
      Span span = spans.get(i);
      long first = firstPage(span.sequence);
      for (int p = span.from; p < span.to; p++) {
        ids.add((long) tokens[span.sequence][p]);
        positions.add((long) p);
        slots.add(first * PAGE + p);
      }
      for (int p = 0; p * PAGE < span.to; p++) {
        table[i * width + p] = first + p;
      }
      cu[i + 1] = ids.size();
      lens[i] = span.to;
    }
    Map<String, RefTensor> t = new LinkedHashMap<>();
    long rows = ids.size();
    t.put("tokens", integers(ids, rows));
    t.put("positions", integers(positions, 1, rows));
    t.put("slots", integers(slots, rows));
    t.put("cu", RefTensor.exact(DType.I32, new long[] {cu.length}, cu));
    t.put("lens", RefTensor.exact(DType.I32, new long[] {lens.length}, lens));
    t.put("table", RefTensor.exact(DType.I32, new long[] {lens.length, width}, table));
    return evaluation.pool("kv", pool).run(t).getFirst();
  }

  private static RefTensor integers(List<Long> values, long... sizes) {
    return RefTensor.exact(DType.I32, sizes, values.stream().mapToLong(Long::longValue).toArray());
  }

  @Override
  public void close() {
    evaluation.close();
  }
}
