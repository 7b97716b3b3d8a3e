package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.Points;
import dev.lamina.spi.ir.CompositeOp.Linear;
import dev.lamina.spi.ir.CompositeOp.PagedAttention;
import dev.lamina.spi.ir.CoreOp.Matmul;
import dev.lamina.spi.ir.CoreOp.Scan;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.QuantFormat;

/** Bugs of values that seldom come: NaN at an edge, lines of nothing but -infinity. */
final class RareMutants {
  private RareMutants() {}

  static void addTo(MutantList list) {
    list.area("attention, rare values", "paged_attention/*");
    attention(list);
    list.area("weights, rare values", "linear/*w=q8_0*", "linear/*w=q4_0*");
    weights(list);
    list.area("matmul, rare values", "matmul/*");
    products(list);
    list.area("folds, rare values", "scan_*", "reduce_*");
    folds(list);
    list.area("queue, rare values", "queue/*", "fuzz/*");
    queues(list);
  }

  private static void attention(MutantList list) {
    list.op(
        "attention-window-of-sinks",
        "with sinks a window at a page's begin is narrower by one",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                boolean narrow = op.sinks() && op.window() > 1 && p % page == 0;
                return super.inWindow(p, narrow ? j - 1 : j);
              }
            });
    list.op(
        "attention-nan-key-at-page-end",
        "a logit of NaN counts as hidden in a page's last slot",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double logit(int s, int t, int h, int j) {
                double right = super.logit(s, t, h, j);
                return Double.isNaN(right) && j % page == page - 1 ? hidden() : right;
              }
            });
  }

  private static void weights(MutantList list) {
    WeightMutants.linear(
        list,
        "quantised-nan-scale",
        "a scale of NaN is 0",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                double right = super.scale(format, block);
                return Double.isNaN(right) ? 0 : right;
              }
            });
    WeightMutants.linear(
        list,
        "quantised-infinite-scale",
        "an infinite scale is the largest number",
        () ->
            new PlainLinear.Weights() {
              @Override
              double scale(QuantFormat format, int block) {
                double right = super.scale(format, block);
                return Double.isInfinite(right) ? Math.copySign(Float.MAX_VALUE, right) : right;
              }
            });
    list.op(
        "quantised-large-inputs",
        "products from 2^95 on are infinite",
        Linear.class,
        op ->
            new PlainLinear.Linear(op, new PlainLinear.Weights()) {
              @Override
              double add(double sum, double product) {
                boolean overflows = Math.abs(product) >= 0x1p95;
                return sum + (overflows ? product * Double.POSITIVE_INFINITY : product);
              }
            });
  }

  private static void products(MutantList list) {
    list.op(
        "matmul-zero-times-infinity",
        "0 times infinity gives 0",
        Matmul.class,
        op ->
            new PlainMatmul(op) {
              @Override
              double element(int batch, int m, int n) {
                double sum = 0;
                for (int k = 0; k < depth; k++) {
                  double a = left(batch, m, k);
                  double b = right(batch, k, n);
                  sum = add(sum, a == 0 && Double.isInfinite(b) ? 0 : a * b);
                }
                return sum;
              }
            });
  }

  private static void folds(MutantList list) {
    list.around(
        "scan-max-of-minus-infinities",
        "the largest of -infinities is the smallest number",
        Scan.class,
        (op, right) ->
            new PlainFold.Scan(op, right) {
              @Override
              double step(double acc, double term) {
                return op.kind() == ScanKind.MAX
                        && acc == Double.NEGATIVE_INFINITY
                        && term == Double.NEGATIVE_INFINITY
                    ? -Float.MAX_VALUE
                    : super.step(acc, term);
              }
            });
  }

  private static void queues(MutantList list) {
    QueueMutants.queue(
        list,
        "queue-download-signals-one",
        "a download reaches only the first of its signals",
        (d, q) ->
            new FaultyQueue(q) {
              @Override
              void send(Points waits, Command c, Points signals) throws BackendException {
                boolean download = c instanceof Command.Download && signals.size() > 1;
                super.send(waits, c, download ? QueueMutants.part(signals, 0, 1) : signals);
              }
            });
  }
}
