package dev.lamina.models;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Random matrices in the layouts of quantised checkpoints, each beside the floats that it stands
 * for. Written from the layouts' own packers, not from the code that reads them: a packer goes over
 * codes and puts each where the tool does.
 */
final class QuantisedMatrices {
  /** E2M1 by code, OCP Microscaling Formats 1.0. */
  private static final float[] FP4 = {
    0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6
  };

  /** Column {@code 8 w + ORDER[i]} goes into nibble i of word w: AutoAWQ's pack. */
  private static final int[] ORDER = {0, 2, 4, 6, 1, 3, 5, 7};

  private final Random random = new Random(7);
  private final Arena arena = Arena.ofAuto();
  final Map<String, TensorType> types = new LinkedHashMap<>();
  final Map<String, MemorySegment> bytes = new LinkedHashMap<>();

  /** A layout. */
  interface Layout {
    /** Adds the tensors of a module's matrix; returns its floats {@code [n, k]}. */
    float[] add(QuantisedMatrices to, String module, int n, int k);
  }

  private MemorySegment tensor(String name, DType dtype, long... shape) {
    TensorType type = TensorType.of(dtype, shape);
    MemorySegment m = arena.allocate(type.byteSize(), 8);
    types.put(name, type);
    bytes.put(name, m);
    return m;
  }

  void floats(String name, float[] values, long... shape) {
    MemorySegment.copy(
        values, 0, tensor(name, DType.F32, shape), ValueLayout.JAVA_FLOAT, 0, values.length);
  }

  /** Scales of F16 or F32 near 1/32, which both state exactly. */
  private float[] scales(String name, DType dtype, long... shape) {
    MemorySegment m = tensor(name, dtype, shape);
    float[] s = new float[(int) (m.byteSize() / dtype.bytes())];
    for (int i = 0; i < s.length; i++) {
      s[i] = (1 + random.nextInt(64)) / 4096f;
      switch (dtype) {
        case F16 -> m.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(s[i]));
        case BF16 ->
            m.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(s[i]) >> 16));
        default -> m.setAtIndex(ValueLayout.JAVA_FLOAT, i, s[i]);
      }
    }
    return s;
  }

  private int[] codes(int count, int bound) {
    return random.ints(count, 0, bound).toArray();
  }

  private static void or(MemorySegment words, long word, int bits) {
    words.setAtIndex(
        ValueLayout.JAVA_INT, word, words.getAtIndex(ValueLayout.JAVA_INT, word) | bits);
  }

  /** AutoGPTQ: {@code qweight[k / 8, n]}, {@code qzeros[g, n / 8]} less {@code offset}. */
  static Layout gptq(int group, boolean actOrder, int offset) {
    return (to, module, n, k) -> {
      int groups = k / group;
      int[] codes = to.codes(n * k, 16);
      int[] zeros = to.random.ints(groups * n, 1, 16).toArray();
      MemorySegment qweight = to.tensor(module + "qweight", DType.I32, k / 8, n);
      MemorySegment qzeros = to.tensor(module + "qzeros", DType.I32, groups, n / 8);
      float[] scales = to.scales(module + "scales", DType.F16, groups, n);
      MemorySegment gIdx = to.tensor(module + "g_idx", DType.I32, k);
      float[] w = new float[n * k];
      for (int c = 0; c < k; c++) {
        // 7 is prime to k: the columns of a group lie all over.
        int g = actOrder ? c * 7 % k / group : c / group;
        gIdx.setAtIndex(ValueLayout.JAVA_INT, c, g);
        for (int r = 0; r < n; r++) {
          or(qweight, (long) (c / 8) * n + r, codes[r * k + c] << 4 * (c % 8));
          w[r * k + c] = scales[g * n + r] * (codes[r * k + c] - zeros[g * n + r]);
        }
      }
      for (int i = 0; i < zeros.length; i++) {
        or(qzeros, i / 8, zeros[i] - offset << 4 * (i % 8));
      }
      return w;
    };
  }

  /** AutoAWQ, GEMM: {@code qweight[k, n / 8]}, {@code qzeros[g, n / 8]}. */
  static Layout awq(int group) {
    return (to, module, n, k) -> {
      int groups = k / group;
      int[] codes = to.codes(n * k, 16);
      int[] zeros = to.codes(groups * n, 16);
      MemorySegment qweight = to.tensor(module + "qweight", DType.I32, k, n / 8);
      MemorySegment qzeros = to.tensor(module + "qzeros", DType.I32, groups, n / 8);
      float[] scales = to.scales(module + "scales", DType.F16, groups, n);
      float[] w = new float[n * k];
      for (int word = 0; word < n / 8; word++) {
        for (int i = 0; i < 8; i++) {
          int r = 8 * word + ORDER[i];
          for (int c = 0; c < k; c++) {
            int g = c / group;
            or(qweight, (long) c * (n / 8) + word, codes[r * k + c] << 4 * i);
            w[r * k + c] = scales[g * n + r] * (codes[r * k + c] - zeros[g * n + r]);
          }
          for (int g = 0; g < groups; g++) {
            or(qzeros, (long) g * (n / 8) + word, zeros[g * n + r] << 4 * i);
          }
        }
      }
      return w;
    };
  }

  /** Which scale an element has. */
  interface Place {
    int of(int r, int c);
  }

  /** FP8 under scales of a shape. */
  static Layout fp8(String scaleName, DType scaleType, int rows, int cols) {
    return (to, module, n, k) -> {
      int height = rows == 0 ? n : rows;
      int width = cols == 0 ? k : cols;
      int across = Math.ceilDiv(k, width);
      float[] s = to.scales(module + scaleName, scaleType, Math.ceilDiv(n, height), across);
      return to.eight(module, DType.F8E4M3, n, k, s, (r, c) -> r / height * across + c / width);
    };
  }

  static Layout int8(DType scaleType) {
    return (to, module, n, k) -> {
      float[] s = to.scales(module + "weight_scale", scaleType, n, 1);
      return to.eight(module, DType.I8, n, k, s, (r, c) -> r);
    };
  }

  private float[] eight(String module, DType dtype, int n, int k, float[] scales, Place place) {
    MemorySegment m = tensor(module + "weight", dtype, n, k);
    float[] w = new float[n * k];
    for (int i = 0; i < w.length; i++) {
      byte code = (byte) random.nextInt(256);
      // No NaN, and nothing so large that it drowns the rest.
      code = dtype == DType.F8E4M3 ? (byte) (code & 0xBF) : code;
      m.set(ValueLayout.JAVA_BYTE, i, code);
      float level = dtype == DType.I8 ? code / 64f : e4m3(code);
      float scale = scales[place.of(i / k, i % k)];
      w[i] = dtype == DType.I8 ? scale * code : scale * level;
    }
    return w;
  }

  /** By the definition: sign, 4 bits of exponent with bias 7, 3 of mantissa. */
  private static float e4m3(byte code) {
    int exponent = code >> 3 & 15;
    double mantissa = (code & 7) / 8.0;
    double magnitude =
        exponent == 0 ? mantissa * Math.pow(2, -6) : (1 + mantissa) * Math.pow(2, exponent - 7);
    return (float) (code < 0 ? -magnitude : magnitude);
  }

  /** compressed-tensors, pack-quantized: codes raised by 8, the lowest bits first. */
  static Layout packed(int bits, int group, boolean zeroPoints) {
    return (to, module, n, k) -> {
      int groups = group == 0 ? 1 : k / group;
      int size = k / groups;
      int each = 32 / bits;
      int[] codes = to.codes(n * k, 1 << bits);
      MemorySegment words = to.tensor(module + "weight_packed", DType.I32, n, k / each);
      float[] s = to.scales(module + "weight_scale", DType.BF16, n, groups);
      MemorySegment shape = to.tensor(module + "weight_shape", DType.I64, 2);
      shape.setAtIndex(ValueLayout.JAVA_LONG, 0, n);
      shape.setAtIndex(ValueLayout.JAVA_LONG, 1, k);
      MemorySegment gIdx = to.tensor(module + "weight_g_idx", DType.I32, k);
      // As where room for act-order was made and not used.
      gIdx.fill((byte) -1);
      int[] zeros = new int[n * groups];
      java.util.Arrays.fill(zeros, 1 << bits - 1);
      if (zeroPoints) {
        MemorySegment z = to.tensor(module + "weight_zero_point", DType.I32, n / each, groups);
        for (int i = 0; i < zeros.length; i++) {
          zeros[i] = to.random.nextInt(1 << bits);
          int r = i / groups;
          or(z, (long) (r / each) * groups + i % groups, zeros[i] << bits * (r % each));
        }
      }
      float[] w = new float[n * k];
      for (int i = 0; i < w.length; i++) {
        or(words, i / each, codes[i] << bits * (i % each));
        int g = i / k * groups + i % k / size;
        w[i] = s[g] * (codes[i] - zeros[g]);
      }
      return w;
    };
  }

  /** compressed-tensors, nvfp4-pack-quantized. */
  static Layout nvfp4() {
    return (to, module, n, k) -> {
      MemorySegment m = to.tensor(module + "weight_packed", DType.U8, n, k / 2);
      MemorySegment s = to.tensor(module + "weight_scale", DType.F8E4M3, n, k / 16);
      float global = 3000;
      to.floats(module + "weight_global_scale", new float[] {global}, 1);
      to.floats(module + "input_global_scale", new float[] {5}, 1);
      float[] w = new float[n * k];
      for (int i = 0; i < w.length; i++) {
        if (i % 16 == 0) {
          s.set(ValueLayout.JAVA_BYTE, i / 16, (byte) to.random.nextInt(8, 120));
        }
        int code = to.random.nextInt(16);
        byte before = m.get(ValueLayout.JAVA_BYTE, i / 2);
        m.set(ValueLayout.JAVA_BYTE, i / 2, (byte) (before | code << 4 * (i % 2)));
        float scale = e4m3(s.get(ValueLayout.JAVA_BYTE, i / 16)) / global;
        w[i] = scale * FP4[code];
      }
      return w;
    };
  }

  /**
   * gpt-oss's experts: {@code name_blocks [e, n, k / 32, 16]}, {@code name_scales [e, n, k / 32]}.
   */
  float[] mxfp4(String name, int e, int n, int k) {
    MemorySegment m = tensor(name + "_blocks", DType.U8, e, n, k / 32, 16);
    MemorySegment s = tensor(name + "_scales", DType.U8, e, n, k / 32);
    float[] w = new float[e * n * k];
    for (int i = 0; i < w.length; i++) {
      if (i % 32 == 0) {
        s.set(ValueLayout.JAVA_BYTE, i / 32, (byte) random.nextInt(118, 124));
      }
      int code = random.nextInt(16);
      byte before = m.get(ValueLayout.JAVA_BYTE, i / 2);
      m.set(ValueLayout.JAVA_BYTE, i / 2, (byte) (before | code << 4 * (i % 2)));
      w[i] = FP4[code] * (float) Math.pow(2, (s.get(ValueLayout.JAVA_BYTE, i / 32) & 255) - 127);
    }
    return w;
  }

  /** Plain values of both checkpoints. */
  float[] normal(int count, double spread, double around) {
    float[] w = new float[count];
    for (int i = 0; i < count; i++) {
      w[i] = (float) (around + spread * random.nextGaussian());
    }
    return w;
  }
}
