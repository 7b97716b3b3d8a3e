package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.Concat;
import dev.lamina.spi.ir.CoreOp.Gather;
import dev.lamina.spi.ir.CoreOp.Scatter;

/** Gather, scatter and concat. */
final class MovementMutants {
  private MovementMutants() {}

  static void addTo(MutantList list) {
    list.area("gather", "gather/*");
    gathers(list);
    list.area("scatter", "scatter_set/*", "scatter_add/*");
    scatters(list);
    list.area("concat", "concat/*");
    list.after("concat-past-end", "a byte after the result", Concat.class, Spoils::writePastTheEnd);
    list.after("concat-last-lost", "last element 0", Concat.class, Spoils::loseLast);
    list.around(
        "concat-first-twice",
        "the first operand in place of the second of the same shape",
        Concat.class,
        (op, right) ->
            args -> {
              right.run(args);
              Cells out = Cells.out(args, 0);
              if (args.numOperands() > 1 && op.dim() == 0 && args.in(0).isContiguous()) {
                Cells first = Cells.in(args, 0);
                int n = Math.min(first.count(), out.count() - first.count());
                for (int i = 0; i < n; i++) {
                  out.setBits(first.count() + (long) i, first.bits(i));
                }
              }
            });
  }

  private static void gathers(MutantList list) {
    list.after(
        "gather-padding-is-row-0",
        "an index below 0 reads row 0",
        Gather.class,
        args -> padding(args, true));
    list.after(
        "gather-padding-is-left",
        "an index below 0 leaves what was there",
        Gather.class,
        args -> padding(args, false));
    list.after(
        "gather-one-off",
        "the last index reads the row before",
        Gather.class,
        args -> {
          Cells x = Cells.in(args, 0);
          Cells idx = Cells.in(args, 1);
          Cells out = Cells.out(args, 0);
          int rank = x.tensor().rank();
          long last = idx.count() == 0 ? -1 : idx.integer(idx.count() - 1L);
          if (rank == 2 && last > 0 && out.count() == idx.count() * x.width()) {
            for (int i = 0; i < x.width(); i++) {
              long to = (long) (idx.count() - 1) * x.width() + i;
              out.setBits(to, x.bits((last - 1) * x.width() + i));
            }
          }
        });
    list.after("gather-last-lost", "last element 0", Gather.class, Spoils::loseLast);
  }

  private static void padding(KernelArgs args, boolean rowZero) {
    Cells x = Cells.in(args, 0);
    Cells idx = Cells.in(args, 1);
    Cells out = Cells.out(args, 0);
    if (out.count() != idx.count() * x.width() || x.tensor().rank() != 2) {
      return;
    }
    for (int i = 0; i < out.count(); i++) {
      if (idx.integer(i / x.width()) < 0) {
        out.setBits(i, rowZero ? x.bits(i % x.width()) : 0x7A);
      }
    }
  }

  private static void scatters(MutantList list) {
    list.after("scatter-last-lost", "last element 0", Scatter.class, Spoils::loseLast);
    list.around(
        "scatter-padding-written",
        "an index below 0 writes row 0",
        Scatter.class,
        (op, right) ->
            args -> {
              right.run(args);
              eachRow(args, op, (row, update) -> row < 0 ? 0 : -1);
            });
    list.around(
        "scatter-padding-at-the-end",
        "an index below 0 counts from the end",
        Scatter.class,
        (op, right) ->
            args -> {
              right.run(args);
              int rows = Cells.out(args, 0).size(0);
              eachRow(args, op, (row, update) -> row < 0 && -row <= rows ? rows + row : -1);
            });
    list.around(
        "scatter-duplicates-lost",
        "of equal indices only the last is added",
        Scatter.class,
        (op, right) ->
            args -> {
              right.run(args);
              if (op.kind() == CoreOp.ScatterKind.ADD && op.dim() == 0) {
                addOnce(args);
              }
            });
    list.around(
        "scatter-set-adds",
        "set adds to what was there",
        Scatter.class,
        (op, right) ->
            args -> {
              right.run(args);
              Cells out = Cells.out(args, 0);
              if (op.kind() == CoreOp.ScatterKind.SET && out.count() > 0) {
                for (int i = 0; i < out.count(); i++) {
                  double before = Cells.in(args, 0).get(i);
                  out.set(i, out.get(i) == before ? before : out.get(i) + before);
                }
              }
            });
  }

  /** Says into which row an update goes besides, or -1. */
  private interface Target {
    long row(long index, int update);
  }

  private static void eachRow(KernelArgs args, CoreOp.Scatter op, Target target) {
    Cells out = Cells.out(args, 0);
    Cells idx = Cells.in(args, 1);
    Cells updates = Cells.in(args, 2);
    if (op.dim() != 0 || out.count() == 0 || idx.count() == 0) {
      return;
    }
    int width = out.count() / out.size(0);
    for (int u = 0; u < idx.count(); u++) {
      long row = target.row(idx.integer(u), u);
      for (int i = 0; i < width && row >= 0; i++) {
        out.setBits(row * width + i, updates.bits((long) u * width + i));
      }
    }
  }

  private static void addOnce(KernelArgs args) {
    Cells out = Cells.out(args, 0);
    Cells idx = Cells.in(args, 1);
    int width = out.count() == 0 ? 0 : out.count() / out.size(0);
    for (int u = 0; u < idx.count(); u++) {
      for (int i = 0; i < width && idx.integer(u) >= 0; i++) {
        long at = idx.integer(u) * width + i;
        out.set(at, Cells.in(args, 0).get(at) + Cells.in(args, 2).get((long) u * width + i));
      }
    }
  }
}
