package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.and;
import static dev.lamina.backend.sdk.Elementwise.equal;
import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.or;
import static dev.lamina.backend.sdk.Elementwise.over;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Decodes quantised rows by core ops, bit for bit as {@link BlockSpec} says, whatever the format:
 * the bytes of a field are gathered by the places that its digits give, shifted and masked.
 */
final class Dequantisation {
  private final Ops g;
  private final BlockSpec spec;
  private final Value raw;
  private final Dim rows;
  private final Dim blocks;

  private Dequantisation(Ops g, BlockSpec spec, Value bytes, long k) {
    this.g = g;
    this.spec = spec;
    this.rows = bytes.shape().dim(0);
    this.blocks = Dim.of(k / spec.elements());
    this.raw = g.view(bytes, rows, blocks, Dim.of(spec.bytes()));
  }

  /**
   * Decodes rows.
   *
   * @param g where to add the ops
   * @param format of the blocks
   * @param rows U8 {@code [n, K / elements * bytes]}
   * @param k decoded elements a row
   * @return F32 {@code [n, K]}
   */
  static Value decode(Ops g, QuantFormat format, Value rows, long k) {
    return new Dequantisation(g, format.spec(), rows, k).values(k);
  }

  /** The bytes of a blocked matrix, U8 {@code [rows, bytes a row]}. */
  static Value bytes(Ops g, Value blocked) {
    return g.bitcast(blocked, DType.U8);
  }

  private Value values(long k) {
    int groups = spec.scale().groups();
    Dim size = Dim.of(spec.elements() / groups);
    Value levels = g.view(levels(), rows, blocks, Dim.of(groups), size);
    Value scale = g.broadcast(factor(spec.scale()), levels.shape(), 0, 1, 2);
    Value y = g.mul(levels, scale);
    BlockSpec.Factor low = spec.min();
    if (low != null) {
      Value min = g.broadcast(factor(low), levels.shape(), 0, 1, 2);
      y = spec.subtracted() ? g.sub(y, min) : g.add(y, min);
    }
    return g.view(y, rows, Dim.of(k));
  }

  /** F32 {@code [n, blocks, elements]}. */
  private Value levels() {
    Value codes = integers(spec.codes());
    return switch (spec.levels()) {
      case BlockSpec.Levels.Biased b -> plus(g, f32(g, codes), (double) -b.bias());
      case BlockSpec.Levels.Signed s -> f32(g, g.bitcast(codes, DType.I8));
      case BlockSpec.Levels.Float8 f -> f32(g, g.bitcast(codes, DType.F8E4M3));
      case BlockSpec.Levels.Table t -> CodebookOps.pick(g, t.values(), g.cast(codes, DType.I32));
      case BlockSpec.Levels.Points p -> CodebookOps.levels(g, p, codes);
      case BlockSpec.Levels.Ternary t -> ternary(t, codes);
    };
  }

  private Value ternary(BlockSpec.Levels.Ternary meaning, Value codes) {
    List<Value> parts = new ArrayList<>();
    int from = 0;
    for (BlockSpec.Levels.Planes run : meaning.runs()) {
      Value[] powers = new Value[run.planes()];
      for (int p = 0, power = 1; p < powers.length; p++, power *= 3) {
        powers[p] = g.fill(Shape.of(1), Scalar.integer(DType.U8, power));
      }
      Dim bytes = Dim.of(run.bytes());
      Dim planes = Dim.of(run.planes());
      Shape all = Shape.of(rows, blocks, planes, bytes);
      Value part = g.slice(codes, 2, from, bytes);
      Value fraction =
          g.mul(g.broadcast(part, all, 0, 1, 3), g.broadcast(g.concat(0, powers), all, 2));
      Value thrice = times(g, g.cast(fraction, DType.I32), 3);
      Value digit = g.binary(BinaryKind.SHR, thrice, like(g, thrice, 8L));
      Value level = f32(g, plus(g, digit, -1L));
      parts.add(g.view(level, rows, blocks, Dim.of((long) run.bytes() * run.planes())));
      from += run.bytes();
    }
    return g.concat(2, parts.toArray(Value[]::new));
  }

  /** F32 {@code [n, blocks, sub-blocks]}. */
  private Value factor(BlockSpec.Factor f) {
    int numbers = f.stride() == 0 ? 1 : f.groups();
    long size = f.written().bytes();
    Value bytes = g.slice(raw, 2, f.at(), Dim.of(numbers * size));
    Value written = written(f.written(), bytes);
    Shape shape = Shape.of(rows, blocks, Dim.of(f.groups()));
    BitField integers = f.integers();
    if (integers == null) {
      return written;
    }
    Value n = integers(integers);
    Value number = f32(g, f.signed() ? g.bitcast(n, DType.I8) : n);
    return g.mul(g.expand(written, shape), plus(g, number, (double) -f.bias()));
  }

  private Value written(BlockSpec.Written written, Value bytes) {
    return switch (written) {
      case F16 -> half(bytes);
      case QUARTER_F16 -> times(g, half(bytes), 0.25);
      case EIGHTH_F16 -> times(g, half(bytes), 0.125);
      case EIGHTH_F16_IN_HALVES -> {
        Value first = uppers(bytes, 1);
        yield times(g, half(g.concat(2, first, uppers(bytes, 5))), 0.125);
      }
      case F32 -> g.view(g.bitcast(bytes, DType.F32), rows, blocks, Dim.of(1));
      case HALF_E8M0 -> {
        Value e = g.cast(bytes, DType.I32);
        Value normal = shifted(plus(g, e, -1L), 23);
        Value subnormal = g.binary(BinaryKind.SHL, like(g, e, 0x00200000L), e);
        Value bits = g.select(less(g, e, like(g, e, 2L)), subnormal, normal);
        yield g.bitcast(bits, DType.F32);
      }
      case HALF_E4M3 -> {
        Value unsigned = and(g, bytes, like(g, bytes, 127L));
        Value half = times(g, f32(g, g.bitcast(unsigned, DType.F8E4M3)), 0.5);
        yield g.select(equal(g, unsigned, like(g, unsigned, 127L)), like(g, half, 0.0), half);
      }
    };
  }

  private Value half(Value bytes) {
    return f32(g, g.view(g.bitcast(bytes, DType.F16), rows, blocks, Dim.of(1)));
  }

  /** The upper halves of a byte and of the one after the next, as one byte. */
  private Value uppers(Value bytes, long at) {
    Value low = g.slice(bytes, 2, at, Dim.of(1));
    Value high = g.slice(bytes, 2, at + 2, Dim.of(1));
    Value lower = g.binary(BinaryKind.SHR, low, like(g, low, 4L));
    return or(g, lower, and(g, high, like(g, high, 0xF0L)));
  }

  private Value shifted(Value x, long bits) {
    return g.binary(BinaryKind.SHL, x, like(g, x, bits));
  }

  /** {@code [n, blocks, count]}, U8 if they have up to eight bits, else I32. */
  private Value integers(BitField field) {
    DType dtype = field.bits() > Byte.SIZE ? DType.I32 : DType.U8;
    Value all = null;
    for (BitField.Piece piece : field.pieces()) {
      Value read = g.cast(piece(piece, field.count()), dtype);
      Value bits = piece.to() == 0 ? read : shifted(read, piece.to());
      all = all == null ? bits : or(g, all, bits);
    }
    if (all == null) {
      throw new AssertionError("bit field without pieces");
    }
    return all;
  }

  /** U8 {@code [n, blocks, count]}. */
  private Value piece(BitField.Piece piece, int count) {
    Value index = g.iota(Shape.of(count), 0, DType.I32);
    Value place = like(g, index, (long) Byte.SIZE * piece.at() + piece.shift());
    long stride = count;
    for (BitField.Digit d : piece.digits()) {
      stride /= d.size();
      Value above = over(g, index, stride);
      Value digit = g.binary(BinaryKind.REM, above, like(g, above, (long) d.size()));
      long step = (long) Byte.SIZE * d.bytes() + d.bits();
      place = step == 0 ? place : g.add(place, times(g, digit, step));
    }
    Value at = over(g, place, Byte.SIZE);
    Value bytes = g.gather(raw, at, 2);
    if (piece.width() == Byte.SIZE) {
      return bytes;
    }
    Value shift = g.sub(place, times(g, at, Byte.SIZE));
    Value by = g.broadcast(g.cast(shift, DType.U8), bytes.shape(), 2);
    Value low = g.binary(BinaryKind.SHR, bytes, by);
    if (IntStream.range(0, count).anyMatch(piece::isSplit)) {
      low = or(g, low, nextByte(at, shift));
    }
    return and(g, low, like(g, low, (1L << piece.width()) - 1));
  }

  /**
   * The bytes that follow, moved up to where the first ones end. Behind the last byte of a block
   * there is none; nothing that is read there is kept, as no piece ends behind it.
   */
  private Value nextByte(Value at, Value shift) {
    Value next = plus(g, at, 1L);
    Value bytes =
        g.gather(raw, g.binary(BinaryKind.MIN, next, like(g, next, spec.bytes() - 1L)), 2);
    Value wide = g.cast(bytes, DType.I32);
    Value up = g.sub(like(g, shift, (long) Byte.SIZE), shift);
    Value moved = g.binary(BinaryKind.SHL, wide, g.broadcast(up, wide.shape(), 2));
    return g.cast(and(g, moved, like(g, moved, 255L)), DType.U8);
  }
}
