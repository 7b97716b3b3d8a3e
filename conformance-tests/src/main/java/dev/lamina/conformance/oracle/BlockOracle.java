package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
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
    int code = integer(spec.codes(), bytes, e);
    double level =
        switch (spec.levels()) {
          case BlockSpec.Levels.Biased b -> code - b.bias();
          case BlockSpec.Levels.Signed s -> (byte) code;
          case BlockSpec.Levels.Table t -> t.values().get(code);
          case BlockSpec.Levels.Float8 f -> FloatCodec.F8E4M3.decode(code);
        };
    double y = (float) (factor(spec.scale(), bytes, group) * level);
    BlockSpec.Factor min = spec.min();
    if (min == null) {
      return y;
    }
    double m = factor(min, bytes, group);
    return (float) (spec.subtracted() ? y - m : y + m);
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

  private static int integer(BitField field, IntUnaryOperator bytes, int index) {
    int value = 0;
    for (BitField.Piece p : field.pieces()) {
      int bits = bytes.applyAsInt(p.byteOf(index)) >> p.shiftOf(index);
      value |= (bits & (1 << p.width()) - 1) << p.to();
    }
    return value;
  }
}
