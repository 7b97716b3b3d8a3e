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
      case BlockSpec.Levels.Table t -> {
        Value[] entries = new Value[t.values().size()];
        for (int i = 0; i < entries.length; i++) {
          entries[i] = g.fill(Shape.of(1), Scalar.f32(t.values().get(i)));
        }
        yield g.gather(g.concat(0, entries), g.cast(codes, DType.I32), 0);
      }
    };
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
      case F16 -> f32(g, g.view(g.bitcast(bytes, DType.F16), rows, blocks, Dim.of(1)));
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

  private Value shifted(Value x, long bits) {
    return g.binary(BinaryKind.SHL, x, like(g, x, bits));
  }

  /** U8 {@code [n, blocks, count]}. */
  private Value integers(BitField field) {
    Value all = null;
    for (BitField.Piece piece : field.pieces()) {
      Value bits = piece(piece, field.count());
      all = all == null ? bits : or(g, all, bits);
    }
    if (all == null) {
      throw new AssertionError("bit field without pieces");
    }
    return all;
  }

  private Value piece(BitField.Piece piece, int count) {
    Value index = g.iota(Shape.of(count), 0, DType.I32);
    Value place = like(g, index, (long) piece.at());
    Value shift = like(g, index, (long) piece.shift());
    long stride = count;
    for (BitField.Digit d : piece.digits()) {
      stride /= d.size();
      Value above = over(g, index, stride);
      Value digit = g.binary(BinaryKind.REM, above, like(g, above, (long) d.size()));
      place = d.bytes() == 0 ? place : g.add(place, times(g, digit, (long) d.bytes()));
      shift = d.bits() == 0 ? shift : g.add(shift, times(g, digit, (long) d.bits()));
    }
    Value bytes = g.gather(raw, place, 2);
    if (piece.width() == 8) {
      return bytes;
    }
    Value by = g.broadcast(g.cast(shift, DType.U8), bytes.shape(), 2);
    Value low = g.binary(BinaryKind.SHR, bytes, by);
    Value masked = and(g, low, like(g, low, (1L << piece.width()) - 1));
    return piece.to() == 0 ? masked : shifted(masked, piece.to());
  }
}
