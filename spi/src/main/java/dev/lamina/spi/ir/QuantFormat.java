package dev.lamina.spi.ir;

import static dev.lamina.spi.ir.BitField.digit;
import static dev.lamina.spi.ir.BitField.piece;
import static dev.lamina.spi.ir.BlockSpec.lowered;
import static dev.lamina.spi.ir.BlockSpec.points;
import static dev.lamina.spi.ir.BlockSpec.raised;
import static dev.lamina.spi.ir.BlockSpec.scaled;

import dev.lamina.spi.ir.BlockSpec.Factor;
import dev.lamina.spi.ir.BlockSpec.Levels;
import dev.lamina.spi.ir.BlockSpec.Levels.Above;
import dev.lamina.spi.ir.BlockSpec.Written;
import java.util.List;
import java.util.Locale;

/**
 * Block formats of quantised weights, with their normative decoding.
 *
 * <p>A blocked tensor of logical shape {@code [..., K]} stores each row of K elements as {@code K /
 * elements} consecutive blocks of {@code bytes} bytes; {@link #spec} says what the bytes mean.
 * Sources: the GGUF formats of ggml (facts only); OCP Microscaling Formats 1.0 for the 4-bit and
 * 8-bit floats. The last ones here, from {@link #F8E4M3_128} on, are the layouts that weights of
 * checkpoints with separate tensors of scales are put into.
 */
public enum QuantFormat {
  /** F16 scale d, then 32 signed bytes q: {@code d * q}. */
  Q8_0(scaled(34, half(0), BitField.bytes(32, 2), new Levels.Signed())),
  /** F16 scale d, then 32 halves of bytes q: {@code d * (q - 8)}. */
  Q4_0(scaled(18, half(0), BitField.halves(32, 2), new Levels.Biased(8))),
  /** F16 scale d and minimum m, then 32 halves of bytes q: {@code d * q + m}. */
  Q4_1(raised(20, half(0), half(2), BitField.halves(32, 4))),
  /** F16 scale d, 32 fifth bits, then 32 halves of bytes: {@code d * (q - 16)}. */
  Q5_0(scaled(22, half(0), fiveBits(2), new Levels.Biased(16))),
  /** F16 scale d and minimum m, 32 fifth bits, then 32 halves of bytes: {@code d * q + m}. */
  Q5_1(raised(24, half(0), half(2), fiveBits(4))),
  /** 2 bits, a scale and a minimum of 4 bits a 16 elements: {@code (d * s) * q - dmin * m}. */
  Q2_K(
      lowered(
          84,
          Factor.times(80, new BitField(16, List.of(piece(0, 4, 0, digit(16, 1, 0)))), 0),
          Factor.times(
              82,
              new BitField(16, List.of(new BitField.Piece(0, 4, 4, 0, List.of(digit(16, 1, 0))))),
              0),
          new BitField(256, List.of(planes(16, 0))))),
  /** 3 bits less 4, a scale of 6 bits less 32 a 16 elements: {@code (d * s) * q}. */
  Q3_K(
      scaled(
          110,
          Factor.times(
              108,
              new BitField(
                  16,
                  List.of(
                      piece(96, 4, 0, digit(2, 0, 4), digit(8, 1, 0)),
                      piece(104, 2, 4, digit(4, 0, 2), digit(4, 1, 0)))),
              32),
          new BitField(
              256, List.of(planes(32, 0), piece(0, 1, 2, digit(8, 0, 1), digit(32, 1, 0)))),
          new Levels.Biased(4))),
  /** 4 bits, a scale and a minimum of 6 bits a 32 elements: {@code (d * s) * q - dmin * m}. */
  Q4_K(
      lowered(
          144,
          Factor.times(0, sixBitScales(), 0),
          Factor.times(2, sixBitMinima(), 0),
          new BitField(256, List.of(pairs(16))))),
  /** 5 bits, a scale and a minimum of 6 bits a 32 elements: {@code (d * s) * q - dmin * m}. */
  Q5_K(
      lowered(
          176,
          Factor.times(0, sixBitScales(), 0),
          Factor.times(2, sixBitMinima(), 0),
          new BitField(256, List.of(pairs(48), piece(16, 1, 4, digit(8, 0, 1), digit(32, 1, 0)))))),
  /** 6 bits less 32, a signed scale of 8 bits a 16 elements: {@code (d * s) * q}. */
  Q6_K(
      scaled(
          210,
          new Factor(Written.F16, 208, 0, 16, BitField.bytes(16, 192), 0, true),
          new BitField(
              256,
              List.of(
                  piece(0, 4, 0, digit(2, 64, 0), digit(2, 0, 4), digit(64, 1, 0)),
                  planes(128, 4))),
          new Levels.Biased(32))),
  /** F16 scale d, then 32 halves of bytes that pick of 16 uneven levels. */
  IQ4_NL(scaled(18, half(0), BitField.halves(32, 2), uneven())),
  /** 4 bits that pick of 16 uneven levels, a scale of 6 bits less 32 a 32 elements. */
  IQ4_XS(
      scaled(
          136,
          Factor.times(
              0,
              new BitField(
                  8,
                  List.of(
                      piece(4, 4, 0, digit(4, 1, 0), digit(2, 0, 4)),
                      piece(2, 2, 4, digit(2, 1, 0), digit(4, 0, 2)))),
              32),
          new BitField(
              256, List.of(piece(8, 4, 0, digit(8, 16, 0), digit(2, 0, 4), digit(16, 1, 0)))),
          uneven())),
  /** Points of a grid of 256 with signs, 8 elements each; a scale of 4 bits a 32: 2.06 bits. */
  IQ2_XXS(
      points(
          66,
          Factor.odd(Written.EIGHTH_F16, 0, new BitField(8, List.of(upper(9, digit(8, 8, 0))))),
          new BitField(
              256,
              List.of(
                  piece(2, 8, 0, digit(8, 8, 0), digit(4, 1, 0), digit(8, 0, 0)),
                  piece(6, 7, 8, digit(8, 8, 0), digit(4, 0, 7), digit(8, 0, 0)))),
          Codebook.IQ2_XXS,
          Above.EVEN_SIGNS)),
  /** Points of a grid of 512 with signs, 8 elements each; a scale of 4 bits a 16: 2.31 bits. */
  IQ2_XS(
      points(
          74,
          Factor.odd(Written.EIGHTH_F16, 0, nibbles(16, 66)),
          new BitField(
              256,
              List.of(
                  piece(2, 8, 0, digit(32, 2, 0), digit(8, 0, 0)),
                  piece(3, 1, 8, digit(32, 2, 0), digit(8, 0, 0)),
                  new BitField.Piece(3, 1, 7, 9, List.of(digit(32, 2, 0), digit(8, 0, 0))))),
          Codebook.IQ2_XS,
          Above.EVEN_SIGNS)),
  /** Points of a grid of 1024 with signs, 8 elements each; a scale of 4 bits a 16: 2.56 bits. */
  IQ2_S(
      points(
          82,
          Factor.odd(Written.EIGHTH_F16, 0, nibbles(16, 74)),
          new BitField(
              256,
              List.of(
                  piece(2, 8, 0, digit(32, 1, 0), digit(8, 0, 0)),
                  piece(66, 2, 8, digit(8, 1, 0), digit(4, 0, 2), digit(8, 0, 0)),
                  piece(34, 1, 10, digit(32, 1, 0), digit(8, 0, 1)))),
          Codebook.IQ2_S,
          Above.SIGN)),
  /** Points of a grid of 256 with signs, 4 elements each; a scale of 4 bits a 32: 3.06 bits. */
  IQ3_XXS(
      points(
          98,
          Factor.odd(Written.QUARTER_F16, 0, new BitField(8, List.of(upper(69, digit(8, 4, 0))))),
          new BitField(
              256,
              List.of(
                  piece(2, 8, 0, digit(64, 1, 0), digit(4, 0, 0)),
                  piece(66, 7, 8, digit(8, 4, 0), digit(4, 0, 7), digit(8, 0, 0)))),
          Codebook.IQ3_XXS,
          Above.EVEN_SIGNS)),
  /** Points of a grid of 512 with signs, 4 elements each; a scale of 4 bits a 32: 3.44 bits. */
  IQ3_S(
      points(
          110,
          Factor.odd(Written.F16, 0, nibbles(8, 106)),
          new BitField(
              256,
              List.of(
                  piece(2, 8, 0, digit(64, 1, 0), digit(4, 0, 0)),
                  piece(66, 1, 8, digit(8, 1, 0), digit(8, 0, 1), digit(4, 0, 0)),
                  piece(74, 1, 9, digit(32, 1, 0), digit(8, 0, 1)))),
          Codebook.IQ3_S,
          Above.SIGN)),
  /**
   * Points of -1, 0 and 1, 8 elements each, moved by an eighth; a scale of 3 bits a 32: 1.56 bits.
   */
  IQ1_S(
      points(
          50,
          Factor.odd(
              Written.EIGHTH_F16,
              0,
              new BitField(8, List.of(new BitField.Piece(35, 4, 3, 0, List.of(digit(8, 2, 0)))))),
          new BitField(
              256,
              List.of(
                  piece(2, 8, 0, digit(32, 1, 0), digit(8, 0, 0)),
                  piece(34, 3, 8, digit(8, 2, 0), digit(4, 0, 3), digit(8, 0, 0)),
                  new BitField.Piece(35, 7, 1, 11, List.of(digit(8, 2, 0), digit(32, 0, 0))))),
          Codebook.IQ1,
          Above.EIGHTHS)),
  /** The same with a scale of 3 bits a 16, the block's own scale spread over four words. */
  IQ1_M(
      points(
          56,
          Factor.odd(
              Written.EIGHTH_F16_IN_HALVES,
              48,
              new BitField(16, List.of(piece(48, 3, 0, digit(4, 2, 0), digit(4, 0, 3))))),
          new BitField(
              256,
              List.of(
                  piece(0, 8, 0, digit(32, 1, 0), digit(8, 0, 0)),
                  piece(32, 3, 8, digit(16, 1, 0), digit(2, 0, 4), digit(8, 0, 0)),
                  new BitField.Piece(
                      32, 3, 1, 11, List.of(digit(16, 1, 0), digit(2, 0, 4), digit(8, 0, 0))))),
          Codebook.IQ1,
          Above.EIGHTHS)),
  /** -1, 0 and 1 as digits of base 3, five or four a byte, under an F16 scale a 256 elements. */
  TQ1_0(
      new BlockSpec(
          256,
          54,
          half(52),
          null,
          false,
          BitField.bytes(52, 0),
          new Levels.Ternary(
              List.of(
                  new Levels.Planes(32, 5), new Levels.Planes(16, 5), new Levels.Planes(4, 4))))),
  /** 2 bits less 1 under an F16 scale a 256 elements. */
  TQ2_0(scaled(66, half(64), new BitField(256, List.of(planes(0, 0))), new Levels.Biased(1))),
  /** 4-bit floats (E2M1) under a power of two (E8M0) a 32. */
  MXFP4(scaled(17, Factor.of(Written.HALF_E8M0, 0), BitField.halves(32, 1), e2m1())),
  /** 4-bit floats (E2M1) under an E4M3 scale without sign a 16. */
  NVFP4(
      scaled(
          36,
          Factor.each(Written.HALF_E4M3, 4),
          new BitField(64, List.of(piece(4, 4, 0, digit(4, 8, 0), digit(2, 0, 4), digit(8, 1, 0)))),
          e2m1())),
  /** F32 scale s, then 128 bytes of {@link DType#F8E4M3} q: {@code s * q}. */
  F8E4M3_128(scaled(132, single(0), BitField.bytes(128, 4), new Levels.Float8())),
  /** F32 scale s, then 16 bytes of {@link DType#F8E4M3} q: {@code s * q}. */
  F8E4M3_16(scaled(20, single(0), BitField.bytes(16, 4), new Levels.Float8())),
  /** F32 scale s, then 128 signed bytes q: {@code s * q}. */
  INT8_128(scaled(132, single(0), BitField.bytes(128, 4), new Levels.Signed())),
  /** F32 scale s, then 16 signed bytes q: {@code s * q}. */
  INT8_16(scaled(20, single(0), BitField.bytes(16, 4), new Levels.Signed())),
  /** F32 scale s and minimum m, then 128 halves of bytes q: {@code s * q + m}. */
  INT4_128(raised(72, single(0), single(4), BitField.halves(128, 8))),
  /** F32 scale s and minimum m, then 32 halves of bytes q: {@code s * q + m}. */
  INT4_32(raised(24, single(0), single(4), BitField.halves(32, 8))),
  /** Half of an F32 scale, then 16 halves of bytes that are 4-bit floats (E2M1), doubled. */
  FP4_16(scaled(12, single(0), BitField.halves(16, 4), e2m1()));

  private final BlockSpec spec;

  QuantFormat(BlockSpec spec) {
    this.spec = spec;
  }

  private static Factor half(int at) {
    return Factor.of(Written.F16, at);
  }

  private static Factor single(int at) {
    return Factor.of(Written.F32, at);
  }

  /** The upper halves of bytes. */
  private static BitField.Piece upper(int at, BitField.Digit digit) {
    return new BitField.Piece(at, 4, 4, 0, List.of(digit));
  }

  /** Halves of bytes, the two of a byte next to one another. */
  private static BitField nibbles(int count, int at) {
    return new BitField(count, List.of(piece(at, 4, 0, digit(count / 2, 1, 0), digit(2, 0, 4))));
  }

  /** 32 fifth bits from a byte on, then halves of bytes. */
  private static BitField fiveBits(int at) {
    return new BitField(
        32,
        List.of(
            piece(at + 4, 4, 0, digit(2, 0, 4), digit(16, 1, 0)),
            piece(at, 1, 4, digit(4, 1, 0), digit(8, 0, 1))));
  }

  /** Two bits of 256: of each 128, 32 bytes hold four planes of 32. */
  private static BitField.Piece planes(int at, int to) {
    return piece(at, 2, to, digit(2, 32, 0), digit(4, 0, 2), digit(32, 1, 0));
  }

  /** Four bits of 256: of each 64, 32 bytes hold two planes of 32. */
  private static BitField.Piece pairs(int at) {
    return piece(at, 4, 0, digit(4, 32, 0), digit(2, 0, 4), digit(32, 1, 0));
  }

  /** Four whole in bytes 4-7; of the others bytes 12-15 have the low halves, 4-7 the high bits. */
  private static BitField sixBitScales() {
    return new BitField(
        8,
        List.of(
            piece(4, 4, 0, digit(2, 8, 0), digit(4, 1, 0)),
            new BitField.Piece(4, 4, 2, 4, List.of(digit(2, 0, 2), digit(4, 1, 0)))));
  }

  /** Likewise in bytes 8-11, and the high halves of 12-15. */
  private static BitField sixBitMinima() {
    return new BitField(
        8,
        List.of(
            piece(8, 4, 0, digit(2, 4, 4), digit(4, 1, 0)),
            new BitField.Piece(8, 4, 2, 4, List.of(digit(2, 0, 2), digit(4, 1, 0)))));
  }

  private static Levels uneven() {
    return new Levels.Table(
        List.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113));
  }

  /** Doubled, so that they are integers. */
  private static Levels e2m1() {
    return new Levels.Table(List.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12));
  }

  /**
   * What the bytes of a block mean.
   *
   * @return the normative decoding
   */
  public BlockSpec spec() {
    return spec;
  }

  /**
   * Elements in a block.
   *
   * @return a power of two
   */
  public int elements() {
    return spec.elements();
  }

  /**
   * Size of a block.
   *
   * @return bytes
   */
  public int bytes() {
    return spec.bytes();
  }

  /**
   * Name in graph text.
   *
   * @return lower-case name, such as {@code q8_0}
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
