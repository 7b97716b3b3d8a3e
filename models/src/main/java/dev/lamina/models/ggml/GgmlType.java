package dev.lamina.models.ggml;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A tensor type of GGUF files: its number there, its block and how that decodes. */
public enum GgmlType {
  /** IEEE 754 binary32. */
  F32(0, 1, 4, PlainElements::f32),
  /** IEEE 754 binary16. */
  F16(1, 1, 2, PlainElements::f16),
  /** 4 bits and a scale a 32. */
  Q4_0(2, 32, 18, SmallBlocks::q4Signed),
  /** 4 bits, a scale and a minimum a 32. */
  Q4_1(3, 32, 20, SmallBlocks::q4Affine),
  /** 5 bits and a scale a 32. */
  Q5_0(6, 32, 22, SmallBlocks::q5Signed),
  /** 5 bits, a scale and a minimum a 32. */
  Q5_1(7, 32, 24, SmallBlocks::q5Affine),
  /** 8 bits and a scale a 32. */
  Q8_0(8, 32, 34, SmallBlocks::q8Signed),
  /** 2 bits, scale and minimum a 16 of four bits. */
  Q2_K(10, 256, 84, KBlocks::q2),
  /** 3 bits, scale a 16 of six bits. */
  Q3_K(11, 256, 110, KBlocks::q3),
  /** 4 bits, scale and minimum a 32 of six bits. */
  Q4_K(12, 256, 144, KBlocks::q4),
  /** 5 bits, scale and minimum a 32 of six bits. */
  Q5_K(13, 256, 176, KBlocks::q5),
  /** 6 bits, scale a 16 of eight bits. */
  Q6_K(14, 256, 210, KBlocks::q6),
  /** 2.06 bits: points of a grid of 256. */
  IQ2_XXS(16, 256, 66, GridBlocks::iq2Xxs),
  /** 2.31 bits: points of a grid of 512. */
  IQ2_XS(17, 256, 74, GridBlocks::iq2Xs),
  /** 3.06 bits: points of a grid of 256. */
  IQ3_XXS(18, 256, 98, GridBlocks::iq3Xxs),
  /** 1.56 bits: points of a ternary grid of 2048. */
  IQ1_S(19, 256, 50, OneBitBlocks::iq1S),
  /** 4 bits of a table of levels. */
  IQ4_NL(20, 32, 18, TableBlocks::iq4Nl),
  /** 3.44 bits: points of a grid of 512. */
  IQ3_S(21, 256, 110, GridBlocks::iq3S),
  /** 2.56 bits: points of a grid of 1024. */
  IQ2_S(22, 256, 82, GridBlocks::iq2S),
  /** 4 bits of a table of levels, scale a 32 of six bits. */
  IQ4_XS(23, 256, 136, TableBlocks::iq4Xs),
  /** 1.75 bits: points of a ternary grid of 2048. */
  IQ1_M(29, 256, 56, OneBitBlocks::iq1M),
  /** The upper half of a binary32. */
  BF16(30, 1, 2, PlainElements::bf16),
  /** Ternary, 1.69 bits. */
  TQ1_0(34, 256, 54, TernaryBlocks::tq1),
  /** Ternary, 2.06 bits. */
  TQ2_0(35, 256, 66, TernaryBlocks::tq2),
  /** E2M1 floats under a power of two a 32. */
  MXFP4(39, 32, 17, TableBlocks::mxfp4),
  /** E2M1 floats under an E4M3 scale a 16. */
  NVFP4(40, 64, 36, TableBlocks::nvfp4);

  private final int id;
  private final int elements;
  private final int bytes;
  private final BlockDecoder decoder;

  GgmlType(int id, int elements, int bytes, BlockDecoder decoder) {
    this.id = id;
    this.elements = elements;
    this.bytes = bytes;
    this.decoder = decoder;
  }

  /**
   * Finds a type.
   *
   * @param id its number in files
   * @return the type, null if there is none of that number here
   */
  public static @Nullable GgmlType of(int id) {
    for (GgmlType t : values()) {
      if (t.id == id) {
        return t;
      }
    }
    return null;
  }

  /**
   * Its number in files.
   *
   * @return ggml's number of it
   */
  public int id() {
    return id;
  }

  /**
   * Elements in a block.
   *
   * @return 1 for plain types
   */
  public int elements() {
    return elements;
  }

  /**
   * Size of a block.
   *
   * @return bytes
   */
  public int bytes() {
    return bytes;
  }

  /**
   * Size of so many elements.
   *
   * @param count a multiple of {@link #elements()}
   * @return bytes
   * @throws ArithmeticException if they are more than a long holds
   */
  public long byteSize(long count) {
    return Math.multiplyExact(count / elements, bytes);
  }

  /**
   * Name in messages and on the command line.
   *
   * @return lower-case name, such as {@code q4_k}
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * How the IR holds such a tensor as it is.
   *
   * @param shape logical sizes, the innermost last and a multiple of the block
   * @return the type
   */
  public TensorType tensorType(Shape shape) {
    return switch (this) {
      case F32 -> new TensorType(DType.F32, shape, Layout.DENSE);
      case F16 -> new TensorType(DType.F16, shape, Layout.DENSE);
      case BF16 -> new TensorType(DType.BF16, shape, Layout.DENSE);
      default ->
          TensorType.blocked(Objects.requireNonNull(format(), "no block format: " + this), shape);
    };
  }

  /**
   * The IR's format of the same blocks.
   *
   * @return the format, null for plain types
   */
  public @Nullable QuantFormat format() {
    return switch (this) {
      case Q4_0 -> QuantFormat.Q4_0;
      case Q4_1 -> QuantFormat.Q4_1;
      case Q5_0 -> QuantFormat.Q5_0;
      case Q5_1 -> QuantFormat.Q5_1;
      case Q8_0 -> QuantFormat.Q8_0;
      case Q2_K -> QuantFormat.Q2_K;
      case Q3_K -> QuantFormat.Q3_K;
      case Q4_K -> QuantFormat.Q4_K;
      case Q5_K -> QuantFormat.Q5_K;
      case Q6_K -> QuantFormat.Q6_K;
      case IQ2_XXS -> QuantFormat.IQ2_XXS;
      case IQ2_XS -> QuantFormat.IQ2_XS;
      case IQ3_XXS -> QuantFormat.IQ3_XXS;
      case IQ1_S -> QuantFormat.IQ1_S;
      case IQ4_NL -> QuantFormat.IQ4_NL;
      case IQ3_S -> QuantFormat.IQ3_S;
      case IQ2_S -> QuantFormat.IQ2_S;
      case IQ4_XS -> QuantFormat.IQ4_XS;
      case IQ1_M -> QuantFormat.IQ1_M;
      case TQ1_0 -> QuantFormat.TQ1_0;
      case TQ2_0 -> QuantFormat.TQ2_0;
      case MXFP4 -> QuantFormat.MXFP4;
      case NVFP4 -> QuantFormat.NVFP4;
      case F32, F16, BF16 -> null;
    };
  }

  private static @Nullable GgmlType of(QuantFormat format) {
    for (GgmlType t : values()) {
      if (t.format() == format) {
        return t;
      }
    }
    return null;
  }

  /**
   * The type of tensors that the IR holds.
   *
   * @param type dense or blocked
   * @return the type, null if files have none such
   */
  public static @Nullable GgmlType of(TensorType type) {
    return switch (type.layout()) {
      case Layout.Dense d ->
          switch (type.dtype()) {
            case F32 -> F32;
            case F16 -> F16;
            case BF16 -> BF16;
            default -> null;
          };
      case Layout.Blocked b -> of(b.format());
      case Layout.Strided s -> null;
      case Layout.Opaque o -> null;
    };
  }

  /**
   * Decodes consecutive blocks to F32, bit for bit as the format's reference does.
   *
   * @param data holds the blocks
   * @param at first byte of the first one
   * @param out takes the elements
   * @param to index of the first element there
   * @param count elements, a multiple of {@link #elements()}
   * @throws IndexOutOfBoundsException if the blocks or elements reach past their ends
   */
  public void decode(MemorySegment data, long at, float[] out, int to, int count) {
    if (count % elements != 0) {
      throw new IllegalArgumentException(
          "decode %s: expected a multiple of %d elements, got %d"
              .formatted(text(), elements, count));
    }
    for (int block = 0; block < count / elements; block++) {
      decoder.decode(data, at + (long) block * bytes, out, to + block * elements);
    }
  }
}
