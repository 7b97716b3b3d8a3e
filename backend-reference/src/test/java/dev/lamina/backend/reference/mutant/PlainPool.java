package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;

/** Pools: append, copy, export, import. Bugs override a method. */
final class PlainPool {
  private PlainPool() {}

  private static long elements(StateSpec.Entry e) {
    return e.bytesPerSlot() / e.dtype().bytes();
  }

  /** Keys and values of a step. */
  static class Append implements Kernel {
    final CompositeOp.KvAppend op;

    Append(CompositeOp.KvAppend op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      HostState pool = args.state(0);
      Cells slots = Cells.in(args, 3);
      for (int t = 0; t < slots.count(); t++) {
        long slot = slot(slots.integer(t), pool);
        if (slot >= 0) {
          write(pool, keyEntry(), Cells.in(args, 1), row(t), slot);
          write(pool, valueEntry(), Cells.in(args, 2), row(t), slot);
        }
      }
    }

    String keyEntry() {
      return "k";
    }

    String valueEntry() {
      return "v";
    }

    int layer() {
      return op.layer();
    }

    long slot(long slot, HostState pool) {
      return slot;
    }

    int row(int t) {
      return t;
    }

    final void write(HostState pool, String name, Cells x, int row, long slot) {
      StateSpec.Entry e = pool.spec().entry(name, layer());
      MemorySegment memory = pool.entry(pool.spec().entries().indexOf(e));
      long n = elements(e);
      for (int i = 0; i < written(n); i++) {
        double v = rounded(x.get(row * n + i));
        Elements.setFloat(e.dtype(), memory, (slot * n + i) * e.dtype().bytes(), (float) v);
      }
    }

    long written(long elements) {
      return elements;
    }

    double rounded(double v) {
      return v;
    }
  }

  /** Slots to slots. */
  static class Copy implements Kernel {
    @Override
    public void run(KernelArgs args) {
      Cells src = Cells.in(args, 1);
      Cells dst = Cells.in(args, 2);
      HostState pool = args.state(0);
      for (int e = 0; e < entries(pool); e++) {
        StateSpec.Entry entry = pool.spec().entries().get(e);
        long bytes = bytes(entry);
        MemorySegment source = source(pool.entry(e));
        for (int i = 0; i < src.count(); i++) {
          if (isWanted(src.integer(i), dst.integer(i))) {
            long from = Math.max(0, src.integer(i)) * entry.bytesPerSlot();
            long to = Math.max(0, dst.integer(i)) * entry.bytesPerSlot();
            MemorySegment.copy(source, from, pool.entry(e), to, bytes);
          }
        }
      }
    }

    int entries(HostState pool) {
      return pool.spec().entries().size();
    }

    long bytes(StateSpec.Entry entry) {
      return entry.bytesPerSlot();
    }

    /** What is read from: the pool as it was. */
    MemorySegment source(MemorySegment memory) {
      return MemorySegment.ofArray(memory.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
    }

    boolean isWanted(long src, long dst) {
      return src >= 0 && dst >= 0;
    }
  }

  /** Slots out of a pool. */
  static class Export implements Kernel {
    final CompositeOp.StateExport op;

    Export(CompositeOp.StateExport op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      HostState pool = args.state(0);
      StateSpec.Entry e = pool.spec().entry(op.entry(), layer());
      MemorySegment memory = pool.entry(pool.spec().entries().indexOf(e));
      Cells slots = Cells.in(args, 1);
      MemorySegment out = args.out(0).segment();
      long bytes = e.bytesPerSlot();
      for (int i = 0; i < slots.count(); i++) {
        long to = args.out(0).offset() + i * bytes;
        if (slots.integer(i) < 0) {
          out.asSlice(to, bytes).fill(padding());
        } else {
          MemorySegment.copy(memory, slots.integer(i) * bytes, out, to, bytes);
        }
      }
    }

    int layer() {
      return op.layer();
    }

    byte padding() {
      return 0;
    }
  }

  /** Slots into a pool. */
  static class Import implements Kernel {
    final CompositeOp.StateImport op;

    Import(CompositeOp.StateImport op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      HostState pool = args.state(0);
      StateSpec.Entry e = pool.spec().entry(op.entry(), op.layer());
      MemorySegment memory = pool.entry(pool.spec().entries().indexOf(e));
      Cells slots = Cells.in(args, 2);
      long bytes = e.bytesPerSlot();
      for (int i = 0; i < slots.count(); i++) {
        long slot = slot(slots.integer(i));
        if (slot >= 0) {
          long from = args.in(1).offset() + i * bytes;
          MemorySegment.copy(args.in(1).segment(), from, memory, slot * bytes, bytes);
        }
      }
    }

    long slot(long slot) {
      return slot;
    }
  }
}
