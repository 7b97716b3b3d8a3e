package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.SamplingKernels.TopRows;
import dev.lamina.backend.sdk.grid.StateKernels.Entry;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;

/** The positions that sparse attention looks at: a score for each, and the best of each row. */
final class IndexKernels {
  private static final int THREADS = 128;
  private static final int MAX_GRID_Y = 65535;

  /** Rows are scored a part at a time: positions are as many as the block table has room for. */
  private static final long MAX_SCORES_BYTES = 64L << 20;

  private final GridDevice grid;

  IndexKernels(GridDevice grid) {
    this.grid = grid;
  }

  /** Whether a block has room for the queries of a row. */
  boolean hasRoom(OpSpec spec) {
    return spec.operands().getFirst() instanceof TensorType q
        && queryBytes(q.shape().dim(1).upperBound(), q.shape().dim(2).upperBound())
            <= grid.sharedBytes();
  }

  private static long queryBytes(long heads, long width) {
    return Float.BYTES * heads * (width + 1);
  }

  Kernel topk(CompositeOp.IndexTopk op) {
    Indexer indexer = new Indexer(op);
    return indexer::run;
  }

  /** One node's choice; what a run brings is written anew, on the thread that runs it. */
  private final class Indexer {
    private final CompositeOp.IndexTopk op;
    private final long scoreKernel = grid.function("index", "index_scores");
    private final long positionKernel = grid.function("index", "index_positions");
    private final TopRows top;
    private long length;
    private long first;
    private long rows;
    private long scores;
    private long best;

    Indexer(CompositeOp.IndexTopk op) {
      this.op = op;
      this.top = new TopRows(grid, op.k());
    }

    void run(KernelArgs args) {
      long tokens = args.in(0).size(0);
      length = Math.max(args.in(5).size(1) * args.state(2).spec().slotsPerPage(), op.k());
      long part = Math.max(1, MAX_SCORES_BYTES / (Float.BYTES * length));
      for (first = 0; first < tokens; first += part) {
        rows = Math.min(part, tokens - first);
        runPart(args);
      }
    }

    private void runPart(KernelArgs args) {
      long listBytes = top.listBytes(rows, length);
      long scoreBytes = Float.BYTES * rows * length;
      long bestBytes = Float.BYTES * rows * op.k();
      long lists = grid.scratch(listBytes + scoreBytes + 2 * bestBytes);
      scores = lists + listBytes;
      best = scores + scoreBytes;
      params(args);
      int shared = Math.toIntExact(queryBytes(args.in(0).size(1), args.in(0).size(2)));
      long y = Math.min(rows, MAX_GRID_Y);
      long x = Math.ceilDiv(length, THREADS);
      grid.launch(scoreKernel, x, y, Math.ceilDiv(rows, y), THREADS, shared);
      top.run(scores, DType.F32, rows, length, best + bestBytes, best, lists);
      params(args);
      grid.launchOver(positionKernel, rows * op.k(), 256);
    }

    private void params(KernelArgs args) {
      Tensor q = args.in(0);
      HostState state = args.state(2);
      Entry keys = Entry.of(state, "index", op.layer());
      Params p = grid.params().address(q).address(args.in(1)).address(keys.address());
      p.address(args.in(3)).address(args.in(4)).address(args.in(5));
      p.address(scores).address(best).address(args.out(0)).i64(first).i64(rows).i64(length);
      p.i32(args.in(4).size(0)).i32(args.in(5).size(1)).i32(state.spec().slotsPerPage());
      p.i32(q.size(1)).i32(q.size(2)).i32(op.k()).f32(op.scale());
      p.i32(q.dtype().ordinal()).i32(keys.dtype());
    }
  }
}
