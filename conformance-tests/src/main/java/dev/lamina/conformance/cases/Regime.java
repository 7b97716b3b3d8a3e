package dev.lamina.conformance.cases;

import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.FloatCodec;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.DType;
import java.util.Locale;
import java.util.Random;

/** Kinds of values; one kind alone hides bugs. */
enum Regime implements Source {
  /** Even over -1..1; integers even over the type's whole range. */
  UNIFORM,
  /** Standard normal; integers small. */
  NORMAL,
  /** Magnitudes up to 200. */
  LARGE,
  /** Far below zero, -1000..-999, and all alike at low precision. */
  NEGATIVE,
  /** Standard normal with every 16th element 50 times larger. */
  OUTLIERS,
  /** Around and below the smallest normal number of the dtype. */
  SUBNORMAL,
  /** Few distinct values, so that ties are the rule. */
  TIES,
  /** Plus and minus powers of two. */
  POWERS,
  /** Standard normal with infinities of both signs and zeros. */
  INFINITE,
  /** Standard normal with NaN planted. */
  NANS,
  /** Positive, away from zero. */
  POSITIVE,
  /** Around 0.001, where an added constant shows. */
  SMALL,
  /** Evenly spread exponents, the extremes of the type included. */
  WIDE;

  String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  @Override
  public RefTensor make(DType dtype, long[] sizes, Random random) {
    RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
    for (int i = 0; i < out.count(); i++) {
      if (dtype == DType.BOOL) {
        out.exact(i, random.nextBoolean() ? 1 : 0);
      } else if (dtype.isInteger()) {
        out.exact(i, Elements.wrap(dtype, integer(dtype, random)));
      } else {
        out.exact(i, FloatCodec.of(dtype).encode(real(FloatCodec.of(dtype), i, random)));
      }
    }
    return out.build();
  }

  private double real(FloatCodec codec, int i, Random random) {
    return switch (this) {
      case UNIFORM -> 2 * random.nextDouble() - 1;
      case NORMAL -> random.nextGaussian();
      case LARGE -> 400 * random.nextDouble() - 200;
      case NEGATIVE -> -1000 + random.nextDouble();
      case OUTLIERS -> random.nextGaussian() * (i % 16 == 5 ? 50 : 1);
      case SUBNORMAL ->
          codec.minNormal() * (random.nextInt(4) == 0 ? 4 : 1) * (2 * random.nextDouble() - 1);
      case TIES -> (random.nextInt(5) - 2) * 0.5;
      case POWERS -> Math.scalb(random.nextBoolean() ? 1.0 : -1.0, random.nextInt(13) - 6);
      case INFINITE ->
          special(random, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0.0, -0.0);
      case NANS -> special(random, Double.NaN);
      case POSITIVE -> 0.25 + 4 * random.nextDouble();
      case SMALL -> 1e-3 * random.nextGaussian();
      case WIDE -> wide(codec, random);
    };
  }

  private static double special(Random random, double... planted) {
    boolean plant = random.nextInt(8) == 0;
    double ordinary = random.nextGaussian();
    return plant ? planted[random.nextInt(planted.length)] : ordinary;
  }

  private static double wide(FloatCodec codec, Random random) {
    double low = Math.log(codec.minNormal());
    double high = Math.log(codec.max());
    double magnitude = Math.exp(low + (high - low) * random.nextDouble());
    double v =
        switch (random.nextInt(20)) {
          case 0 -> codec.max();
          case 1 -> codec.minNormal();
          case 2 -> 0;
          default -> Math.min(magnitude, codec.max());
        };
    return random.nextBoolean() ? v : -v;
  }

  private long integer(DType dtype, Random random) {
    return switch (this) {
      case TIES -> random.nextInt(3);
      case NORMAL, POSITIVE, OUTLIERS, SMALL -> 1 + random.nextInt(100);
      case POWERS -> 1L << random.nextInt(8 * dtype.bytes());
      case NEGATIVE -> Elements.min(dtype) + random.nextInt(4);
      case UNIFORM, LARGE, SUBNORMAL, INFINITE, NANS, WIDE ->
          switch (random.nextInt(12)) {
            case 0 -> Elements.min(dtype);
            case 1 -> Elements.max(dtype);
            case 2 -> 0;
            case 3 -> -1;
            default -> random.nextLong();
          };
    };
  }
}
