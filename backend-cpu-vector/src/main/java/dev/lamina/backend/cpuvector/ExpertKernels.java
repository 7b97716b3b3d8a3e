package dev.lamina.backend.cpuvector;

import static dev.lamina.backend.cpuvector.Operands.rows;
import static dev.lamina.backend.cpuvector.Operands.size;

import dev.lamina.backend.cpuvector.kernels.Experts;
import dev.lamina.backend.cpuvector.kernels.Linear;
import dev.lamina.backend.cpuvector.kernels.Matrix;
import dev.lamina.backend.cpuvector.kernels.Router;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The composites of mixtures of experts. */
final class ExpertKernels {
  private final Router router;
  private final Experts experts;

  ExpertKernels(WorkerPool pool, int streamRows) {
    router = new Router(pool);
    experts = new Experts(new Linear(pool, streamRows));
  }

  void route(CompositeOp.MoeRoute op, KernelArgs args) {
    Tensor logits = args.in(0);
    Linear.Rows bias = op.biased() ? rows(args.in(1)) : null;
    router.run(
        op,
        rows(logits),
        size(logits, 0),
        size(logits, 1),
        bias,
        rows(args.out(0)),
        rows(args.out(1)));
  }

  /** A stack of weights as it was at the last run, each matrix with what a scan of it found. */
  private static final class Stack {
    private Matrix @Nullable [] matrices;
    private @Nullable MemorySegment segment;
    private long offset;

    /** Read-only memory is a weight, which never changes; other memory is scanned anew. */
    Matrix[] of(Tensor w) {
      Matrix[] known = matrices;
      if (known == null
          || !w.segment().equals(segment)
          || offset != w.offset()
          || !w.segment().isReadOnly()) {
        known = Operands.matrices(w);
        matrices = known;
        segment = w.segment();
        offset = w.offset();
      }
      return known;
    }
  }

  void linear(CompositeOp.MoeLinear op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor ids = args.in(2);
    Stack stack = args.scratch(Stack::new);
    Linear.Rows bias = op.biased() ? rows(args.in(3)) : null;
    experts.run(
        rows(x),
        x.rank() == 3,
        rows(ids),
        size(ids, 0),
        size(ids, 1),
        stack.of(args.in(1)),
        bias,
        rows(args.out(0)));
  }
}
