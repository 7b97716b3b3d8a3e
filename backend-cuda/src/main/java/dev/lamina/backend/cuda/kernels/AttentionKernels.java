package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.GeneralAttention;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.StateKernels.Entry;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateSpec;
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
  /** Rows of a sequence that still count as decode where others of the step have more. */
  private static final int FEW_ROWS = 4;

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

  /** Whether attention over a pool of this type has a kernel that reads it at full width. */
  static boolean isFast(CompositeOp.PagedAttention op, ValueType pool) {
    StateSpec.Entry k = GeneralAttention.specOf(pool).entry("k", op.layer());
    StateSpec.Entry v = GeneralAttention.specOf(pool).entry("v", op.layer());
    return AttentionTiles.knows(k.dtype(), v.dtype(), k.shape().getLast(), v.shape().getLast());
  }

  /** The same for latents. */
  static boolean isFast(CompositeOp.MlaAttention op, ValueType pool) {
    StateSpec.Entry latent = GeneralAttention.specOf(pool).entry("latent", op.layer());
    return !op.selected()
        && AttentionTiles.knowsLatents(latent.dtype(), latent.shape().getLast(), op.rank());
  }

  /**
   * Attention over keys and values.
   *
   * @param relaxed whether queries and weights may be rounded
   */
  Paged paged(CompositeOp.PagedAttention op, Node node, boolean relaxed) {
    return new Paged(op, node.operands().get(1).type(), relaxed);
  }

  Kernel latent(CompositeOp.MlaAttention op, Node node) {
    return new Latent(op, node.operands().get(1).type());
  }

  private static boolean isAligned(Entry keys, Entry values) {
    return ((keys.address() | values.address()) & 15) == 0;
  }

  /** What the kernels of tiles share. */
  private class Tiled extends GeneralAttention {
    private final long merge = gpu.function("attention", "paged_decode_merge");

    Tiled(CompositeOp.PagedAttention op, ValueType pool) {
      super(gpu, op, pool);
    }

    Tiled(CompositeOp.MlaAttention op, ValueType pool) {
      super(gpu, op, pool);
    }

    /** Shares rows of one KV head among blocks of so many; returns the blocks for all heads. */
    long tile(int rows) {
      long group = heads / kvHeads;
      tileHeads = Math.min(group, rows);
      tileTokens = rows / tileHeads;
      return kvHeads * Math.ceilDiv(group, tileHeads);
    }

    /** Shares the positions of each of so many tiles among blocks, to have enough of those. */
    void split(KernelArgs args, long blocks) {
      long wanted = Math.ceilDiv((long) BLOCKS_A_MULTIPROCESSOR * gpu.multiprocessors(), blocks);
      share(wanted, Math.ceilDiv(positions(args), AttentionTiles.SPLIT_POSITIONS));
    }

    /**
     * Shares so many parts among as many blocks as are wanted, and finds room for what they leave.
     */
    void share(long wanted, long parts) {
      splits = isInvariant ? 1 : Math.clamp(Math.min(wanted, parts), 1, MAX_SPLITS);
      long floats = mergedRows() * heads * splits * (valueWidth + 2);
      partials = splits == 1 ? 0 : gpu.scratch(Float.BYTES * Math.max(1, floats));
    }

    long mergedRows() {
      return fewRows == ALL_ROWS ? tokens : sequences * fewRows;
    }

    void mergeSplits(KernelArgs args, Entry keys, Entry values) {
      if (splits > 1) {
        params(args, keys, values);
        launchRows(merge, mergedRows(), plainBytes(args));
      }
    }

    void params(KernelArgs args, Entry keys, Entry values) {
      append(gpu.params(), args, keys, values);
    }
  }

  /** Attention of one node over keys and values. */
  final class Paged extends Tiled {
    private final @Nullable AttentionTiles tiles;
    private final @Nullable RowDecode row;

    Paged(CompositeOp.PagedAttention op, ValueType pool, boolean relaxed) {
      super(op, pool);
      DType k = GeneralAttention.specOf(pool).entry("k", op.layer()).dtype();
      DType v = GeneralAttention.specOf(pool).entry("v", op.layer()).dtype();
      tiles = AttentionTiles.of(gpu, k, v, keyWidth, valueWidth, relaxed);
      row =
          AttentionTiles.knows(k, v, keyWidth, valueWidth)
              ? RowDecode.of(gpu, k, keyWidth, valueWidth)
              : null;
    }

    @Override
    protected void run(KernelArgs args, Entry keys, Entry values) {
      if (tiles == null || !isAligned(keys, values) || sequences == 0) {
        super.run(args, keys, values);
      } else if (!isInvariant && tokens <= FEW_ROWS * sequences) {
        runDecode(tiles, ALL_ROWS, args, keys, values);
      } else if (isInvariant || sequences == 1) {
        runPrefill(tiles, 0, args, keys, values);
      } else {
        runDecode(tiles, FEW_ROWS, args, keys, values);
        runPrefill(tiles, FEW_ROWS, args, keys, values);
      }
    }

    /**
     * Runs a step of one row and one sequence together with what its heads need before.
     *
     * @param args of the attention
     * @param head writes the struct of that
     * @return whether it ran: not where there are more rows or many positions, or no kernel fits
     */
    boolean runRow(KernelArgs args, UnaryOperator<Params> head) {
      Entry keys = keys(args);
      Entry values = values(args);
      boolean isOne = args.in(0).size(0) == 1 && args.in(3).size(0) == 1;
      boolean fits = isAligned(keys, values) && keys.slots() <= Integer.MAX_VALUE;
      fits &= positions(args) <= RowDecode.MAX_POSITIONS;
      if (row == null || !isOne || !fits || args.out(0).dtype() != DType.F32) {
        return false;
      }
      bind(args);
      tileTokens = 1;
      tileHeads = 1;
      fewRows = ALL_ROWS;
      long turns = Math.ceilDiv(positions(args), row.positions());
      // A block more than there are multiprocessors would wait for another to end.
      share(turns <= RowDecode.TURNS ? 1 : gpu.multiprocessors() / heads, turns);
      append(head.apply(gpu.params()), args, keys, values).address(row.arrived());
      gpu.launch(row.kernel(), 1, heads, splits, RowDecode.THREADS, row.sharedBytes());
      return true;
    }

    private void runDecode(
        AttentionTiles kernels, int rowsAtMost, KernelArgs args, Entry keys, Entry values) {
      long y = tile(AttentionTiles.DECODE_ROWS);
      fewRows = rowsAtMost;
      AttentionTiles.Many many = kernels.many();
      if (many != null && sequences * y >= (long) MANY_TILES * gpu.multiprocessors()) {
        runMany(many, sequences * y, args, keys, values);
        return;
      }
      split(args, sequences * y);
      params(args, keys, values);
      gpu.launch(kernels.decode(), sequences + 1, y, splits, THREADS, kernels.decodeShared());
      mergeSplits(args, keys, values);
    }

    private void runMany(
        AttentionTiles.Many kernel, long tiles, KernelArgs args, Entry keys, Entry values) {
      splits = 1;
      partials = 0;
      beginRounding(fewRows == ALL_ROWS);
      params(args, keys, values);
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
        rounded.keep(Params.addressOf(out), out.dtype(), tokens * heads * valueWidth, roundedOut);
        roundedOut = 0;
      }
    }

    private void runPrefill(
        AttentionTiles kernels, int fewerRows, KernelArgs args, Entry keys, Entry values) {
      AttentionTiles.Prefill prefill = kernels.prefill();
      long y = tile(prefill.rows());
      splits = 1;
      fewRows = fewerRows;
      partials = 0;
      beginRounding(prefill.rounds() && fewerRows == 0);
      params(args, keys, values);
      long x = tokens / tileTokens + sequences + 2;
      gpu.launch(prefill.kernel(), x, y, 1, prefill.threads(), prefill.sharedBytes());
      endRounding(args.out(0));
    }
  }

  /** Attention of one node over latents. */
  private final class Latent extends Tiled {
    private final AttentionTiles.@Nullable Latent kernel;

    Latent(CompositeOp.MlaAttention op, ValueType pool) {
      super(op, pool);
      DType latent = GeneralAttention.specOf(pool).entry("latent", op.layer()).dtype();
      kernel = op.selected() ? null : AttentionTiles.latent(gpu, latent, keyWidth, valueWidth);
    }

    @Override
    protected void run(KernelArgs args, Entry keys, Entry values) {
      if (kernel == null || !isAligned(keys, values) || sequences == 0) {
        super.run(args, keys, values);
        return;
      }
      long y = tile(AttentionTiles.LATENT_ROWS);
      fewRows = ALL_ROWS;
      split(args, Math.max(1, Math.ceilDiv(tokens, tileTokens)) * y);
      params(args, keys, keys);
      long x = tokens / tileTokens + sequences + 2;
      gpu.launch(kernel.kernel(), x, y, splits, THREADS, kernel.sharedBytes());
      mergeSplits(args, keys, keys);
    }
  }
}
