package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.TensorType;
import org.jspecify.annotations.Nullable;

/**
 * The composites that carry a state from token to token. Constants are those of {@code
 * recurrent.cu}.
 */
final class RecurrentKernels {
  /** Channels of a key that the scan's widest kernel keeps in registers. */
  private static final int MAX_KEY_WIDTH = 512;

  private static final int CONV_THREADS = 128;
  private static final int CONV_ROWS = 16;
  private static final int SCAN_THREADS = 256;
  private static final int COLUMNS = 32;
  private static final int[] ROWS = {8, 16, 32, 64, 128};

  private final GridDevice grid;
  private final long[] scans = new long[ROWS.length];

  RecurrentKernels(GridDevice grid) {
    this.grid = grid;
  }

  /** Whether a scan keeps its keys, the second operand's or Mamba's fifth, in registers. */
  static boolean hasRoom(OpSpec spec) {
    int keys = spec.op() instanceof CompositeOp.SsdScan ? 4 : 2;
    TensorType type = (TensorType) spec.operands().get(keys);
    return type.shape().dim(2).upperBound() <= MAX_KEY_WIDTH;
  }

  /** Appends reads, writes and cuSeqlensQ, which are operands from {@code first} on. */
  private static Params sequences(Params p, KernelArgs args, int first, long tokens) {
    p.address(args.in(first)).address(args.in(first + 1)).address(args.in(first + 2));
    return p.i32(args.in(first).size(0)).i32(tokens);
  }

  private void check(KernelArgs args, int first, long tokens, long slots, long kernel) {
    if (!args.debug()) {
      return;
    }
    Params p = sequences(grid.params(), args, first, tokens).i64(slots);
    grid.fault(p, true, GridDevice.Checked.RECURRENT);
    grid.launchOver(kernel, args.in(first).size(0), CONV_THREADS);
  }

  Kernel convolution(CompositeOp.CausalConv1d op) {
    long sequences = grid.function("recurrent", "conv_sequences");
    long rows = grid.function("recurrent", "conv_rows");
    long tails = grid.function("recurrent", "conv_tails");
    long checked = grid.function("recurrent", "check_slots");
    return args -> {
      StateKernels.Entry tail = StateKernels.Entry.of(args.state(0), op.entry(), op.layer());
      Tensor x = args.in(1);
      Tensor w = args.in(2);
      Tensor bias = op.biased() ? args.in(6) : null;
      long seqs = args.in(3).size(0);
      long tokens = x.size(0);
      check(args, 3, tokens, tail.slots(), checked);
      Params p = sequences(grid.params(), args, 3, tokens).address(x).addressIf(w);
      p.addressIf(bias).address(tail.address()).address(args.out(0));
      p.i32(x.size(1)).i32(w.size(1)).i32(op.silu() ? 1 : 0).i32(x.dtype().ordinal());
      p.i32(w.dtype().ordinal()).i32(bias == null ? 0 : bias.dtype().ordinal());
      p.i32(tail.dtype()).i32(args.out(0).dtype().ordinal());
      long blocks = (x.size(1) + CONV_THREADS - 1) / CONV_THREADS;
      // A sequence's rows are walked by one thread a channel, unless there are many.
      if (seqs == 0 || tokens <= CONV_ROWS + 2 * seqs) {
        grid.launch(sequences, blocks, seqs + 1, 1, CONV_THREADS, 0);
      } else {
        grid.launch(rows, blocks, (tokens + CONV_ROWS - 1) / CONV_ROWS, 1, CONV_THREADS, 0);
        grid.launch(tails, blocks, seqs, 1, CONV_THREADS, 0);
      }
    };
  }

  Kernel gatedDelta(CompositeOp.GatedDelta op) {
    long checked = grid.function("recurrent", "check_slots");
    Scan scan = new Scan(checked);
    return args -> {
      scan.entry = StateKernels.Entry.of(args.state(0), op.entry(), op.layer());
      scan.q = args.in(1);
      scan.k = args.in(2);
      scan.v = args.in(3);
      scan.g = args.in(4);
      scan.beta = args.in(5);
      scan.scale = op.scale();
      scan.run(args);
    };
  }

  Kernel ssdScan(CompositeOp.SsdScan op) {
    long checked = grid.function("recurrent", "check_slots");
    Scan scan = new Scan(checked);
    return args -> {
      scan.entry = StateKernels.Entry.of(args.state(0), op.entry(), op.layer());
      scan.v = args.in(1);
      scan.g = args.in(2);
      scan.rate = args.in(3);
      scan.k = args.in(4);
      scan.q = args.in(5);
      scan.scale = 1;
      scan.run(args);
    };
  }

  /** The kernel whose registers hold a key, and its handle. */
  private long scanOf(long keyDim) {
    int i = 0;
    while (4L * ROWS[i] < keyDim) {
      i++;
    }
    if (scans[i] == 0) {
      scans[i] = grid.function("recurrent", "scan_" + ROWS[i]);
    }
    return scans[i];
  }

  /** One node's scan; written anew each run, on the thread that runs it. */
  private final class Scan {
    private final long checked;
    private StateKernels.@Nullable Entry entry;
    private @Nullable Tensor q;
    private @Nullable Tensor k;
    private @Nullable Tensor v;
    private @Nullable Tensor g;
    private @Nullable Tensor rate;
    private @Nullable Tensor beta;
    private double scale;

    Scan(long checked) {
      this.checked = checked;
    }

    private static <T> T given(@Nullable T x) {
      if (x == null) {
        throw new AssertionError("an operand is not set");
      }
      return x;
    }

    private static long address(@Nullable Tensor t) {
      return t == null ? 0 : Params.addressOf(t);
    }

    void run(KernelArgs args) {
      Tensor keys = given(k);
      Tensor values = given(v);
      Tensor decays = given(g);
      StateKernels.Entry states = given(entry);
      Tensor out = args.out(0);
      long tokens = values.size(0);
      check(args, 6, tokens, states.slots(), checked);
      Params p = sequences(grid.params(), args, 6, tokens).addressIf(q).address(keys);
      p.address(values).address(decays).addressIf(rate).addressIf(beta);
      p.address(states.address()).address(out).i32(keys.size(1)).i32(values.size(1));
      p.i32(keys.size(2)).i32(values.size(2)).i32(decays.rank() == 3 ? 1 : 0).f32(scale);
      p.i32(given(q).dtype().ordinal()).i32(keys.dtype().ordinal());
      p.i32(values.dtype().ordinal()).i32(out.dtype().ordinal());
      long columns = (values.size(2) + COLUMNS - 1) / COLUMNS;
      long seqs = args.in(6).size(0);
      grid.launch(scanOf(keys.size(2)), columns, values.size(1), seqs + 1, SCAN_THREADS, 0);
    }
  }
}
