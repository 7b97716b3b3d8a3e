package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.cuda.kernels.StateKernels.Entry;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.ValueType;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Attention over paged keys and values, and over paged latents.
 *
 * <p>What runs, and how many blocks share a sequence, is chosen from shapes and dtypes alone, so
 * that a step waits for nothing and the same step gives the same bits.
 */
final class AttentionKernels {
  private static final int THREADS = 128;
  private static final int MAX_GRID_Y = 65535;

  /** Of the set of positions that a block keeps in shared memory: 256 Ki positions. */
  private static final int MAX_SEEN_WORDS = 8192;

  /** Rows of a sequence that still count as decode where others of the step have more. */
  private static final int FEW_ROWS = 4;

  private static final int ALL_ROWS = Integer.MAX_VALUE;

  /** Blocks of decode that a multiprocessor should have to choose from. */
  private static final int BLOCKS_A_MULTIPROCESSOR = 4;

  /** Tiles a multiprocessor from which on each of them is the work of one warp. */
  private static final int MANY_TILES = 6;

  private static final int MAX_SPLITS = 32;

  private final Gpu gpu;
  private final RoundedOperand rounded;
  private final boolean isInvariant;

  /**
   * Loads the kernels.
   *
   * @param rounded where the projection that follows looks for its operand
   */
  AttentionKernels(Gpu gpu, RoundedOperand rounded) {
    this(gpu, rounded, false);
  }

  private AttentionKernels(Gpu gpu, RoundedOperand rounded, boolean isInvariant) {
    this.gpu = gpu;
    this.rounded = rounded;
    this.isInvariant = isInvariant;
  }

  /** The same where a row's sums must not hang on the rows beside it: one kernel, and no splits. */
  AttentionKernels invariant() {
    return new AttentionKernels(gpu, rounded, true);
  }

  private static StateSpec pool(ValueType type) {
    if (type instanceof StateType pool) {
      return pool.spec();
    }
    throw new IllegalStateException("attention: expected a state as operand 1, got " + type);
  }

  /** Whether attention over a pool of this type has a kernel that reads it at full width. */
  static boolean isFast(CompositeOp.PagedAttention op, ValueType pool) {
    StateSpec.Entry k = pool(pool).entry("k", op.layer());
    StateSpec.Entry v = pool(pool).entry("v", op.layer());
    return AttentionTiles.knows(k.dtype(), v.dtype(), k.shape().getLast(), v.shape().getLast());
  }

  /** The same for latents. */
  static boolean isFast(CompositeOp.MlaAttention op, ValueType pool) {
    StateSpec.Entry latent = pool(pool).entry("latent", op.layer());
    return !op.selected()
        && AttentionTiles.knowsLatents(latent.dtype(), latent.shape().getLast(), op.rank());
  }

  /**
   * Attention over keys and values.
   *
   * @param relaxed whether queries and weights may be rounded
   */
  Paged paged(CompositeOp.PagedAttention op, Node node, boolean relaxed) {
    return new Paged(op, pool(node.operands().get(1).type()), relaxed);
  }

  /** Shared memory of a block that goes through a row by plain loops, without select. */
  static int plainBytes(long keyWidth, int threads) {
    long floats = keyWidth + threads + 1 & ~1;
    return Math.toIntExact(Float.BYTES * floats + (long) Long.BYTES * threads);
  }

  /** Attention of one node over keys and values. */
  final class Paged implements Kernel {
    private final CompositeOp.PagedAttention op;
    private final Attention attention = new Attention();
    private final @Nullable RowDecode row;

    Paged(CompositeOp.PagedAttention op, StateSpec pool, boolean relaxed) {
      this.op = op;
      StateSpec.Entry k = pool.entry("k", op.layer());
      StateSpec.Entry v = pool.entry("v", op.layer());
      attention.kvHeads = k.shape().getFirst();
      attention.keyWidth = k.shape().getLast();
      attention.valueWidth = v.shape().getLast();
      attention.tiles =
          AttentionTiles.of(
              gpu, k.dtype(), v.dtype(), attention.keyWidth, attention.valueWidth, relaxed);
      attention.causal = op.causal();
      attention.window = op.window();
      attention.chunk = op.chunk();
      attention.softcap = op.softcap();
      attention.scale = op.scale();
      row =
          AttentionTiles.knows(k.dtype(), v.dtype(), attention.keyWidth, attention.valueWidth)
              ? RowDecode.of(gpu, k.dtype(), attention.keyWidth, attention.valueWidth)
              : null;
    }

    private void bind(KernelArgs args) {
      int next = 5;
      attention.sinks = op.sinks() ? args.in(next++) : null;
      attention.alibi = op.alibi() ? args.in(next) : null;
    }

    private Entry entry(KernelArgs args, String name) {
      return Entry.of(args.state(1), name, op.layer());
    }

    @Override
    public void run(KernelArgs args) {
      bind(args);
      attention.run(args, args.state(1), entry(args, "k"), entry(args, "v"));
    }

    /**
     * Runs a step of one row and one sequence together with what its heads need before.
     *
     * @param args of the attention
     * @param heads writes the struct of that
     * @return whether it ran: not where there are more rows or many positions, or no kernel fits
     */
    boolean runRow(KernelArgs args, UnaryOperator<Params> heads) {
      Entry keys = entry(args, "k");
      Entry values = entry(args, "v");
      boolean isOne = args.in(0).size(0) == 1 && args.in(3).size(0) == 1;
      boolean aligned = ((keys.address() | values.address()) & 15) == 0;
      boolean fits = aligned && keys.slots() <= Integer.MAX_VALUE;
      fits &= attention.positions(args, args.state(1)) <= RowDecode.MAX_POSITIONS;
      if (row == null || !isOne || !fits || args.out(0).dtype() != DType.F32) {
        return false;
      }
      bind(args);
      attention.runRow(row, args, keys, values, heads);
      return true;
    }
  }

  Kernel latent(CompositeOp.MlaAttention op, Node node) {
    StateSpec.Entry entry = pool(node.operands().get(1).type()).entry("latent", op.layer());
    Attention attention = new Attention();
    attention.causal = true;
    attention.scale = op.scale();
    attention.kvHeads = 1;
    attention.keyWidth = entry.shape().getLast();
    attention.valueWidth = op.rank();
    if (!op.selected()) {
      attention.latent =
          AttentionTiles.latent(gpu, entry.dtype(), attention.keyWidth, attention.valueWidth);
    }
    return args -> {
      HostState state = args.state(1);
      Entry latent = Entry.of(state, "latent", op.layer());
      attention.select = op.selected() ? args.in(5) : null;
      attention.run(args, state, latent, latent);
    };
  }

  /** One node's attention; what a run brings is written anew, on the thread that runs it. */
  private final class Attention {
    private final long any = gpu.function("attention", "paged_attention_any");
    private final long merge = gpu.function("attention", "paged_decode_merge");
    private @Nullable AttentionTiles tiles;
    private AttentionTiles.@Nullable Latent latent;
    private @Nullable Tensor sinks;
    private @Nullable Tensor alibi;
    private @Nullable Tensor select;
    private boolean causal;
    private long window;
    private long chunk;
    private double softcap;
    private double scale;
    private long kvHeads;
    private long keyWidth;
    private long valueWidth;

    private long tokens;
    private long sequences;
    private long heads;
    private long roundedOut;
    private long partials;
    private long splits;
    private long fewRows;
    private long tileTokens = 1;
    private long tileHeads = 1;

    private static long address(@Nullable Tensor t) {
      return t == null ? 0 : Params.addressOf(t);
    }

    private static int dtype(@Nullable Tensor t) {
      return t == null ? 0 : t.dtype().ordinal();
    }

    void run(KernelArgs args, HostState state, Entry keys, Entry values) {
      tokens = args.in(0).size(0);
      heads = args.in(0).size(1);
      sequences = args.in(3).size(0);
      boolean aligned = ((keys.address() | values.address()) & 15) == 0;
      if (latent != null && aligned && sequences > 0) {
        runLatent(latent, args, state, keys);
      } else if (tiles == null || !aligned || sequences == 0) {
        runAny(args, state, keys, values);
      } else if (!isInvariant && tokens <= FEW_ROWS * sequences) {
        runDecode(tiles, ALL_ROWS, args, state, keys, values);
      } else if (isInvariant || sequences == 1) {
        runPrefill(tiles, 0, args, state, keys, values);
      } else {
        runDecode(tiles, FEW_ROWS, args, state, keys, values);
        runPrefill(tiles, FEW_ROWS, args, state, keys, values);
      }
    }

    void runRow(
        RowDecode kernel, KernelArgs args, Entry keys, Entry values, UnaryOperator<Params> head) {
      HostState state = args.state(1);
      tokens = 1;
      sequences = 1;
      heads = args.in(0).size(1);
      tileTokens = 1;
      tileHeads = 1;
      fewRows = ALL_ROWS;
      long turns = Math.ceilDiv(positions(args, state), kernel.positions());
      // A block more than there are multiprocessors would wait for another to end.
      share(turns <= RowDecode.TURNS ? 1 : gpu.multiprocessors() / heads, turns);
      append(head.apply(gpu.params()), args, state, keys, values).i64(kernel.arrived());
      gpu.launch(kernel.kernel(), 1, heads, splits, RowDecode.THREADS, kernel.sharedBytes());
    }

    private long seenWords(long positions) {
      return select == null ? 0 : Math.min(MAX_SEEN_WORDS, Math.ceilDiv(positions, 32));
    }

    /** Shared memory of a block that goes through a row by plain loops. */
    private int sharedBytes(long positions) {
      return Math.toIntExact(plainBytes(keyWidth, THREADS) + 4 * seenWords(positions));
    }

    private long positions(KernelArgs args, HostState state) {
      return args.in(4).size(1) * state.spec().slotsPerPage();
    }

    /** A block for each of some rows, and each head. */
    private void launchRows(long kernel, long rows, int shared) {
      gpu.launch(
          kernel,
          heads,
          Math.min(rows, MAX_GRID_Y),
          Math.ceilDiv(rows, MAX_GRID_Y),
          THREADS,
          shared);
    }

    private void runAny(KernelArgs args, HostState state, Entry keys, Entry values) {
      params(args, state, keys, values);
      launchRows(any, tokens, sharedBytes(positions(args, state)));
    }

    /** Shares rows of one KV head among blocks of so many; returns the blocks for all heads. */
    private long tile(int rows) {
      long group = heads / kvHeads;
      tileHeads = Math.min(group, rows);
      tileTokens = rows / tileHeads;
      return kvHeads * Math.ceilDiv(group, tileHeads);
    }

    private void runDecode(
        AttentionTiles kernels,
        int rowsAtMost,
        KernelArgs args,
        HostState state,
        Entry keys,
        Entry values) {
      long y = tile(AttentionTiles.DECODE_ROWS);
      fewRows = rowsAtMost;
      AttentionTiles.Many many = kernels.many();
      if (many != null && sequences * y >= (long) MANY_TILES * gpu.multiprocessors()) {
        runMany(many, sequences * y, args, state, keys, values);
        return;
      }
      split(args, state, sequences * y);
      params(args, state, keys, values);
      gpu.launch(kernels.decode(), sequences + 1, y, splits, THREADS, kernels.decodeShared());
      mergeSplits(args, state, keys, values);
    }

    private void runMany(
        AttentionTiles.Many kernel,
        long tiles,
        KernelArgs args,
        HostState state,
        Entry keys,
        Entry values) {
      splits = 1;
      partials = 0;
      beginRounding(fewRows == ALL_ROWS);
      params(args, state, keys, values);
      long blocks = Math.ceilDiv(tiles, AttentionTiles.TILES_A_BLOCK) + 1;
      gpu.launch(kernel.kernel(), blocks, 1, 1, THREADS, kernel.sharedBytes());
      endRounding(args.out(0));
    }

    /**
     * Has a kernel write its result rounded as well, for the projection behind it.
     *
     * @param writesAll whether it writes all rows
     */
    private void beginRounding(boolean writesAll) {
      boolean rounds = writesAll && tokens <= RoundedOperand.MAX_ROWS;
      roundedOut = rounds ? gpu.scratch(2 * tokens * heads * valueWidth) : 0;
    }

    private void endRounding(Tensor out) {
      if (roundedOut != 0) {
        rounded.keep(address(out), out.dtype(), tokens * heads * valueWidth, roundedOut);
        roundedOut = 0;
      }
    }

    /** Shares the positions of each of so many tiles among blocks, to have enough of those. */
    private void split(KernelArgs args, HostState state, long blocks) {
      long wanted = Math.ceilDiv((long) BLOCKS_A_MULTIPROCESSOR * gpu.multiprocessors(), blocks);
      share(wanted, Math.ceilDiv(positions(args, state), AttentionTiles.SPLIT_POSITIONS));
    }

    /**
     * Shares so many parts among as many blocks as are wanted, and finds room for what they leave.
     */
    private void share(long wanted, long parts) {
      splits = isInvariant ? 1 : Math.clamp(Math.min(wanted, parts), 1, MAX_SPLITS);
      long floats = mergedRows() * heads * splits * (valueWidth + 2);
      partials = splits == 1 ? 0 : gpu.scratch(Float.BYTES * Math.max(1, floats));
    }

    private long mergedRows() {
      return fewRows == ALL_ROWS ? tokens : sequences * fewRows;
    }

    private void mergeSplits(KernelArgs args, HostState state, Entry keys, Entry values) {
      if (splits > 1) {
        params(args, state, keys, values);
        launchRows(merge, mergedRows(), sharedBytes(positions(args, state)));
      }
    }

    private void runLatent(
        AttentionTiles.Latent kernel, KernelArgs args, HostState state, Entry latents) {
      long y = tile(AttentionTiles.LATENT_ROWS);
      fewRows = ALL_ROWS;
      split(args, state, Math.max(1, Math.ceilDiv(tokens, tileTokens)) * y);
      params(args, state, latents, latents);
      long x = tokens / tileTokens + sequences + 2;
      gpu.launch(kernel.kernel(), x, y, splits, THREADS, kernel.sharedBytes());
      mergeSplits(args, state, latents, latents);
    }

    private void runPrefill(
        AttentionTiles kernels,
        int fewerRows,
        KernelArgs args,
        HostState state,
        Entry keys,
        Entry values) {
      AttentionTiles.Prefill prefill = kernels.prefill();
      long y = tile(prefill.rows());
      splits = 1;
      fewRows = fewerRows;
      partials = 0;
      beginRounding(prefill.rounds() && fewerRows == 0);
      params(args, state, keys, values);
      long x = tokens / tileTokens + sequences + 2;
      gpu.launch(prefill.kernel(), x, y, 1, prefill.threads(), prefill.sharedBytes());
      endRounding(args.out(0));
    }

    private void params(KernelArgs args, HostState state, Entry keys, Entry values) {
      append(gpu.params(), args, state, keys, values);
    }

    private Params append(Params p, KernelArgs args, HostState state, Entry keys, Entry values) {
      Tensor q = args.in(0);
      Tensor out = args.out(0);
      p.address(q).i64(keys.address()).i64(values.address());
      p.address(args.in(2)).address(args.in(3)).address(args.in(4));
      p.i64(address(sinks)).i64(address(alibi)).i64(address(select)).address(out);
      p.i64(roundedOut).i64(partials);
      p.i64(tokens).i64(window).i64(chunk).i64(keys.width()).i64(values.width());
      p.i32(sequences).i32(args.in(4).size(1)).i32(state.spec().slotsPerPage());
      p.i32(heads).i32(kvHeads).i32(keyWidth).i32(valueWidth);
      p.i32(select == null ? 0 : select.size(1)).i32(seenWords(positions(args, state)));
      p.i32(causal ? 1 : 0).f32(scale).f32(softcap);
      p.i32(q.dtype().ordinal()).i32(keys.dtype()).i32(values.dtype());
      p.i32(dtype(sinks)).i32(dtype(alibi)).i32(out.dtype().ordinal());
      p.i32(splits).i32(fewRows).i32(fewRows == ALL_ROWS ? 0 : fewRows);
      return p.i32(tileTokens).i32(tileHeads);
    }
  }
}
