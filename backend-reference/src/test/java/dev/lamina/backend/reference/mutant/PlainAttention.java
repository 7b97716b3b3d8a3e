package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;

/** Paged attention, row by row; bugs override a method. */
class PlainAttention implements Kernel {
  final CompositeOp.PagedAttention op;
  int numHeads;
  int numKvHeads;
  int numSeqs;
  int numTokens;
  int page;
  Cells q;
  Cells table;
  private Cells cuSeqlensQ;
  private Cells kvLens;
  private Cells sinks;
  private Cells slopes;
  private Entry keys;
  private Entry values;

  @SuppressWarnings("NullAway.Init")
  PlainAttention(CompositeOp.PagedAttention op) {
    this.op = op;
  }

  /** One entry of the pool. */
  record Entry(StateSpec.Entry spec, MemorySegment memory) {
    static Entry of(HostState pool, String name, int layer) {
      StateSpec.Entry e = pool.spec().entry(name, layer);
      return new Entry(e, pool.entry(pool.spec().entries().indexOf(e)));
    }

    int width() {
      return Math.toIntExact(spec.shape().getLast());
    }

    double get(int slot, int head, int d) {
      long heads = spec.shape().getFirst();
      long at = ((slot * heads + head) * width() + d) * spec.dtype().bytes();
      return Elements.getFloat(spec.dtype(), memory, at);
    }
  }

  @Override
  public void run(KernelArgs args) {
    q = Cells.in(args, 0);
    keys = Entry.of(args.state(1), keyEntry(), layer());
    values = Entry.of(args.state(1), valueEntry(), layer());
    cuSeqlensQ = Cells.in(args, 2);
    kvLens = Cells.in(args, 3);
    table = Cells.in(args, 4);
    sinks = op.sinks() ? Cells.in(args, 5) : q;
    slopes = op.alibi() ? Cells.in(args, op.sinks() ? 6 : 5) : q;
    page = args.state(1).spec().slotsPerPage();
    numTokens = q.size(0);
    numHeads = q.size(1);
    numKvHeads = Math.toIntExact(keys.spec.shape().getFirst());
    numSeqs = kvLens.count();
    Cells out = Cells.out(args, 0);
    clear(out);
    for (int s = 0; s < numSeqs; s++) {
      for (int t = start(s); t < end(s); t++) {
        for (int h = 0; h < numHeads; h++) {
          row(out, s, t, h);
        }
      }
    }
  }

  void clear(Cells out) {
    for (int i = 0; i < out.count(); i++) {
      out.set(i, 0);
    }
  }

  double weight(double logit, double max) {
    return Math.exp(logit - max);
  }

  private void row(Cells out, int s, int t, int h) {
    long p = position(s, t);
    int length = visible(s, t);
    double[] logits = new double[length];
    double max = op.sinks() ? sink(h) : Double.NEGATIVE_INFINITY;
    for (int j = 0; j < length; j++) {
      logits[j] = allowed(p, j, h) && isSelected(t, j) ? logit(s, t, h, j) : hidden();
      max = Math.max(max, logits[j]);
    }
    // A row that sees nothing has weights of 0, not 0 by 0.
    max = shift(max == Double.NEGATIVE_INFINITY ? 0 : max);
    double[] sums = new double[valueWidth()];
    double total = op.sinks() ? sinkWeight(h, max) : 0;
    for (int j = 0; j < length; j++) {
      double weight = weight(logits[j], max);
      total += weight;
      for (int d = 0; d < sums.length && weight > 0; d++) {
        sums[d] += weight * values.get(slot(s, j), valueHead(h), d + valueOffset());
      }
    }
    for (int d = 0; d < sums.length; d++) {
      long at = ((long) t * numHeads + h) * sums.length + d;
      out.set(at, total == 0 ? 0 : finish(sums[d] / total, s, t, h));
    }
  }

  int layer() {
    return op.layer();
  }

  String keyEntry() {
    return "k";
  }

  String valueEntry() {
    return "v";
  }

  /** Width of a value. */
  int valueWidth() {
    return values.width();
  }

  /** Where the elements of a value begin in its entry. */
  int valueOffset() {
    return 0;
  }

  /** Elements of a key that count. */
  int keyWidth() {
    return keys.width();
  }

  int start(int s) {
    return (int) cuSeqlensQ.integer(s);
  }

  int end(int s) {
    return (int) cuSeqlensQ.integer(s + 1);
  }

  int kvLen(int s) {
    return (int) kvLens.integer(s);
  }

  long position(int s, int t) {
    return kvLen(s) - end(s) + t;
  }

  /** Keys that are looked at. */
  int visible(int s, int t) {
    return kvLen(s);
  }

  boolean allowed(long p, long j, int h) {
    return (!op.causal() || j <= p) && inWindow(p, j) && inChunk(p, j);
  }

  boolean isSelected(int t, long j) {
    return true;
  }

  boolean inWindow(long p, long j) {
    return op.window() == 0 || j > p - op.window();
  }

  boolean inChunk(long p, long j) {
    return op.chunk() == 0 || j / op.chunk() == p / op.chunk();
  }

  double hidden() {
    return Double.NEGATIVE_INFINITY;
  }

  double logit(int s, int t, int h, int j) {
    double dot = 0;
    for (int d = 0; d < keyWidth(); d++) {
      double k = keys.get(slot(s, j), kvHead(h), d);
      dot += product(q.get(((long) t * numHeads + h) * keys.width() + d), k, d);
    }
    return biased(capped(scaled(dot, h)), h, j - position(s, t));
  }

  double product(double q, double k, int d) {
    return q * k;
  }

  double scaled(double dot, int h) {
    return dot * op.scale();
  }

  double capped(double logit) {
    return op.softcap() > 0 ? op.softcap() * Math.tanh(logit / op.softcap()) : logit;
  }

  double biased(double logit, int h, long distance) {
    return op.alibi() ? logit + slope(h) * distance : logit;
  }

  double slope(int h) {
    return slopes.get(h);
  }

  double sink(int h) {
    return sinks.get(h);
  }

  double sinkWeight(int h, double max) {
    return Math.exp(sink(h) - max);
  }

  double shift(double max) {
    return max;
  }

  int kvHead(int h) {
    return h / (numHeads / numKvHeads);
  }

  int valueHead(int h) {
    return kvHead(h);
  }

  int slot(int s, int j) {
    return page(s, j / page) * page + j % page;
  }

  int page(int s, int i) {
    return (int) table.integer((long) s * table.size(1) + i);
  }

  double finish(double y, int s, int t, int h) {
    return y;
  }
}
