package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.CausalConv1d;
import java.util.Arrays;

/** Causal convolution. */
final class ConvolutionMutants {
  private ConvolutionMutants() {}

  static void addTo(MutantList list) {
    list.area("causal convolution", "causal_conv1d/*");
    taps(list);
    tails(list);
  }

  private static void taps(MutantList list) {
    list.op(
        "conv-window-one-off",
        "sees one row too few",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double factor(int c, int j) {
                return j == 0 ? 0 : super.factor(c, j);
              }
            });
    list.op(
        "conv-taps-reversed",
        "the newest row meets the first factor",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double factor(int c, int j) {
                return super.factor(c, taps - 1 - j);
              }
            });
    list.op(
        "conv-factors-transposed",
        "factors lie [K, C]",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double factor(int c, int j) {
                return w.get((long) j * channels + c);
              }
            });
    list.op(
        "conv-bias-lost",
        "no bias",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double bias(int c) {
                return 0;
              }
            });
    list.op(
        "conv-bias-after-silu",
        "the bias is added to the activated sum",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double bias(int c) {
                return op.silu() ? 0 : super.bias(c);
              }

              @Override
              double activated(double sum, int c) {
                return super.activated(sum, c) + (op.silu() && op.biased() ? super.bias(c) : 0);
              }
            });
    list.op(
        "conv-always-silu",
        "silu where none is asked for",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double activated(double sum, int c) {
                return sum / (1 + Math.exp(-sum));
              }
            });
    list.op(
        "conv-sigmoid-for-silu",
        "the gate alone",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double activated(double sum, int c) {
                return op.silu() ? 1 / (1 + Math.exp(-sum)) : sum;
              }
            });
    list.op(
        "conv-last-channel-lost",
        "the last channel of an odd number has the factors of the one before",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double factor(int c, int j) {
                return super.factor(c == channels - 1 && c % 2 == 0 ? c - 1 : c, j);
              }
            });
    list.op(
        "conv-other-sequence-seen",
        "in front of a sequence stands the one before it in the step",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              private int row;

              @Override
              void row(double[] tail, int t, int offset) {
                row = t;
                super.row(tail, t, offset);
              }

              @Override
              double past(double[] tail, int j, int c, int offset) {
                int from = row - (taps - 1) + j;
                return from >= 0 ? x(from, c) : super.past(tail, j, c, offset);
              }
            });
  }

  private static void tails(MutantList list) {
    list.op(
        "conv-tail-not-read",
        "each step starts from zeros",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double[] before(int s) {
                return new double[width()];
              }
            });
    list.op(
        "conv-tail-not-written",
        "the tail stays as it was",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              void put(long slot, double[] state) {}
            });
    list.op(
        "conv-tail-newest-first",
        "the stored rows are in reverse",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              void put(long slot, double[] state) {
                double[] reversed = new double[state.length];
                for (int i = 0; i < state.length; i++) {
                  int row = state.length / channels - 1 - i / channels;
                  reversed[i] = state[row * channels + i % channels];
                }
                super.put(slot, reversed);
              }
            });
    list.op(
        "conv-tail-without-last-row",
        "the tail is one row behind",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              private double[] last = new double[0];

              @Override
              void shift(double[] tail, int t) {
                last = tail.clone();
                super.shift(tail, t);
              }

              @Override
              void put(long slot, double[] state) {
                super.put(slot, last.length == state.length ? last : state);
              }
            });
    list.op(
        "conv-short-chunk-loses-tail",
        "a chunk shorter than the tail leaves zeros before its rows",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              private int rows;

              @Override
              boolean isKept(int begin, int end) {
                rows = end - begin;
                return true;
              }

              @Override
              void put(long slot, double[] state) {
                int lost = Math.max(0, state.length / channels - rows) * channels;
                Arrays.fill(state, 0, lost, 0);
                super.put(slot, state);
              }
            });
    list.op(
        "conv-tail-in-bf16",
        "the tail is cut to BF16",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              double stored(double v) {
                return Spoils.toBf16(v);
              }
            });
    list.op(
        "conv-tail-activated",
        "the tail holds results in place of rows",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              void shift(double[] tail, int t) {
                super.shift(tail, t);
                for (int c = 0; c < channels; c++) {
                  tail[tail.length - channels + c] = out.get((long) t * channels + c);
                }
              }
            });
    list.op(
        "conv-no-rows-no-copy",
        "a sequence without rows keeps nothing",
        CausalConv1d.class,
        op ->
            new PlainRecurrence.Convolution(op) {
              @Override
              boolean isKept(int begin, int end) {
                return end > begin;
              }
            });
  }
}
