package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.BlockSpec.Factor;
import dev.lamina.spi.ir.BlockSpec.Levels;
import dev.lamina.spi.ir.CompositeOp.Embedding;
import dev.lamina.spi.ir.CompositeOp.Linear;
import dev.lamina.spi.ir.QuantFormat;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * One bug at a time in what the bytes of a block mean: scales, minima, order of codes, high bits.
 */
final class BlockMutants {
  private BlockMutants() {}

  static void addTo(MutantList list) {
    for (QuantFormat f : QuantFormat.values()) {
      if (f == QuantFormat.Q8_0 || f == QuantFormat.Q4_0) {
        continue;
      }
      list.area(f.name(), "linear/*w=" + f.text() + "*", "embedding/1/" + f.text() + "/*");
      levels(list, f);
      codes(list, f);
      factor(list, f, "scale", f.spec().scale(), BlockMutants::withScale);
      Factor min = f.spec().min();
      if (min != null) {
        minima(list, f);
        factor(list, f, "min", min, BlockMutants::withMin);
      }
    }
  }

  private static void add(
      MutantList list, QuantFormat f, String name, String bug, UnaryOperator<BlockSpec> wrong) {
    BlockSpec spec = wrong.apply(f.spec());
    list.op(name(f, name), bug, Linear.class, op -> new PlainLinear.Linear(op, weights(f, spec)));
  }

  /** Those of what codes stand for are made in lookups too, which may have kernels of their own. */
  private static void addBoth(
      MutantList list, QuantFormat f, String name, String bug, UnaryOperator<BlockSpec> wrong) {
    add(list, f, name, bug, wrong);
    BlockSpec spec = wrong.apply(f.spec());
    list.op(
        name(f, name) + "-lookup",
        bug + ", in a lookup",
        Embedding.class,
        op -> new PlainLinear.Embedding(weights(f, spec)));
  }

  private static String name(QuantFormat f, String name) {
    return f.text().replace('_', '-') + "-" + name;
  }

  private static PlainLinear.Weights weights(QuantFormat wanted, BlockSpec spec) {
    return new PlainLinear.Weights() {
      @Override
      BlockSpec spec(QuantFormat format) {
        return format == wanted ? spec : super.spec(format);
      }
    };
  }

  private static void levels(MutantList list, QuantFormat f) {
    switch (f.spec().levels()) {
      case Levels.Biased b ->
          addBoth(
              list,
              f,
              "bias",
              "codes are 1 too high",
              s -> with(s, new Levels.Biased(b.bias() - 1)));
      case Levels.Signed s ->
          addBoth(list, f, "unsigned", "codes have no sign", t -> with(t, new Levels.Biased(0)));
      case Levels.Table t ->
          addBoth(
              list,
              f,
              "last-level",
              "the last level reads as the one before",
              s -> {
                List<Integer> values = new ArrayList<>(t.values());
                values.set(values.size() - 1, values.get(values.size() - 2));
                return with(s, new Levels.Table(values));
              });
      case Levels.Float8 e ->
          addBoth(list, f, "as-integer", "codes are integers", t -> with(t, new Levels.Signed()));
      case Levels.Points p ->
          addBoth(
              list,
              f,
              "above",
              "the bits above a point's number are those of another format",
              s -> with(s, new Levels.Points(p.book(), other(p.above()))));
      case Levels.Ternary t ->
          addBoth(
              list,
              f,
              "planes",
              "the shorter runs of bytes come first",
              s -> with(s, new Levels.Ternary(t.runs().reversed())));
    }
  }

  private static Levels.Above other(Levels.Above above) {
    return switch (above) {
      case SIGN -> Levels.Above.EIGHTHS;
      case EVEN_SIGNS, EIGHTHS -> Levels.Above.SIGN;
    };
  }

  private static void codes(MutantList list, QuantFormat f) {
    BitField codes = f.spec().codes();
    BitField.Piece first = codes.pieces().getFirst();
    if (first.digits().size() > 1) {
      add(
          list,
          f,
          "order",
          "neighbours share a byte",
          s -> withCodes(s, replaced(codes, reversed(first))));
    }
    if (codes.pieces().size() > 1) {
      add(
          list,
          f,
          "high-bits-lost",
          "codes lack their high bits",
          s -> withCodes(s, new BitField(codes.count(), List.of(first))));
    }
  }

  private static BitField.Piece reversed(BitField.Piece p) {
    List<BitField.Digit> digits = new ArrayList<>(p.digits());
    Collections.reverse(digits);
    return new BitField.Piece(p.at(), p.shift(), p.width(), p.to(), digits);
  }

  private static BitField replaced(BitField field, BitField.Piece first) {
    List<BitField.Piece> pieces = new ArrayList<>(field.pieces());
    pieces.set(0, first);
    return new BitField(field.count(), pieces);
  }

  private static void minima(MutantList list, QuantFormat f) {
    add(
        list,
        f,
        "min-sign",
        "the minimum has the other sign",
        s ->
            new BlockSpec(
                s.elements(),
                s.bytes(),
                s.scale(),
                s.min(),
                !s.subtracted(),
                s.codes(),
                s.levels()));
    add(list, f, "min-lost", "no minimum", s -> withMin(s, null));
  }

  private interface WithFactor {
    BlockSpec apply(BlockSpec spec, Factor factor);
  }

  private static void factor(
      MutantList list, QuantFormat f, String what, Factor factor, WithFactor with) {
    if (factor.stride() > 0) {
      add(
          list,
          f,
          what + "-of-the-first",
          "all sub-blocks have the first one's " + what,
          s -> with.apply(s, replaced(factor, 0, factor.integers(), factor.bias())));
    }
    BitField integers = factor.integers();
    if (integers == null) {
      return;
    }
    if (integers.pieces().size() > 1) {
      BitField low = new BitField(integers.count(), List.of(integers.pieces().getFirst()));
      add(
          list,
          f,
          what + "-high-bits-lost",
          "each " + what + " lacks its high bits",
          s -> with.apply(s, replaced(factor, 0, low, factor.bias())));
    }
    add(
        list,
        f,
        what + "-off-by-one",
        "each " + what + " is one step too large",
        s -> with.apply(s, replaced(factor, 0, integers, factor.bias() - 1)));
  }

  private static Factor replaced(Factor f, int stride, BitField integers, int bias) {
    return new Factor(f.written(), f.at(), stride, f.groups(), integers, bias, f.signed());
  }

  private static BlockSpec withScale(BlockSpec s, Factor scale) {
    return new BlockSpec(
        s.elements(), s.bytes(), scale, s.min(), s.subtracted(), s.codes(), s.levels());
  }

  private static BlockSpec withMin(BlockSpec s, Factor min) {
    return new BlockSpec(
        s.elements(), s.bytes(), s.scale(), min, s.subtracted(), s.codes(), s.levels());
  }

  private static BlockSpec withCodes(BlockSpec s, BitField codes) {
    return new BlockSpec(
        s.elements(), s.bytes(), s.scale(), s.min(), s.subtracted(), codes, s.levels());
  }

  private static BlockSpec with(BlockSpec s, Levels levels) {
    return new BlockSpec(
        s.elements(), s.bytes(), s.scale(), s.min(), s.subtracted(), s.codes(), levels);
  }
}
