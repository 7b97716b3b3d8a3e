package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;

/** Attention over latents, and the choice of its positions; bugs override a method. */
final class PlainLatents {
  private PlainLatents() {}

  /** Keys and values are one entry. */
  static class Attention extends PlainAttention {
    final CompositeOp.MlaAttention latent;
    private Cells select;

    @SuppressWarnings("NullAway.Init")
    Attention(CompositeOp.MlaAttention op) {
      super(new CompositeOp.PagedAttention(op.layer(), op.scale(), true, 0, 0, 0, false, false));
      this.latent = op;
    }

    @Override
    public void run(KernelArgs args) {
      select = Cells.in(args, latent.selected() ? 5 : 0);
      super.run(args);
    }

    @Override
    boolean isSelected(int t, long j) {
      boolean any = !latent.selected();
      for (int i = 0; !any && i < select.width(); i++) {
        any = select.integer((long) t * select.width() + i) == j;
      }
      return any;
    }

    @Override
    String keyEntry() {
      return "latent";
    }

    @Override
    String valueEntry() {
      return "latent";
    }

    @Override
    int valueWidth() {
      return latent.rank();
    }
  }

  /** The best positions, one after the other. */
  static class Topk implements Kernel {
    final CompositeOp.IndexTopk op;

    Topk(CompositeOp.IndexTopk op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells q = Cells.in(args, 0);
      Cells w = Cells.in(args, 1);
      PlainAttention.Entry keys = PlainAttention.Entry.of(args.state(2), "index", op.layer());
      Cells cu = Cells.in(args, 3);
      Cells lens = Cells.in(args, 4);
      Cells table = Cells.in(args, 5);
      Cells out = Cells.out(args, 0);
      int page = args.state(2).spec().slotsPerPage();
      int heads = q.size(1);
      for (int i = 0; i < out.count(); i++) {
        out.setInteger(i, -1);
      }
      for (int s = 0; s < lens.count(); s++) {
        for (int t = (int) cu.integer(s); t < cu.integer(s + 1); t++) {
          int position = (int) (lens.integer(s) - cu.integer(s + 1)) + t;
          int end = Math.min(end(position), (int) lens.integer(s));
          double[] scores = new double[end];
          for (int j = 0; j < end; j++) {
            int slot = (int) table.integer((long) s * table.width() + j / page) * page + j % page;
            for (int h = 0; h < counted(heads); h++) {
              double dot = 0;
              for (int d = 0; d < keys.width(); d++) {
                dot += q.get((long) (t * heads + h) * keys.width() + d) * keys.get(slot, 0, d);
              }
              scores[j] += weight(w.get((long) t * heads + h)) * kept(dot * op.scale());
            }
          }
          choose(scores, out, t);
        }
      }
    }

    private void choose(double[] scores, Cells out, int t) {
      boolean[] taken = new boolean[scores.length];
      for (int i = 0; i < Math.min(op.k(), scores.length); i++) {
        int at = -1;
        for (int j = 0; j < scores.length; j++) {
          if (!taken[j] && (at < 0 || isBetter(scores[j], scores[at]))) {
            at = j;
          }
        }
        taken[at] = true;
        out.setInteger((long) t * op.k() + i, at);
      }
    }

    /** One past the last position that is scored. */
    int end(int position) {
      return position + 1;
    }

    int counted(int heads) {
      return heads;
    }

    double weight(double w) {
      return w;
    }

    double kept(double dot) {
      return Math.max(0, dot);
    }

    /** Whether a score beats one of a lower position. */
    boolean isBetter(double score, double other) {
      return score > other;
    }
  }
}
