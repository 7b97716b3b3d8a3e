package dev.lamina.backend.cpuvector.kernels;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What one attention runs on; mutable, so that a step allocates nothing. Index tensors are I32.
 *
 * <p>Letters: T tokens, S sequences, P pages a sequence, Hq query heads, Hkv key and value heads.
 */
public final class AttentionArgs {
  /** {@code [T, Hq, Dk]}. */
  public Linear.@Nullable Rows q;

  /** {@code [T, Hq, Dv]}. */
  public Linear.@Nullable Rows out;

  /** T. */
  public int numTokens;

  /** S. */
  public int numSeqs;

  /** P. */
  public int maxPages;

  /** {@code [S + 1]}, and its byte offset. */
  public @Nullable MemorySegment cuSeqlensQ;

  public long cuSeqlensQOffset;

  /** {@code [S]}. */
  public @Nullable MemorySegment kvLens;

  public long kvLensOffset;

  /** {@code [S, P]}. */
  public @Nullable MemorySegment blockTable;

  public long blockTableOffset;

  /** {@code [slots, Hkv * Dk]}. */
  public @Nullable Matrix keys;

  /** {@code [slots, Hkv * Dv]}. */
  public @Nullable Matrix values;

  /** {@code [Hq]}, or null. */
  public Linear.@Nullable Rows sinks;

  /** {@code [Hq]}, or null. */
  public Linear.@Nullable Rows alibi;

  int cuSeqlensQ(int i) {
    return get(cuSeqlensQ, cuSeqlensQOffset + 4L * i);
  }

  int kvLen(int s) {
    return get(kvLens, kvLensOffset + 4L * s);
  }

  int page(int s, int i) {
    return get(blockTable, blockTableOffset + 4L * ((long) s * maxPages + i));
  }

  private static int get(@Nullable MemorySegment segment, long offset) {
    return given(segment).get(Lanes.I32, offset);
  }

  static <T> T given(@Nullable T value) {
    if (value == null) {
      throw new AssertionError("attention: run without arguments");
    }
    return value;
  }
}
