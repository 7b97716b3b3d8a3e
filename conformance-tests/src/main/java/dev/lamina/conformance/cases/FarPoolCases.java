package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.AttentionOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** A pool whose last pages an int's offset does not reach: written, attended to, copied, read. */
final class FarPoolCases {
  private static final int PAGE = 16;
  private static final int HEADS = 8;

  /** Rows of the two sequences. */
  private static final int FIRST = 20;

  private static final int ROWS = FIRST + 3;

  private FarPoolCases() {}

  static void addTo(CaseList list) {
    for (boolean keys : new boolean[] {true, false}) {
      String wide = keys ? "keys" : "values";
      list.seeded(
          Level.L3,
          "far",
          "f32",
          "23x8x8",
          "kv_append,paged_attention,bytes," + wide,
          Rule.R7,
          (context, seed) -> attend(context, seed, DType.F32, keys ? 64 : 4, keys ? 4 : 64));
      list.seeded(
          Level.L3,
          "far",
          "bf16",
          "23x8x8",
          "kv_append,paged_attention,elements," + wide,
          Rule.R7,
          (context, seed) -> attend(context, seed, DType.BF16, keys ? 128 : 4, keys ? 4 : 128));
    }
  }

  private static Outcome attend(Context context, long seed, DType dtype, int key, int value)
      throws BackendException {
    int wide = HEADS * Math.max(key, value);
    long reach = dtype == DType.F32 ? (1L << 31) / dtype.bytes() : 1L << 31;
    long pages = reach / wide / PAGE + 4;
    StateSpec spec =
        new StateSpec(
            "kv",
            PAGE,
            new Dim.Sym("slots.kv", PAGE, 1L << 40, PAGE),
            List.of(
                new StateSpec.Entry("k", 0, dtype, List.of(HEADS, key)),
                new StateSpec.Entry("v", 0, dtype, List.of(HEADS, value))));
    StateLayout layout = context.device().chooseStateLayout(spec);
    long bytes = pages * layout.bytesPerPage();
    Optional<Outcome> declared = FarRun.tooLittle(context, bytes, bytes);
    if (declared.isPresent()) {
      return declared.get();
    }
    // The first sequence lies in the last page and the one before it, the second in page 0.
    long[] own = {pages - 1, pages - 2, 0};
    long[] at = new long[ROWS];
    for (int t = 0; t < ROWS; t++) {
      int place = t < FIRST ? t : 2 * PAGE + t - FIRST;
      at[t] = own[place / PAGE] * PAGE + place % PAGE;
    }
    Random random = new Random(seed);
    RefTensor q = Regime.NORMAL.make(dtype, new long[] {ROWS, HEADS, key}, random);
    RefTensor k = Regime.NORMAL.make(dtype, new long[] {ROWS, HEADS, key}, random);
    RefTensor v = Regime.NORMAL.make(dtype, new long[] {ROWS, HEADS, value}, random);
    RefTensor cu = RefTensor.exact(DType.I32, new long[] {3}, new long[] {0, FIRST, ROWS});
    RefTensor lens = RefTensor.exact(DType.I32, new long[] {2}, new long[] {FIRST, 3});
    RefTensor table =
        RefTensor.exact(DType.I32, new long[] {2, 2}, new long[] {own[0], own[1], 0, -1});
    RefTensor near = RefTensor.exact(DType.I32, new long[] {2, 2}, new long[] {0, 1, 2, -1});
    RefTensor slots = RefTensor.exact(DType.I32, new long[] {ROWS}, at);
    CompositeOp.PagedAttention op =
        new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 0, false, false);
    RefTensor expected =
        new AttentionOracle(op, PAGE, q, placed(k), placed(v), cu, lens, near, lens, lens).attend();
    List<RefTensor> inputs = List.of(q, k, v, slots, cu, lens, table);
    Ops g = new Ops("far_attention");
    Value pool = g.state(spec);
    List<Value> in = new ArrayList<>();
    for (RefTensor x : inputs) {
      in.add(g.tensor("in" + in.size(), TensorType.of(x.dtype(), x.sizes())));
    }
    Value next = g.kvAppend(pool, 0, in.get(1), in.get(2), in.get(3));
    g.output("y", g.pagedAttention(op, in.get(0), next, in.get(4), in.get(5), in.get(6)));
    g.output("k", g.stateExport(next, "k", 0, in.get(3)));
    g.output("v", g.stateExport(next, "v", 0, in.get(3)));
    g.output("kv", next);
    try (Executable executable = context.device().compile(g.build(), CompileOptions.DEFAULT);
        State state = context.device().allocateState(layout, pages * PAGE);
        FarRun run = new FarRun(context.device())) {
      context.ran(executable.lowering());
      Bindings bindings = executable.newBindings();
      for (Slot slot : executable.slots()) {
        if (slot.kind() == Slot.Kind.STATE) {
          bindings.state(slot.ordinal(), state);
        } else if (slot.kind() == Slot.Kind.INPUT) {
          RefTensor x = inputs.get(Integer.parseInt(slot.name().substring(2)));
          bindings.tensor(slot.ordinal(), run.dense(x));
        }
      }
      int dim = executable.dims().indexOf("slots.kv");
      if (dim >= 0) {
        bindings.dim(dim, pages * PAGE);
      }
      return FarCases.outputs(
          run, executable, bindings, inputs.size() + 1, List.of(expected, k, v));
    }
  }

  /** The rows in a pool of three pages: two for the first sequence, one for the second. */
  private static RefTensor placed(RefTensor rows) {
    int width = rows.size(1) * rows.size(2);
    RefTensor.Builder out =
        new RefTensor.Builder(rows.dtype(), 3L * PAGE, rows.size(1), rows.size(2));
    for (int t = 0; t < ROWS; t++) {
      int place = t < FIRST ? t : 2 * PAGE + t - FIRST;
      for (int i = 0; i < width; i++) {
        out.copy(place * width + i, rows, t * width + i);
      }
    }
    return out.build();
  }
}
