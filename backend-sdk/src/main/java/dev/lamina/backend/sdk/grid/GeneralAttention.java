package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.StateKernels.Entry;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.ValueType;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one node over paged keys and values, or over paged latents, by plain loops for all
 * dtypes and widths; for faster kernels it writes their struct, {@code AttentionParams} of {@code
 * attention.cuh}.
 *
 * <p>What a run brings is written anew, on the thread that runs it.
 */
public class GeneralAttention implements Kernel {
  /** Columns of values that a block of the general kernel has room for. */
  public static final int MAX_VALUE_WIDTH = 1024;

  /** Threads of a block. */
  protected static final int THREADS = 128;

  /** For {@link #fewRows}: whatever the rows. */
  protected static final int ALL_ROWS = Integer.MAX_VALUE;

  private static final int MAX_GRID_Y = 65535;

  /** Of the set of positions that a block keeps in shared memory: 256 Ki positions. */
  private static final int MAX_SEEN_WORDS = 8192;

  /** KV heads. */
  protected final long kvHeads;

  /** Elements of a key. */
  protected final long keyWidth;

  /** Elements of a value. */
  protected final long valueWidth;

  /** Rows of the step. */
  protected long tokens;

  /** Sequences of the step. */
  protected long sequences;

  /** Query heads. */
  protected long heads;

  /** Address of the result in BF16, 0 for none. */
  protected long roundedOut;

  /** Address of what splits leave, 0 for one split. */
  protected long partials;

  /** Blocks that share a tile's positions. */
  protected long splits = 1;

  /** Rows of a sequence up to which kernels for decode take it. */
  protected long fewRows = ALL_ROWS;

  /** Rows of a sequence that a tile has. */
  protected long tileTokens = 1;

  /** Heads of a group that a tile has for each. */
  protected long tileHeads = 1;

  private final GridDevice grid;
  private final long any;
  private final boolean isLatent;
  private final boolean isSelected;
  private final boolean hasSinks;
  private final boolean hasAlibi;
  private final int layer;
  private final boolean causal;
  private final long window;
  private final long chunk;
  private final double softcap;
  private final double scale;
  private @Nullable Tensor sinks;
  private @Nullable Tensor alibi;
  private @Nullable Tensor select;

  /**
   * Attention over keys and values.
   *
   * @param grid where it runs
   * @param op what
   * @param pool the pool's type
   */
  public GeneralAttention(GridDevice grid, CompositeOp.PagedAttention op, ValueType pool) {
    StateSpec spec = specOf(pool);
    StateSpec.Entry k = spec.entry("k", op.layer());
    this.grid = grid;
    any = grid.function("attention", "paged_attention_any");
    kvHeads = k.shape().getFirst();
    keyWidth = k.shape().getLast();
    valueWidth = spec.entry("v", op.layer()).shape().getLast();
    layer = op.layer();
    isLatent = false;
    isSelected = false;
    hasSinks = op.sinks();
    hasAlibi = op.alibi();
    causal = op.causal();
    window = op.window();
    chunk = op.chunk();
    softcap = op.softcap();
    scale = op.scale();
  }

  /**
   * Attention over latents.
   *
   * @param grid where it runs
   * @param op what
   * @param pool the pool's type
   */
  public GeneralAttention(GridDevice grid, CompositeOp.MlaAttention op, ValueType pool) {
    this.grid = grid;
    any = grid.function("attention", "paged_attention_any");
    kvHeads = 1;
    keyWidth = specOf(pool).entry("latent", op.layer()).shape().getLast();
    valueWidth = op.rank();
    layer = op.layer();
    isLatent = true;
    isSelected = op.selected();
    hasSinks = false;
    hasAlibi = false;
    causal = true;
    window = 0;
    chunk = 0;
    softcap = 0;
    scale = op.scale();
  }

  /**
   * The pool of an operand.
   *
   * @param type a state's
   * @return what it holds
   */
  public static StateSpec specOf(ValueType type) {
    if (type instanceof StateType pool) {
      return pool.spec();
    }
    throw new IllegalStateException("attention: expected a state as operand 1, got " + type);
  }

  /**
   * Shared memory of a block that goes through a row by plain loops, without select.
   *
   * @param keyWidth elements of a key
   * @param threads of the block
   * @return bytes
   */
  public static int plainBytes(long keyWidth, int threads) {
    long floats = keyWidth + threads + 1 & ~1;
    return Math.toIntExact(Float.BYTES * floats + (long) Long.BYTES * threads);
  }

  @Override
  public final void run(KernelArgs args) {
    bind(args);
    run(args, keys(args), values(args));
  }

  /** Takes a step's sizes and optional operands. */
  protected final void bind(KernelArgs args) {
    int next = 5;
    sinks = hasSinks ? args.in(next++) : null;
    alibi = hasAlibi ? args.in(next++) : null;
    select = isSelected ? args.in(next) : null;
    tokens = args.in(0).size(0);
    heads = args.in(0).size(1);
    sequences = args.in(3).size(0);
  }

  /** The pool's keys, or its latents. */
  protected final Entry keys(KernelArgs args) {
    return Entry.of(args.state(1), isLatent ? "latent" : "k", layer);
  }

  /** The pool's values, or its latents. */
  protected final Entry values(KernelArgs args) {
    return Entry.of(args.state(1), isLatent ? "latent" : "v", layer);
  }

  /**
   * Runs a step that is bound: here by the general kernel.
   *
   * @param args of the node
   * @param keys where keys lie
   * @param values where values lie
   */
  protected void run(KernelArgs args, Entry keys, Entry values) {
    append(grid.params(), args, keys, values);
    launchRows(any, tokens, plainBytes(args));
  }

  /** Positions that the block table has room for. */
  protected final long positions(KernelArgs args) {
    return args.in(4).size(1) * args.state(1).spec().slotsPerPage();
  }

  private long seenWords(KernelArgs args) {
    if (select == null) {
      return 0;
    }
    long room = ((long) grid.sharedBytes() - plainBytes(keyWidth, THREADS)) / Integer.BYTES;
    return Math.min(Math.min(MAX_SEEN_WORDS, room), Math.ceilDiv(positions(args), 32));
  }

  /** Shared memory of a block that goes through a row of this step by plain loops. */
  protected final int plainBytes(KernelArgs args) {
    return Math.toIntExact(plainBytes(keyWidth, THREADS) + 4 * seenWords(args));
  }

  /** Launches a block for each of some rows, and each head. */
  protected final void launchRows(long kernel, long rows, int sharedBytes) {
    long z = Math.ceilDiv(rows, MAX_GRID_Y);
    grid.launch(kernel, heads, Math.min(rows, MAX_GRID_Y), z, THREADS, sharedBytes);
  }

  private static int dtype(@Nullable Tensor t) {
    return t == null ? 0 : t.dtype().ordinal();
  }

  /** Appends the struct of a step that is bound. */
  protected final Params append(Params p, KernelArgs args, Entry keys, Entry values) {
    Tensor q = args.in(0);
    Tensor out = args.out(0);
    p.address(q).address(keys.address()).address(values.address());
    p.address(args.in(2)).address(args.in(3)).address(args.in(4));
    p.addressIf(sinks).addressIf(alibi).addressIf(select).address(out);
    p.address(roundedOut).address(partials);
    p.i64(tokens).i64(window).i64(chunk).i64(keys.width()).i64(values.width());
    p.i32(sequences).i32(args.in(4).size(1)).i32(args.state(1).spec().slotsPerPage());
    p.i32(heads).i32(kvHeads).i32(keyWidth).i32(valueWidth);
    p.i32(select == null ? 0 : select.size(1)).i32(seenWords(args));
    p.i32(causal ? 1 : 0).f32(scale).f32(softcap);
    p.i32(q.dtype().ordinal()).i32(keys.dtype()).i32(values.dtype());
    p.i32(dtype(sinks)).i32(dtype(alibi)).i32(out.dtype().ordinal());
    p.i32(splits).i32(fewRows).i32(fewRows == ALL_ROWS ? 0 : fewRows);
    return p.i32(tileTokens).i32(tileHeads);
  }
}
