package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.Codebook;
import java.util.function.IntUnaryOperator;

/** Decodes elements of quantised blocks one by one, as {@link BlockSpec} says. */
public final class BlockOracle {
  private BlockOracle() {}

  /**
   * An element.
   *
   * @param spec of the block
   * @param bytes the block's bytes by index, unsigned
   * @param e index of the element
   * @return its value, an F32
   */
  public static double element(BlockSpec spec, IntUnaryOperator bytes, int e) {
    int group = e / (spec.elements() / spec.scale().groups());
    int code =
        spec.levels() instanceof BlockSpec.Levels.Ternary ? 0 : integer(spec.codes(), bytes, e);
    double level =
        switch (spec.levels()) {
          case BlockSpec.Levels.Biased b -> code - b.bias();
          case BlockSpec.Levels.Signed s -> (byte) code;
          case BlockSpec.Levels.Table t -> t.values().get(code);
          case BlockSpec.Levels.Float8 f -> FloatCodec.F8E4M3.decode(code);
          case BlockSpec.Levels.Points p -> coordinate(p, code, e);
          case BlockSpec.Levels.Ternary t -> digit(t, spec.codes(), bytes, e);
        };
    double y = (float) (factor(spec.scale(), bytes, group) * level);
    BlockSpec.Factor min = spec.min();
    if (min == null) {
      return y;
    }
    double m = factor(min, bytes, group);
    return (float) (spec.subtracted() ? y - m : y + m);
  }

  private static int coordinate(BlockSpec.Levels.Points p, int code, int e) {
    Codebook book = p.book();
    int coordinate = book.coordinate(code % book.points(), e % book.dims());
    int above = code / book.points();
    return switch (p.above()) {
      case SIGN -> above == 1 ? -coordinate : coordinate;
      case EVEN_SIGNS -> {
        boolean odd = Integer.bitCount(above) % 2 == 1;
        boolean negative = e % 8 == 7 ? odd : (above >> e % 8 & 1) == 1;
        yield negative ? -coordinate : coordinate;
      }
      case EIGHTHS -> 8 * coordinate + (above == 1 ? -1 : 1);
    };
  }

  /** The digit behind the point of {@code code / 256 * 3^plane}, less 1. */
  private static int digit(
      BlockSpec.Levels.Ternary t, BitField codes, IntUnaryOperator bytes, int e) {
    int first = 0;
    int before = 0;
    for (BlockSpec.Levels.Planes run : t.runs()) {
      int inside = e - before;
      if (inside < run.bytes() * run.planes()) {
        int code = integer(codes, bytes, first + inside % run.bytes());
        double shifted = code / 256.0 * Math.pow(3, inside / run.bytes());
        return (int) ((shifted - Math.floor(shifted)) * 3) - 1;
      }
      before += run.bytes() * run.planes();
      first += run.bytes();
    }
    throw new AssertionError("element " + e + " of a block of " + before);
  }

  private static double factor(BlockSpec.Factor f, IntUnaryOperator bytes, int group) {
    int at = f.at() + group * f.stride();
    long bits = 0;
    for (int i = 0; i < f.written().bytes(); i++) {
      bits |= (long) bytes.applyAsInt(at + i) << 8 * i;
    }
    double written =
        switch (f.written()) {
          case F16 -> FloatCodec.F16.decode(bits);
          case QUARTER_F16 -> FloatCodec.F16.decode(bits) / 4;
          case EIGHTH_F16 -> FloatCodec.F16.decode(bits) / 8;
          case EIGHTH_F16_IN_HALVES -> FloatCodec.F16.decode(uppers(bits)) / 8;
          case F32 -> FloatCodec.F32.decode(bits);
          case HALF_E8M0 -> Math.scalb(1.0, (int) bits - 128);
          case HALF_E4M3 -> (bits & 127) == 127 ? 0 : FloatCodec.F8E4M3.decode(bits & 127) / 2;
        };
    BitField integers = f.integers();
    if (integers == null) {
      return written;
    }
    int n = integer(integers, bytes, group);
    return (float) (written * ((f.signed() ? (byte) n : n) - f.bias()));
  }

  /** The highest four of each 16 bits, next to one another. */
  private static long uppers(long bits) {
    long all = 0;
    for (int i = 0; i < 4; i++) {
      all |= (bits >>> 16 * i + 12 & 15) << 4 * i;
    }
    return all;
  }

  private static int integer(BitField field, IntUnaryOperator bytes, int index) {
    int value = 0;
    for (BitField.Piece p : field.pieces()) {
      int word = bytes.applyAsInt(p.byteOf(index));
      if (p.isSplit(index)) {
        word |= bytes.applyAsInt(p.byteOf(index) + 1) << 8;
      }
      value |= (word >> p.shiftOf(index) & (1 << p.width()) - 1) << p.to();
    }
    return value;
  }
}
