package dev.lamina.conformance.cases;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.cases.AttentionProbe.Content;
import dev.lamina.conformance.cases.AttentionProbe.Span;
import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.ir.CompositeOp;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * What attention must keep whoever computes it: where pages lie, what else the pool holds, how a
 * prefill is cut and in which order the sequences come.
 */
final class PagedProperties {
  private static final int[] LENGTHS = {35, 5, 17, 1};

  private static final List<CompositeOp.PagedAttention> MASKS =
      List.of(
          mask(0, 0, 0, false, false), mask(6, 0, 0, false, false), mask(0, 16, 1.5, true, true));

  private PagedProperties() {}

  private static CompositeOp.PagedAttention mask(
      long window, long chunk, double softcap, boolean sinks, boolean alibi) {
    return new CompositeOp.PagedAttention(0, 0.25, true, window, chunk, softcap, sinks, alibi);
  }

  /** One property of a probe. */
  @FunctionalInterface
  private interface Property {
    double check(Context context, AttentionProbe probe, Random random) throws Exception;
  }

  static void addTo(CaseList list) {
    for (CompositeOp.PagedAttention op : MASKS) {
      add(list, "page-permutation", op, Cap.RUN_TO_RUN, PagedProperties::pages);
      add(list, "garbage-in-unused-pages", op, Cap.RUN_TO_RUN, PagedProperties::garbage);
      add(list, "sequence-permutation", op, Cap.BATCH_INVARIANT, PagedProperties::order);
      add(list, "chunked-prefill", op, Cap.BATCH_INVARIANT, PagedProperties::chunks);
      add(list, "decode-is-prefill-of-one", op, Cap.BATCH_INVARIANT, PagedProperties::decode);
    }
    list.seeded(
        Level.L2,
        "property",
        "f32",
        "-",
        "paged_attention,logits-shift",
        Rule.R2,
        PagedProperties::shift);
  }

  private static void add(
      CaseList list, String name, CompositeOp.PagedAttention op, Cap cap, Property property) {
    String attrs =
        "paged_attention,%s,w=%d,c=%d,cap=%s"
            .formatted(name, op.window(), op.chunk(), op.softcap());
    list.seeded(
        Level.L2,
        "property",
        "f32",
        "-",
        attrs,
        Rule.R5,
        (context, seed) -> {
          Content content = new Content(op, LENGTHS, Regime.NORMAL, Regime.NORMAL);
          double worst = 0;
          for (boolean decompose : new boolean[] {false, true}) {
            CompileOptions options = Drift.options(context, decompose, Cap.RUN_TO_RUN, cap);
            Random random = new Random(seed);
            try (AttentionProbe probe =
                new AttentionProbe(context.device(), content, options, random)) {
              worst = Math.max(worst, property.check(context, probe, random));
            }
          }
          return Outcome.passed(worst);
        });
  }

  private static double pages(Context context, AttentionProbe probe, Random random)
      throws BackendException {
    Drift drift = new Drift("paged_attention.pages", context.has(Cap.RUN_TO_RUN));
    RefTensor plain = probe.attend(probe.whole(), probe.plain());
    for (int i = 0; i < 8; i++) {
      drift.compare("other pages", plain, probe.attend(probe.whole(), probe.placed(0, random)));
    }
    drift.report(context, "run_to_run");
    return 0;
  }

  private static double garbage(Context context, AttentionProbe probe, Random random)
      throws BackendException {
    Drift drift = new Drift("paged_attention.garbage", context.has(Cap.RUN_TO_RUN));
    RefTensor plain = probe.attend(probe.whole(), probe.plain());
    long[] fillers = {
      AttentionProbe.nan(),
      Float.floatToRawIntBits(Float.MAX_VALUE),
      Integer.toUnsignedLong(Float.floatToRawIntBits(Float.NEGATIVE_INFINITY)),
      Float.floatToRawIntBits(3e4f),
      Float.floatToRawIntBits(1)
    };
    for (long filler : fillers) {
      String what = "0x%x in slots that no sequence owns".formatted(filler);
      drift.compare(what, plain, probe.attend(probe.whole(), probe.placed(filler, null)));
      drift.compare(what, plain, probe.attend(probe.whole(), probe.placed(filler, random)));
    }
    drift.report(context, "run_to_run");
    return 0;
  }

  private static double order(Context context, AttentionProbe probe, Random random)
      throws BackendException {
    Comparer comparer = new Comparer(context, probe);
    for (int i = 0; i < 6; i++) {
      List<Span> spans = new ArrayList<>(probe.whole());
      Collections.shuffle(spans, random);
      comparer.compare("sequences in another order", spans);
    }
    return comparer.worst();
  }

  /** Every cut of the longest sequence, beside the others; then all cut at once. */
  private static double chunks(Context context, AttentionProbe probe, Random random)
      throws BackendException {
    Comparer comparer = new Comparer(context, probe);
    for (int cut = 1; cut < LENGTHS[0]; cut++) {
      Span last = new Span(0, cut, LENGTHS[0]);
      String what = "prefill cut at " + cut;
      comparer.compare(what, List.of(new Span(0, 0, cut), new Span(1, 0, LENGTHS[1])));
      comparer.compare(what, List.of(new Span(2, 0, LENGTHS[2]), last));
    }
    for (int i = 0; i < 6; i++) {
      List<Span> pieces = new ArrayList<>();
      for (int s = 0; s < LENGTHS.length; s++) {
        int from = random.nextInt(LENGTHS[s]);
        pieces.add(new Span(s, from, from + 1 + random.nextInt(LENGTHS[s] - from)));
      }
      comparer.compare("pieces of each sequence", pieces);
    }
    return comparer.worst();
  }

  private static double decode(Context context, AttentionProbe probe, Random random)
      throws BackendException {
    Comparer comparer = new Comparer(context, probe);
    for (int p = 0; p < LENGTHS[0]; p++) {
      comparer.compare("decode of position " + p, List.of(new Span(0, p, p + 1)));
    }
    for (int p = 0; p < LENGTHS[1]; p++) {
      Span first = new Span(1, p, p + 1);
      Span second = new Span(2, p + 12, p + 13);
      comparer.compare("two sequences decode", List.of(second, first));
    }
    return comparer.worst();
  }

  /** Spans against the same rows of the whole batch. */
  private static final class Comparer {
    private final Context context;
    private final AttentionProbe probe;
    private final RefTensor whole;
    private final RefTensor oracle;
    private final Drift drift;
    private double ratio;

    Comparer(Context context, AttentionProbe probe) throws BackendException {
      this.context = context;
      this.probe = probe;
      this.whole = probe.attend(probe.whole(), probe.plain());
      this.oracle = probe.oracle(probe.whole());
      this.drift = new Drift("paged_attention", context.has(Cap.BATCH_INVARIANT));
    }

    void compare(String what, List<Span> spans) throws BackendException {
      List<Integer> rows = new ArrayList<>();
      for (Span s : spans) {
        for (int p = s.from(); p < s.to(); p++) {
          rows.add(probe.row(s.sequence(), p));
        }
      }
      int[] chosen = rows.stream().mapToInt(Integer::intValue).toArray();
      RefTensor expected = RowOp.pick(whole, 0, chosen);
      RefTensor got = probe.attend(spans, probe.plain());
      ratio = Math.max(ratio, near(what, expected, got, RowOp.pick(oracle, 0, chosen)));
      drift.compare(what, expected, got);
    }

    double worst() {
      drift.report(context, "batch_invariant");
      return ratio;
    }
  }

  /** Two right results are at most two bounds apart. */
  private static double near(String what, RefTensor a, RefTensor b, RefTensor oracle) {
    double worst = 0;
    for (int i = 0; i < a.count(); i++) {
      double apart =
          Math.abs(Elements.real(a.dtype(), a.bits(i)) - Elements.real(b.dtype(), b.bits(i)));
      double ratio = apart == 0 ? 0 : apart / (2 * oracle.bound(i));
      if (!(ratio <= 1)) {
        throw new CheckFailedException(
            "%s: expected element %d within %.3g of the whole batch's, got %.3g apart"
                .formatted(what, i, 2 * oracle.bound(i), apart),
            ratio,
            null);
      }
      worst = Math.max(worst, ratio);
    }
    return worst;
  }

  /**
   * One element of every query is 1 and the same element of every key c: all logits move by {@code
   * scale * c}, which a softmax must not show. All products and sums are exact.
   */
  private static Outcome shift(Context context, long seed) throws BackendException {
    CompositeOp.PagedAttention op = MASKS.getFirst();
    double worst = 0;
    for (boolean decompose : new boolean[] {false, true}) {
      CompileOptions options = Drift.options(context, decompose, Cap.RUN_TO_RUN);
      RefTensor plain = null;
      for (double c : new double[] {0, 512, -512, 4096, -4096}) {
        Content content = new Content(op, LENGTHS, eighths(1), eighths(c));
        try (AttentionProbe probe =
            new AttentionProbe(context.device(), content, options, new Random(seed))) {
          RefTensor got = probe.attend(probe.whole(), probe.plain());
          plain = plain == null ? got : plain;
          String what = "all logits moved by " + c * op.scale();
          worst = Math.max(worst, near(what, plain, got, probe.oracle(probe.whole())));
        }
      }
    }
    return Outcome.passed(worst);
  }

  /** Multiples of 1/8 up to 2, and {@code last} as the last element of each head. */
  private static Source eighths(double last) {
    return (dtype, sizes, random) -> {
      RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
      for (int i = 0; i < out.count(); i++) {
        double v = (random.nextInt(33) - 16) / 8.0;
        out.near(i, i % sizes[2] == sizes[2] - 1 ? last : v, 0);
      }
      return out.build();
    };
  }
}
