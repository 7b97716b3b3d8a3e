package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.spi.ir.DType;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of attention on tensor cores for one dtype of the pool and one width, and what their
 * blocks ask for: see {@code attention_tile.cuh}.
 */
final class AttentionTiles {
  static final int DECODE_ROWS = 16;
  private static final int PREFILL_ROWS = 64;

  private static final int PREFILL_THREADS = 128;

  /** Of a block of two warpgroups. */
  private static final int GROUP_ROWS = 128;

  private static final int GROUP_THREADS = 256;

  /** What it needs beside tiles: one a warp. */
  private static final int GROUP_WORDS = GROUP_THREADS / 32;

  /** Tiles of a block of the kernel for many sequences: one a warp. */
  static final int TILES_A_BLOCK = 4;

  /** Positions of a part of a split. */
  static final int SPLIT_POSITIONS = 256;

  static final int LATENT_ROWS = 16;

  private static final int LATENT_WIDTH = 576;
  private static final int LATENT_RANK = 512;
  private static final int LATENT_KEYS = 64;
  private static final int[] WIDTHS = {64, 128, 256};
  private static final int WARPS = TILES_A_BLOCK;
  private static final int DECODE_TILES = 2 * 2 * WARPS * 16;

  /** Of a row of a tile: a factor and whether its result is NaN. */
  private static final int ROW_BYTES = 8;

  /** Peaks and sums of the warps. */
  private static final int WARP_BYTES = 8 * WARPS * 16;

  /**
   * A kernel.
   *
   * @param sharedBytes of its blocks
   * @param rows that a block has
   * @param rounds whether it writes its result rounded, too, where it is asked to
   */
  record Prefill(long kernel, int sharedBytes, int rows, int threads, boolean rounds) {}

  /** A kernel for decode of many sequences, and the shared memory of its blocks. */
  record Many(long kernel, int sharedBytes) {}

  private final long decode;
  private final int decodeShared;
  private final @Nullable Many many;
  private final Prefill prefill;

  private AttentionTiles(long decode, int decodeShared, @Nullable Many many, Prefill prefill) {
    this.decode = decode;
    this.decodeShared = decodeShared;
    this.many = many;
    this.prefill = prefill;
  }

  /** Terms of the queries, tiles of keys and values, and what rows and warps need. */
  private static int sharedBytes(int terms, int rows, int tileRows, int width) {
    return 2 * (width + 8) * (terms * rows + tileRows) + ROW_BYTES * rows + WARP_BYTES;
  }

  /**
   * The kernels for a pool, or null where there are none or this GPU has no room for their blocks.
   *
   * @param keys dtype of the keys
   * @param values dtype of the values
   * @param keyWidth elements of a head's key
   * @param valueWidth elements of a head's value
   * @param relaxed whether queries and weights may be rounded to BF16
   */
  static @Nullable AttentionTiles of(
      Gpu gpu, DType keys, DType values, long keyWidth, long valueWidth, boolean relaxed) {
    if (!knows(keys, values, keyWidth, valueWidth)) {
      return null;
    }
    int most = (int) Math.max(keyWidth, valueWidth);
    for (int width : WIDTHS) {
      if (most <= width) {
        return of(gpu, keys, width, relaxed);
      }
    }
    return null;
  }

  private static @Nullable AttentionTiles of(Gpu gpu, DType dtype, int width, boolean relaxed) {
    // With F16 there are two terms only, and that stays.
    boolean rounds = relaxed && dtype == DType.BF16;
    String form = dtype.name().toLowerCase(Locale.ROOT) + (rounds ? "_rounded" : "");
    int terms = rounds ? 1 : terms(dtype);
    int shared = sharedBytes(terms, DECODE_ROWS, DECODE_TILES, width);
    Prefill prefill =
        rounds && gpu.hasWarpgroups() ? byWarpgroups(gpu, width) : prefill(gpu, form, terms, width);
    if (prefill == null || shared > gpu.maxSharedBytes()) {
      return null;
    }
    String name = "paged_decode_" + form + "_" + width;
    long decode = gpu.function("attention_" + form, name, shared);
    return new AttentionTiles(decode, shared, rounds ? many(gpu, width) : null, prefill);
  }

  private static @Nullable Prefill prefill(Gpu gpu, String form, int terms, int width) {
    int shared = sharedBytes(terms, PREFILL_ROWS, width > 128 ? 64 : 128, width);
    return shared > gpu.maxSharedBytes()
        ? null
        : new Prefill(
            gpu.function("attention_" + form, "paged_prefill_" + form + "_" + width, shared),
            shared,
            PREFILL_ROWS,
            PREFILL_THREADS,
            false);
  }

  /** For each warp its queries and two stages of keys and values, a factor a row and a word. */
  private static @Nullable Many many(Gpu gpu, int width) {
    int elements = (width + 8) * DECODE_ROWS * (1 + 2 * 2);
    int shared = WARPS * (2 * elements + Float.BYTES * DECODE_ROWS + Integer.BYTES);
    return shared > gpu.maxSharedBytes()
        ? null
        : new Many(gpu.function("attention_many", "paged_decode_many_" + width, shared), shared);
  }

  /** Queries, two tiles of keys and two of values, and some words. */
  private static Prefill byWarpgroups(Gpu gpu, int width) {
    int keys = width > 128 ? 64 : 128;
    int shared = 2 * width * (GROUP_ROWS + 4 * keys) + GROUP_WORDS * Integer.BYTES;
    long kernel = gpu.function("attention_groups", "paged_prefill_groups_" + width, shared);
    return new Prefill(kernel, shared, GROUP_ROWS, GROUP_THREADS, true);
  }

  /** Attention over latents, and the shared memory of its blocks. */
  record Latent(long kernel, int sharedBytes) {}

  /**
   * The kernel for latents, or null where there is none or this GPU has no room for its blocks.
   *
   * @param latents dtype of the pool's entry
   * @param width elements of a latent
   * @param rank elements of it that are its value
   */
  static @Nullable Latent latent(Gpu gpu, DType latents, long width, long rank) {
    if (!knowsLatents(latents, width, rank)) {
      return null;
    }
    int terms = terms(latents);
    int shared =
        sharedBytes(terms, LATENT_ROWS, 2 * LATENT_KEYS, LATENT_WIDTH)
            + 2 * terms * LATENT_ROWS * (LATENT_KEYS + 8);
    if (shared > gpu.maxSharedBytes()) {
      return null;
    }
    String name = "latent_attention_" + latents.name().toLowerCase(Locale.ROOT);
    return new Latent(gpu.function("attention_latent", name, shared), shared);
  }

  /** Whether there are kernels for keys and values of this kind, where blocks have the room. */
  static boolean knows(DType keys, DType values, long keyWidth, long valueWidth) {
    return keys == values
        && (keys == DType.BF16 || keys == DType.F16)
        && keyWidth % 8 == 0
        && valueWidth % 8 == 0
        && Math.max(keyWidth, valueWidth) <= WIDTHS[WIDTHS.length - 1];
  }

  /** The same for latents. */
  static boolean knowsLatents(DType latents, long width, long rank) {
    return (latents == DType.BF16 || latents == DType.F16)
        && width % 8 == 0
        && width <= LATENT_WIDTH
        && rank <= LATENT_RANK;
  }

  /** Terms of 16 bits that hold an F32 factor. */
  private static int terms(DType dtype) {
    return dtype == DType.BF16 ? 3 : 2;
  }

  long decode() {
    return decode;
  }

  int decodeShared() {
    return decodeShared;
  }

  /** For {@link #TILES_A_BLOCK} tiles a block; null where there is none. */
  @Nullable Many many() {
    return many;
  }

  Prefill prefill() {
    return prefill;
  }
}
