package dev.lamina.backend.cpuvector;

import static dev.lamina.backend.cpuvector.Operands.rows;
import static dev.lamina.backend.cpuvector.Operands.size;

import dev.lamina.backend.cpuvector.kernels.Append;
import dev.lamina.backend.cpuvector.kernels.Attention;
import dev.lamina.backend.cpuvector.kernels.AttentionArgs;
import dev.lamina.backend.cpuvector.kernels.AttentionSpec;
import dev.lamina.backend.cpuvector.kernels.Linear;
import dev.lamina.backend.cpuvector.kernels.Matrix;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.ProgramError;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** The composites that read or write a pool in the dense layout. */
final class StateKernels {
  private final Append append;
  private final Attention attention;

  StateKernels(WorkerPool pool) {
    append = new Append(pool);
    attention = new Attention(pool);
  }

  /** One entry of a pool. */
  private record Entry(StateSpec.Entry spec, MemorySegment data, int slots) {
    static Entry of(HostState state, String name, int layer) {
      StateSpec.Entry e = state.spec().entry(name, layer);
      int index = state.spec().entries().indexOf(e);
      return new Entry(e, state.entry(index), Math.toIntExact(state.numSlots()));
    }

    /** The first so many columns. */
    Matrix beginning(int cols) {
      return new Matrix(spec.dtype(), data, 0, slots, cols, spec.bytesPerSlot());
    }

    Matrix matrix() {
      int cols = Math.toIntExact(spec.bytesPerSlot() / spec.dtype().bytes());
      return Matrix.dense(spec.dtype(), data, 0, slots, cols);
    }
  }

  private static int index(Tensor t, long i) {
    return (int) Elements.getLong(t.dtype(), t.segment(), t.offset() + i * t.dtype().bytes());
  }

  void append(CompositeOp.KvAppend op, KernelArgs args) {
    Entry keys = Entry.of(args.state(0), "k", op.layer());
    Entry values = Entry.of(args.state(0), "v", op.layer());
    Tensor slots = args.in(3);
    if (args.debug()) {
      checkDistinct(slots, keys.slots);
    }
    append.run(
        rows(args.in(1)),
        rows(args.in(2)),
        rows(slots),
        size(slots, 0),
        keys.matrix(),
        values.matrix());
  }

  private static void checkDistinct(Tensor slots, int limit) {
    BitSet seen = new BitSet();
    for (int t = 0; t < slots.size(0); t++) {
      int slot = index(slots, t);
      if (slot >= limit) {
        throw new ProgramError("kv_append: expected slots below " + limit + ", got " + slot);
      }
      if (slot >= 0 && seen.get(slot)) {
        throw new ProgramError("kv_append: expected distinct slots, got " + slot + " twice");
      }
      if (slot >= 0) {
        seen.set(slot);
      }
    }
  }

  /** What one node's attention keeps from run to run. */
  private static final class Prepared {
    private final AttentionSpec spec;
    private final AttentionArgs args = new AttentionArgs();

    Prepared(AttentionSpec spec) {
      this.spec = spec;
    }
  }

  private static Prepared prepare(CompositeOp.PagedAttention op, Tensor q, HostState state) {
    StateSpec.Entry k = state.spec().entry("k", op.layer());
    StateSpec.Entry v = state.spec().entry("v", op.layer());
    return new Prepared(
        new AttentionSpec(
            size(q, 1),
            k.shape().getFirst(),
            k.shape().getLast(),
            v.shape().getLast(),
            state.spec().slotsPerPage(),
            (float) op.scale(),
            op.causal(),
            op.window(),
            op.chunk(),
            (float) op.softcap()));
  }

  void attention(CompositeOp.PagedAttention op, KernelArgs args) {
    Tensor q = args.in(0);
    HostState state = args.state(1);
    Prepared prepared = args.scratch(() -> prepare(op, q, state));
    AttentionArgs a = bound(prepared, args);
    int next = 5;
    Linear.Rows none = null;
    a.sinks = op.sinks() ? rows(args.in(next++)) : none;
    a.alibi = op.alibi() ? rows(args.in(next)) : none;
    a.keys = Entry.of(state, "k", op.layer()).matrix();
    a.values = Entry.of(state, "v", op.layer()).matrix();
    attention.run(prepared.spec, a);
  }

  /** Queries, result and sequences. */
  private static AttentionArgs bound(Prepared prepared, KernelArgs args) {
    AttentionArgs a = prepared.args;
    Tensor q = args.in(0);
    a.q = rows(q);
    a.out = rows(args.out(0));
    a.numTokens = size(q, 0);
    Tensor cuSeqlensQ = args.in(2);
    a.cuSeqlensQ = cuSeqlensQ.segment();
    a.cuSeqlensQOffset = cuSeqlensQ.offset();
    Tensor kvLens = args.in(3);
    a.kvLens = kvLens.segment();
    a.kvLensOffset = kvLens.offset();
    a.numSeqs = size(kvLens, 0);
    Tensor blockTable = args.in(4);
    a.blockTable = blockTable.segment();
    a.blockTableOffset = blockTable.offset();
    a.maxPages = size(blockTable, 1);
    return a;
  }

  /** Attention over latents: a value is the beginning of its key, where it lies. */
  void latentAttention(CompositeOp.MlaAttention op, KernelArgs args) {
    Tensor q = args.in(0);
    HostState state = args.state(1);
    Entry latent = Entry.of(state, "latent", op.layer());
    Prepared prepared =
        args.scratch(() ->
            new Prepared(
                new AttentionSpec(
                    size(q, 1),
                    1,
                    size(q, 2),
                    op.rank(),
                    state.spec().slotsPerPage(),
                    (float) op.scale(),
                    true,
                    0,
                    0,
                    0)));
    AttentionArgs a = bound(prepared, args);
    a.sinks = null;
    a.alibi = null;
    a.keys = latent.matrix();
    a.values = latent.beginning(op.rank());
    attention.run(prepared.spec, a);
  }

  /** All reads come before all writes. */
  void copy(KernelArgs args) {
    HostState state = args.state(0);
    Tensor src = args.in(1);
    Tensor dst = args.in(2);
    int n = size(src, 0);
    for (int e = 0; e < state.spec().entries().size(); e++) {
      long bytes = state.spec().entries().get(e).bytesPerSlot();
      MemorySegment data = state.entry(e);
      byte[] kept = new byte[Math.toIntExact(n * bytes)];
      MemorySegment buffer = MemorySegment.ofArray(kept);
      for (int i = 0; i < n; i++) {
        if (index(src, i) >= 0 && index(dst, i) >= 0) {
          MemorySegment.copy(data, index(src, i) * bytes, buffer, i * bytes, bytes);
        }
      }
      for (int i = 0; i < n; i++) {
        if (index(src, i) >= 0 && index(dst, i) >= 0) {
          MemorySegment.copy(buffer, i * bytes, data, index(dst, i) * bytes, bytes);
        }
      }
    }
  }

  void export(CompositeOp.StateExport op, KernelArgs args) {
    Entry entry = Entry.of(args.state(0), op.entry(), op.layer());
    Tensor slots = args.in(1);
    Tensor out = args.out(0);
    long bytes = entry.spec.bytesPerSlot();
    for (int i = 0; i < size(slots, 0); i++) {
      int slot = index(slots, i);
      long at = out.offset() + i * bytes;
      if (slot < 0) {
        out.segment().asSlice(at, bytes).fill((byte) 0);
      } else {
        MemorySegment.copy(entry.data, slot * bytes, out.segment(), at, bytes);
      }
    }
  }

  void insert(CompositeOp.StateImport op, KernelArgs args) {
    Entry entry = Entry.of(args.state(0), op.entry(), op.layer());
    Tensor x = args.in(1);
    Tensor slots = args.in(2);
    long bytes = entry.spec.bytesPerSlot();
    for (int i = 0; i < size(slots, 0); i++) {
      int slot = index(slots, i);
      if (slot >= 0) {
        MemorySegment.copy(x.segment(), x.offset() + i * bytes, entry.data, slot * bytes, bytes);
      }
    }
  }
}
