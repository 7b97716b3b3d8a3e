package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** Rounds an executable's symbols up as its kernels' provider wants them. */
final class SymbolBuckets {
  private final KernelProvider provider;
  private final List<Dim.Sym> syms;

  /** Symbols of pools, which their slots say. */
  private final boolean[] fixed;

  /** Symbols that a value has which is computed. */
  private final boolean[] computed;

  SymbolBuckets(KernelProvider provider, DimTable dims, Graph decomposed) {
    this.provider = provider;
    this.syms = dims.syms();
    this.fixed = new boolean[syms.size()];
    this.computed = new boolean[syms.size()];
    for (Graph.Input in : decomposed.inputs()) {
      if (in.value().type() instanceof StateType s) {
        mark(dims, s.spec().numSlots(), fixed);
      }
    }
    compute(dims, decomposed);
  }

  private void compute(DimTable dims, Graph graph) {
    for (Node node : graph.nodes()) {
      for (Value v : node.results()) {
        if (v.type() instanceof TensorType t) {
          t.shape().dims().forEach(d -> mark(dims, d, computed));
        }
      }
      if (node.op() instanceof CoreOp.Loop loop) {
        compute(dims, loop.body());
      }
    }
  }

  private static void mark(DimTable dims, Dim dim, boolean[] marks) {
    if (dim instanceof Dim.Sym s) {
      marks[dims.indexOf(s.name())] = true;
    }
  }

  /** Rounds up in place, within each symbol's range. */
  void round(long[] values) {
    for (int i = 0; i < values.length; i++) {
      if (fixed[i] || values[i] <= 0) {
        continue;
      }
      Dim.Sym s = syms.get(i);
      long multiple = s.multipleOf();
      long size = provider.bucket(values[i], !computed[i]);
      long admitted = Math.min((size + multiple - 1) / multiple * multiple, s.max());
      values[i] = Math.max(values[i], admitted);
    }
  }
}
