package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;

/**
 * From logits to tokens, all of it on the device: penalties, masks, draws and log-probabilities,
 * and the largest elements of rows. Constants are those of {@code sampling.cu}.
 */
final class SamplingKernels {
  /** The most that are found without sorting the whole row. */
  static final int MAX_K = 1024;

  private static final int THREADS = 256;
  private static final int PENALTY_CHUNK = 4096;
  private static final int MASK_CHUNK = 2048;
  private static final int SAMPLE_THREADS = 512;
  private static final int SAMPLE_CHUNK = 8192;

  /** Rows so few that their chunks would leave most of a GPU idle are cut finer. */
  private static final int FEW_ROWS = 8;

  private static final int FINE_CHUNK = 2048;
  private static final int SAMPLE_STATE_BYTES = 28704;
  private static final int TOP_THREADS = 1024;

  private final GridDevice grid;

  SamplingKernels(GridDevice grid) {
    this.grid = grid;
  }

  private static long chunks(long vocab, int chunk) {
    return (vocab + chunk - 1) / chunk;
  }

  Kernel penalties() {
    long kernel = grid.function("sampling", "penalties");
    return args -> {
      Tensor logits = args.in(0);
      Params p = grid.params();
      for (int i = 0; i < 6; i++) {
        p.address(args.in(i));
      }
      p.address(args.out(0)).i32(logits.size(1)).i32(args.in(1).size(1));
      grid.launch(kernel, logits.size(0), chunks(logits.size(1), PENALTY_CHUNK), 1, THREADS, 0);
    };
  }

  Kernel bitmask() {
    long kernel = grid.function("sampling", "apply_bitmask");
    return args -> {
      Tensor logits = args.in(0);
      grid.params().address(logits).address(args.in(1)).address(args.out(0)).i32(logits.size(1));
      grid.launch(kernel, logits.size(0), chunks(logits.size(1), MASK_CHUNK), 1, THREADS, 0);
    };
  }

  Kernel sample() {
    long max = grid.function("sampling", "sample_max");
    long bins = grid.function("sampling", "sample_bins");
    long draw = grid.function("sampling", "sample_draw");
    return args -> {
      Tensor logits = args.in(0);
      long rows = logits.size(0);
      int chunk = rows <= FEW_ROWS ? FINE_CHUNK : SAMPLE_CHUNK;
      long chunks = chunks(logits.size(1), chunk);
      if (rows == 0) {
        return;
      }
      long states = grid.scratch(rows * (SAMPLE_STATE_BYTES + 8 * chunks));
      Params p = grid.params();
      for (int i = 0; i < 7; i++) {
        p.address(args.in(i));
      }
      p.address(args.out(0)).address(states).address(states + rows * SAMPLE_STATE_BYTES);
      p.i32(logits.size(1)).i32(chunks).i32(chunk);
      grid.launch(max, rows, chunks, 1, SAMPLE_THREADS, 0);
      grid.launch(bins, rows, chunks, 1, SAMPLE_THREADS, 0);
      grid.launch(draw, rows, chunks, 1, SAMPLE_THREADS, 0);
    };
  }

  Kernel logprobs(CompositeOp.Logprobs op) {
    long kernel = grid.function("sampling", "logprobs");
    return args -> {
      Tensor logits = args.in(0);
      Params p = grid.params().address(logits).address(args.in(1));
      p.address(args.out(0)).address(args.out(1)).address(args.out(2));
      p.i32(logits.size(1)).i32(op.k());
      grid.launch(kernel, logits.size(0), 1, 1, TOP_THREADS, 0);
    };
  }

  /** The k largest of each row of floats. */
  Kernel topRows(long k) {
    TopRows top = new TopRows(grid, k);
    return args -> {
      Tensor x = args.in(0);
      long length = x.size(x.rank() - 1);
      if (x.elements() == 0 || k == 0) {
        return;
      }
      long rows = x.elements() / length;
      long listBytes = top.listBytes(rows, length);
      long lists = listBytes == 0 ? 0 : grid.scratch(listBytes);
      long values = Params.addressOf(args.out(0));
      long ids = Params.addressOf(args.out(1));
      top.run(Params.addressOf(x), x.dtype(), rows, length, values, ids, lists);
    };
  }

  /** The k largest of each row of floats at an address, and where they stand. */
  static final class TopRows {
    private final GridDevice grid;
    private final long k;
    private final long kernel;

    TopRows(GridDevice grid, long k) {
      this.grid = grid;
      this.k = k;
      kernel = grid.function("sampling", k > MAX_K ? "sort_rows" : "topk_rows");
    }

    /** Room for lists: 0 where no row is sorted whole. */
    long listBytes(long rows, long length) {
      return k > MAX_K ? Long.BYTES * rows * room(length) : 0;
    }

    /** The power of two that a row fits in. */
    private static long room(long length) {
      return Math.max(2, Long.highestOneBit(2 * length - 1));
    }

    /** Rows of {@code length} at least k; values and ids are {@code [rows, k]}. */
    void run(long x, DType dtype, long rows, long length, long values, long ids, long lists) {
      Params p = grid.params().address(x).address(values).address(ids).address(lists);
      p.i64(length).i64(room(length)).i32(k).i32(dtype.ordinal());
      grid.launch(kernel, rows, 1, 1, TOP_THREADS, 0);
    }
  }
}
