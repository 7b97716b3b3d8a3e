package dev.lamina.models.quantized;

import static dev.lamina.models.quantized.Numbers.dim;
import static dev.lamina.models.quantized.Numbers.expect;
import static dev.lamina.models.quantized.Numbers.expectCount;
import static dev.lamina.models.quantized.Numbers.floats;
import static dev.lamina.models.quantized.Numbers.word;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.quantized.PackedMatrix.Kind;
import dev.lamina.models.quantized.PackedMatrix.Scales;
import dev.lamina.models.quantized.PackedMatrix.Zeros;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** What each kind of checkpoint means by its tensors. */
final class Layouts {
  /** Where the nibbles of a word go, in AutoAWQ's GEMM form: column 8 w + i has nibble AWQ[i]. */
  private static final int[] AWQ = {0, 4, 1, 5, 2, 6, 3, 7};

  private Layouts() {}

  /**
   * GPTQ, 4 bits: {@code qweight} I32 {@code [K / 8, N]}, eight rows of the turned matrix a word,
   * the lowest bits first; {@code qzeros} I32 {@code [G, N / 8]}; {@code scales [G, N]}; {@code
   * g_idx} I32 {@code [K]}, the group of each column where act-order has mixed them.
   *
   * @param zeroOffset what is added to a zero point as stored: 1 in format v1, 0 in v2
   */
  static PackedMatrix gptq(
      StoredTensor qweight,
      StoredTensor qzeros,
      StoredTensor scales,
      @Nullable StoredTensor gIdx,
      int zeroOffset)
      throws ModelException {
    expect(qweight, DType.I32, 2);
    expect(qzeros, DType.I32, 2);
    int k = 8 * dim(qweight, 0);
    int n = dim(qweight, 1);
    int groups = dim(scales, 0);
    expectCount(scales, (long) groups * n);
    expectCount(qzeros, (long) groups * ((n + 7) / 8));
    int size = (k + groups - 1) / groups;
    int[] group = new int[k];
    boolean ordered = true;
    if (gIdx != null) {
      expect(gIdx, DType.I32, 1);
      expectCount(gIdx, k);
    }
    for (int c = 0; c < k; c++) {
      group[c] = gIdx == null ? c / size : word(gIdx.data(), c);
      ordered &= group[c] == c / size;
      if (group[c] < 0 || group[c] >= groups) {
        throw Numbers.refuse(
            gIdx == null ? scales : gIdx, "groups below " + groups, "group " + group[c]);
      }
    }
    MemorySegment codes = qweight.data();
    MemorySegment zeros = qzeros.data();
    Numbers.Floats s = floats(scales);
    int words = (n + 7) / 8;
    return new PackedMatrix(
        Kind.INT4,
        n,
        k,
        ordered ? size : 1,
        (row, out) -> {
          for (int c = 0; c < k; c++) {
            out[c] = (byte) (word(codes, (long) (c / 8) * n + row) >>> 4 * (c % 8) & 15);
          }
        },
        (row, col) -> s.at((long) group[col] * n + row),
        (row, col) -> {
          int w = word(zeros, (long) group[col] * words + row / 8);
          return (w >>> 4 * (row % 8) & 15) + zeroOffset;
        },
        ordered ? null : group);
  }

  /**
   * AWQ, 4 bits, GEMM form: {@code qweight} I32 {@code [K, N / 8]} and {@code qzeros} I32 {@code
   * [G, N / 8]}, both with the nibbles of a word in the order of {@link #AWQ}; {@code scales [G,
   * N]}.
   */
  static PackedMatrix awq(StoredTensor qweight, StoredTensor qzeros, StoredTensor scales)
      throws ModelException {
    expect(qweight, DType.I32, 2);
    expect(qzeros, DType.I32, 2);
    int k = dim(qweight, 0);
    int words = dim(qweight, 1);
    int n = 8 * words;
    int groups = dim(scales, 0);
    expectCount(scales, (long) groups * n);
    expectCount(qzeros, (long) groups * words);
    int size = (k + groups - 1) / groups;
    MemorySegment codes = qweight.data();
    MemorySegment zeros = qzeros.data();
    Numbers.Floats s = floats(scales);
    return new PackedMatrix(
        Kind.INT4,
        n,
        k,
        size,
        (row, out) -> {
          int shift = 4 * AWQ[row % 8];
          for (int c = 0; c < k; c++) {
            out[c] = (byte) (word(codes, (long) c * words + row / 8) >>> shift & 15);
          }
        },
        (row, col) -> s.at((long) (col / size) * n + row),
        (row, col) -> word(zeros, (long) (col / size) * words + row / 8) >>> 4 * AWQ[row % 8] & 15,
        null);
  }

  /**
   * Codes of a byte, {@code weight} F8E4M3 or I8 {@code [N, K]}, under one scale, one a row, one a
   * group of a row, or one a rectangle of {@code block}.
   */
  static PackedMatrix bytes(
      StoredTensor weight,
      StoredTensor scale,
      @Nullable StoredTensor zeroPoint,
      int @Nullable [] block)
      throws ModelException {
    Kind kind = weight.type().dtype() == DType.I8 ? Kind.INT8 : Kind.FLOAT8;
    expect(weight, kind == Kind.INT8 ? DType.I8 : DType.F8E4M3, 2);
    int n = dim(weight, 0);
    int k = dim(weight, 1);
    Grouping g = Grouping.of(scale, n, k, block);
    MemorySegment codes = weight.data();
    return new PackedMatrix(
        kind,
        n,
        k,
        g.size(),
        (row, out) -> MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, (long) row * k, out, 0, k),
        g.scales(scale),
        g.zeros(zeroPoint),
        null);
  }

  /**
   * compressed-tensors' packed integers: {@code weight_packed} I32 {@code [N, K * bits / 32]}, the
   * lowest bits first, each code raised by half of its range; {@code weight_scale [N, G]}; zero
   * points packed likewise along N, {@code [N * bits / 32, G]}, or none; {@code weight_g_idx [K]}.
   */
  static PackedMatrix packed(
      StoredTensor codes,
      StoredTensor scale,
      @Nullable StoredTensor zeroPoint,
      @Nullable StoredTensor gIdx,
      StoredTensor shape)
      throws ModelException {
    expect(codes, DType.I32, 2);
    expectCount(shape, 2);
    int n = Math.toIntExact(Numbers.at(shape, 0));
    int k = Math.toIntExact(Numbers.at(shape, 1));
    int words = dim(codes, 1);
    int bits = words == (k + 7) / 8 ? 4 : 8;
    expectCount(codes, (long) n * ((k * bits + 31) / 32));
    int each = 32 / bits;
    int mask = (1 << bits) - 1;
    int middle = 1 << bits - 1;
    Grouping g = Grouping.of(scale, n, k, null);
    int[] group = new int[k];
    boolean ordered = true;
    if (gIdx != null) {
      expect(gIdx, DType.I32, 1);
      expectCount(gIdx, k);
    }
    // Filled with -1 where a tool made room for it and did not use it.
    StoredTensor given = gIdx != null && word(gIdx.data(), 0) != -1 ? gIdx : null;
    for (int c = 0; c < k; c++) {
      group[c] = given == null ? c / g.size() : word(given.data(), c);
      ordered &= group[c] == c / g.size();
      if (group[c] < 0 || group[c] >= g.across()) {
        throw Numbers.refuse(
            gIdx == null ? scale : gIdx, "groups below " + g.across(), "group " + group[c]);
      }
    }
    Numbers.Floats s = floats(scale);
    Scales scales = (row, col) -> s.at((long) (row / g.rows()) * g.across() + group[col]);
    MemorySegment data = codes.data();
    Zeros zeros = (row, col) -> bits == 4 ? middle : 0;
    if (zeroPoint != null) {
      expect(zeroPoint, DType.I32, 2);
      expectCount(zeroPoint, (long) ((n * bits + 31) / 32) * g.across());
      MemorySegment z = zeroPoint.data();
      int lowered = bits == 4 ? 0 : middle;
      zeros =
          (row, col) -> {
            int w = word(z, (long) (row / each) * g.across() + group[col]);
            return (w >>> bits * (row % each) & mask) - lowered;
          };
    }
    return new PackedMatrix(
        bits == 4 ? Kind.INT4 : Kind.INT8,
        n,
        k,
        ordered ? g.size() : 1,
        (row, out) -> {
          for (int c = 0; c < k; c++) {
            int q = word(data, (long) row * words + c / each) >>> bits * (c % each) & mask;
            out[c] = (byte) (bits == 4 ? q : q - middle);
          }
        },
        scales,
        bits == 8 && zeroPoint == null ? null : zeros,
        ordered ? null : group);
  }

  /**
   * compressed-tensors' NVFP4: {@code weight_packed} U8 {@code [N, K / 2]}, the lower column in the
   * low half; {@code weight_scale} F8E4M3 {@code [N, K / 16]}; {@code weight_global_scale} F32
   * {@code [1]}, by which the scales were multiplied.
   */
  static PackedMatrix nvfp4(StoredTensor codes, StoredTensor scale, StoredTensor globalScale)
      throws ModelException {
    expect(codes, DType.U8, 2);
    expectCount(globalScale, 1);
    int n = dim(codes, 0);
    int k = 2 * dim(codes, 1);
    Grouping g = Grouping.of(scale, n, k, null);
    float global = floats(globalScale).at(0);
    Scales scales = g.scales(scale);
    MemorySegment data = codes.data();
    return new PackedMatrix(
        Kind.FLOAT4,
        n,
        k,
        g.size(),
        (row, out) -> {
          for (int c = 0; c < k; c++) {
            int both = data.get(ValueLayout.JAVA_BYTE, (long) row * (k / 2) + c / 2);
            out[c] = (byte) (both >> 4 * (c % 2) & 15);
          }
        },
        (row, col) -> scales.at(row, col) / global,
        null,
        null);
  }
}
