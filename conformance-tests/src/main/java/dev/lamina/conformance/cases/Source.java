package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Makes the content of an input. */
@FunctionalInterface
interface Source {
  /**
   * Makes a tensor of exact elements.
   *
   * @param dtype element type
   * @param sizes elements an axis
   * @param random the case's own random numbers
   */
  RefTensor make(DType dtype, long[] sizes, Random random);

  /** Integers, one after the other. */
  static Source integers(Function<Random, LongSupplier> numbers) {
    return (dtype, sizes, random) -> {
      LongSupplier next = numbers.apply(random);
      RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
      for (int i = 0; i < out.count(); i++) {
        out.exact(i, Elements.wrap(dtype, next.getAsLong()));
      }
      return out.build();
    };
  }

  /** Floats, rounded to the dtype. */
  static Source reals(Function<Random, DoubleSupplier> numbers) {
    return (dtype, sizes, random) -> {
      DoubleSupplier next = numbers.apply(random);
      RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
      for (int i = 0; i < out.count(); i++) {
        out.near(i, next.getAsDouble(), 0);
      }
      return out.build();
    };
  }

  /** These integers, over and over. */
  static Source cycle(long... values) {
    return integers(random -> {
      int[] at = {0};
      return () -> values[at[0]++ % values.length];
    });
  }

  /** These floats, over and over. */
  static Source cycleReals(double... values) {
    return reals(random -> {
      int[] at = {0};
      return () -> values[at[0]++ % values.length];
    });
  }

  /** Integers of {@code low} up to but without {@code high}. */
  static Source between(long low, long high) {
    return integers(random -> () -> low + random.nextLong(high - low));
  }

  /** Distinct rows of {@code 0..rows-1} in random order, every fifth replaced by padding, -1. */
  static Source distinctRows(int rows) {
    return integers(random -> {
      int[] order = random.ints(0, rows).distinct().limit(rows).toArray();
      int[] at = {0};
      return () -> {
        int i = at[0]++;
        boolean padding = i % 5 == 4 || i >= rows;
        return padding ? (i % 2 == 0 ? -1 : -1 - i) : order[i];
      };
    });
  }

  /** Bytes of quantised blocks: random codes under scales of both signs. */
  static Source blocks(QuantFormat format) {
    BlockSpec spec = format.spec();
    boolean eights = spec.levels() instanceof BlockSpec.Levels.Float8;
    return integers(random -> {
      int[] i = {0};
      return () -> {
        int at = i[0]++ % format.bytes();
        int drawn = random.nextInt(256);
        int scale = factorByte(spec.scale(), at, drawn);
        BlockSpec.Factor min = spec.min();
        int lifted = min == null || scale != drawn ? scale : factorByte(min, at, drawn);
        // Not the NaN of an 8-bit float.
        return eights && (lifted & 127) == 127 ? lifted - 1 : lifted;
      };
    });
  }

  /** The byte that keeps a factor near 1, if {@code at} is the one that says how large it is. */
  private static int factorByte(BlockSpec.Factor f, int at, int drawn) {
    int size = f.written().bytes();
    int last = f.at() + size - 1;
    boolean isFactor = f.stride() == 0 ? at == last : at >= f.at() && at < f.at() + f.groups();
    if (!isFactor) {
      return drawn;
    }
    return switch (f.written()) {
      case F16 -> drawn & 0x80 | 0x28 + (drawn & 7);
      case QUARTER_F16, EIGHTH_F16 -> drawn & 0x80 | 0x30 + (drawn & 7);
      case EIGHTH_F16_IN_HALVES -> drawn & 0x8F | 0x30;
      case F32 -> drawn & 0x80 | 0x3B + (drawn & 3);
      case HALF_E8M0 -> 120 + (drawn & 15);
      case HALF_E4M3 -> drawn & 127;
    };
  }
}
