package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import org.jspecify.annotations.Nullable;

/**
 * Kernels whose vector form starts slow: until C2 has compiled it, each vector is an object on the
 * heap. Until it is warm the scalar twin runs, with the same bits; {@link WarmUp} compiles the ones
 * that were asked for in the background.
 */
public enum HotKernel {
  /** {@link VectorTile}. */
  TILE,
  /** {@link WideTile}. */
  WIDE_TILE,
  /** {@link VectorRows}. */
  ROWS,
  /** {@link VectorGates} and {@link Functions}. */
  GATES,
  /** {@link VectorDot} of F32. */
  DOT_F32,
  /** {@link VectorDot} of F16. */
  DOT_F16,
  /** {@link VectorDot} of BF16. */
  DOT_BF16,
  /** {@link VectorDot} of quantised rows that were widened. */
  DOT_WIDENED,
  /** {@link VectorStreaming} of levels that are floats. */
  DOT_GROUPS,
  /** {@link VectorStreaming} of Q8_0. */
  STREAM_Q8_0,
  /** {@link VectorStreaming} of Q4_0. */
  STREAM_Q4_0,
  /** {@link VectorStreaming} of Q4_K. */
  STREAM_Q4_K,
  /** {@link VectorStreaming} of Q6_K. */
  STREAM_Q6_K,
  /** {@link VectorStreaming} of MXFP4. */
  STREAM_MXFP4,
  /** {@link VectorStreaming} of F8E4M3_128. */
  STREAM_F8E4M3_128,
  /** {@link VectorLevels} times a scale. */
  LEVELS_SCALED,
  /** {@link VectorLevels} times a scale plus a minimum. */
  LEVELS_RAISED,
  /** {@link VectorLevels} of 8-bit floats. */
  LEVELS_FLOAT8,
  /** {@link VectorBlocks} of Q8_0. */
  UNPACK_Q8_0(QuantFormat.Q8_0),
  /** {@link VectorBlocks} of Q4_0. */
  UNPACK_Q4_0(QuantFormat.Q4_0),
  /** {@link VectorBlocks} of Q4_K. */
  UNPACK_Q4_K(QuantFormat.Q4_K),
  /** {@link VectorBlocks} of Q6_K. */
  UNPACK_Q6_K(QuantFormat.Q6_K),
  /** {@link VectorBlocks} of MXFP4. */
  UNPACK_MXFP4(QuantFormat.MXFP4),
  /** {@link VectorBlocks} of F8E4M3_128. */
  UNPACK_F8E4M3_128(QuantFormat.F8E4M3_128),
  /** {@link VectorBlocks} of INT8_128. */
  UNPACK_INT8_128(QuantFormat.INT8_128),
  /** {@link VectorBlocks} of INT4_128. */
  UNPACK_INT4_128(QuantFormat.INT4_128),
  /** {@link VectorBlocks} of INT4_32. */
  UNPACK_INT4_32(QuantFormat.INT4_32),
  /** {@link VectorPack} of F32. */
  PACK_F32,
  /** {@link VectorPack} of F16. */
  PACK_F16,
  /** {@link VectorPack} of BF16. */
  PACK_BF16;

  private final @Nullable QuantFormat format;
  private volatile boolean warm;
  private volatile boolean wanted;

  HotKernel() {
    format = null;
  }

  HotKernel(QuantFormat format) {
    this.format = format;
  }

  /**
   * The unpacking of a format.
   *
   * @param format of blocks
   * @return its kernel, null if it has no vector form
   */
  static @Nullable HotKernel unpack(QuantFormat format) {
    for (HotKernel k : values()) {
      if (k.format == format) {
        return k;
      }
    }
    return null;
  }

  /**
   * Asks for what products of a format's blocks use, other than {@link #TILE}.
   *
   * @param format of blocks
   */
  public static void wantBlocks(QuantFormat format) {
    Streaming streaming = Streaming.of(format);
    if (streaming == null) {
      DOT_WIDENED.want();
    } else {
      DOT_GROUPS.want();
      streaming.kernel.want();
    }
    LevelForm.of(format).kernel().want();
    HotKernel unpack = unpack(format);
    if (unpack != null) {
      unpack.want();
    }
  }

  /** The format that this unpacks, null for any other kernel. */
  @Nullable QuantFormat format() {
    return format;
  }

  /** Asks for the tiles of {@link Linear}, and for the packing of x for the wide one. */
  public static void wantTiles() {
    TILE.want();
    if (Lanes.VL == 16) {
      WIDE_TILE.want();
      PACK_F32.want();
    }
  }

  /**
   * The streaming product of a weight type.
   *
   * @param type F32, F16 or BF16
   * @return its kernel
   */
  public static HotKernel dot(DType type) {
    return type == DType.F32 ? DOT_F32 : type == DType.F16 ? DOT_F16 : DOT_BF16;
  }

  /**
   * The packing of a weight or pool type.
   *
   * @param type F32, F16 or BF16
   * @return its kernel
   */
  public static HotKernel pack(DType type) {
    return type == DType.F32 ? PACK_F32 : type == DType.F16 ? PACK_F16 : PACK_BF16;
  }

  /**
   * Whether the vector form is used.
   *
   * @return false at the start of a process
   */
  public boolean isWarm() {
    return warm;
  }

  void setWarm(boolean warm) {
    this.warm = warm;
  }

  /** Asks {@link WarmUp} to compile the vector form. */
  public void want() {
    wanted = true;
  }

  boolean isWanted() {
    return wanted && !warm;
  }
}
