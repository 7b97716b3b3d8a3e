package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.LayerOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.stream.Stream;

/**
 * Weights in blocks: every code, every kind of scale, rows and blocks that must not be mixed up.
 */
final class QuantCases {
  private static final Dim T = Dim.sym("T", 0, 4096);
  private static final RefTensor NONE = RefTensor.exact(DType.F32, new long[] {0}, new long[0]);

  /** One F16 scale a block of 32. */
  static final List<QuantFormat> PLAIN = List.of(QuantFormat.Q8_0, QuantFormat.Q4_0);

  /**
   * The rest, from formats that have kernels of their own on most backends to those that do not.
   */
  private static final List<QuantFormat> OTHERS =
      Stream.of(QuantFormat.values()).filter(f -> !PLAIN.contains(f)).toList();

  /** F16 bits: zeros, subnormals, the smallest and largest normal numbers, of both signs. */
  private static final int[] SCALES = {
    0x3C00, 0x0000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x8000, 0xBC00, 0x7BFF, 0xFBFF, 0x2E66
  };

  private static final int F16_NAN = 0x7E00;

  private QuantCases() {}

  static void addTo(CaseList list) {
    for (QuantFormat format : OTHERS) {
      others(list, format);
    }
    for (QuantFormat format : PLAIN) {
      linear(list, format, 1, 32, 1);
      linear(list, format, 5, 256, 33);
      // More than one tile of the decomposition, the last one ragged.
      linear(list, format, 2, 65536, 9);
      for (int m : new int[] {1, 2, 3, 4, 8, 9, 17, 33}) {
        linear(list, format, m, 96, 40);
      }
      linear(list, format, 1, 64, 259);
      linear(list, format, 3, 1024, 67);
      embedding(list, format, 5, 32, 7);
      embedding(list, format, 33, 256, 9);
      embedding(list, format, 259, 64, 300);
      scales(list, format);
      codes(list, format);
      largeInputs(list, format);
      specialScales(list, format);
      nanScales(list, format, 3);
      nanScales(list, format, 17);
      for (int i = 0; i < 6; i++) {
        any(list, format, i);
      }
    }
  }

  /** Sub-blocks, minima and split codes: every bit of a few blocks counts in a lookup. */
  private static void others(CaseList list, QuantFormat format) {
    long e = format.elements();
    linear(list, format, 1, e, 3);
    linear(list, format, 5, 3 * e, 33);
    linear(list, format, 9, 2 * e, 20);
    // More than one tile of the decomposition, the last one ragged.
    linear(list, format, 2, 65536, 9);
    linear(list, format, 33, 4 * e, 37);
    largeInputs(list, format);
    specialScales(list, format);
    embedding(list, format, 5, e, 7);
    embedding(list, format, 13, 3 * e, 70);
  }

  private static RefTensor blocks(
      CompositeSpec g, QuantFormat format, Source source, long n, long k) {
    return g.make(source, DType.U8, n, k / format.elements() * format.bytes());
  }

  private static void project(
      CompositeSpec g, QuantFormat format, RefTensor bytes, RefTensor x, boolean biased) {
    long n = bytes.size(0);
    long k = x.size(1);
    RefTensor w = LayerOracle.decode(format, bytes, n, k);
    RefTensor b = biased ? g.make(Regime.NORMAL, DType.F32, n) : NONE;
    Value weight = g.blocked(format, bytes, n, k);
    Value in = g.tensor(x, T, Dim.of(k));
    Value y = g.ops.linear(in, weight, biased ? g.weight(b) : null, DType.F32);
    g.out(y, LayerOracle.linear(DType.F32, x, w, b));
  }

  private static void linear(CaseList list, QuantFormat format, long m, long k, long n) {
    list.composite(
        "linear",
        "f32",
        Dtypes.shape(m, k, n),
        "w=" + format.text(),
        g -> {
          RefTensor bytes = blocks(g, format, Source.blocks(format), n, k);
          project(g, format, bytes, g.make(Regime.NORMAL, DType.F32, m, k), m % 2 == 1);
        },
        Rule.R2);
  }

  /** A block whose scale is NaN makes a column of NaN, and no other. */
  private static void nanScales(CaseList list, QuantFormat format, long m) {
    long k = 96;
    long n = 34;
    list.composite(
        "linear",
        "f32",
        Dtypes.shape(m, k, n),
        "nan-scales,w=" + format.text(),
        g -> {
          RefTensor usual = blocks(g, format, Source.blocks(format), n, k);
          RefTensor.Builder bytes = new RefTensor.Builder(DType.U8, usual.sizes());
          for (int i = 0; i < usual.count(); i++) {
            int at = i % format.bytes();
            boolean nan = i / format.bytes() % 7 == 3 && at < 2;
            bytes.exact(i, nan ? F16_NAN >> 8 * at & 255 : usual.bits(i));
          }
          project(g, format, bytes.build(), g.make(Regime.NORMAL, DType.F32, m, k), true);
        },
        Rule.R3);
  }

  /** Products near 2^100: a kernel that scales its sums late must not overflow before it does. */
  private static void largeInputs(CaseList list, QuantFormat format) {
    long k = 2L * Math.max(format.elements(), 32);
    list.composite(
        "linear",
        "f32",
        Dtypes.shape(3, k, 9),
        "large-inputs,w=" + format.text(),
        g -> {
          Source large = Source.reals(r -> () -> Math.scalb(r.nextGaussian(), 100));
          RefTensor bytes = blocks(g, format, Source.blocks(format), 9, k);
          project(g, format, bytes, g.make(large, DType.F32, 3, k), false);
        },
        Rule.R2);
  }

  /**
   * Infinite scales, over levels of any sign (NaN, as infinities of both signs meet) and over equal
   * ones. Formats that can't write them have no such case.
   */
  private static void specialScales(CaseList list, QuantFormat format) {
    BlockSpec.Factor scale = format.spec().scale();
    int top =
        switch (scale.written()) {
          case F16, QUARTER_F16, EIGHTH_F16 -> 0x7C;
          case F32 -> 0x7F;
          case HALF_E8M0, HALF_E4M3, EIGHTH_F16_IN_HALVES -> 0;
        };
    if (top == 0) {
      return;
    }
    int last = scale.at() + scale.written().bytes() - 1;
    long k = 2L * Math.max(format.elements(), 32);
    list.composite(
        "linear",
        "f32",
        Dtypes.shape(3, k, 12),
        "special-scales,w=" + format.text(),
        g -> {
          RefTensor usual = blocks(g, format, Source.blocks(format), 12, k);
          RefTensor.Builder bytes = new RefTensor.Builder(DType.U8, usual.sizes());
          for (int i = 0; i < usual.count(); i++) {
            int at = i % format.bytes();
            int kind = i / format.bytes() % 7;
            boolean written = at >= scale.at() && at <= last;
            boolean infinite = kind == 2 || kind == 4;
            long plain = kind == 4 ? 0x11 : usual.bits(i);
            // The exponent of F32 ends in the byte below its highest.
            int below = top == 0x7F && at == last - 1 ? 0x80 : 0;
            bytes.exact(i, infinite && written ? (at == last ? top : below) : plain);
          }
          project(g, format, bytes.build(), g.make(Regime.POSITIVE, DType.F32, 3, k), false);
        },
        Rule.R3);
  }

  private static void any(CaseList list, QuantFormat format, int i) {
    list.composite(
        "linear",
        "f32",
        "any",
        i + ",w=" + format.text(),
        g -> {
          long k = 32L * g.size(1, 20);
          RefTensor bytes = blocks(g, format, Source.blocks(format), g.size(1, 90), k);
          RefTensor x = g.make(Regime.OUTLIERS, DType.F32, g.size(1, 20), k);
          project(g, format, bytes, x, g.random.nextBoolean());
        },
        Rule.R2);
  }

  private static void embedding(CaseList list, QuantFormat format, long n, long k, int rows) {
    list.composite(
        "embedding",
        format.text(),
        Dtypes.shape(rows, n, k),
        "out=f32",
        g -> {
          RefTensor bytes = blocks(g, format, Source.blocks(format), n, k);
          lookUp(g, format, bytes, k, rows);
        },
        Rule.R8);
  }

  private static void lookUp(
      CompositeSpec g, QuantFormat format, RefTensor bytes, long k, int rows) {
    long n = bytes.size(0);
    Source wanted =
        Source.integers(random -> {
          int[] i = {0};
          return () ->
              switch (i[0]++ % 5) {
                case 0 -> n - 1;
                case 1 -> -1;
                case 2 -> 0;
                default -> random.nextLong(n);
              };
        });
    RefTensor ids = g.make(wanted, DType.I32, rows);
    Value y = g.ops.embedding(g.tensor(ids, T), g.blocked(format, bytes, n, k), DType.F32);
    g.out(y, LayerOracle.embedding(DType.F32, ids, LayerOracle.decode(format, bytes, n, k)));
  }

  /** Random codes under the scales of {@link #SCALES}, in turn. */
  private static Source scaled(QuantFormat format) {
    return Source.integers(random -> {
      int[] i = {0};
      return () -> {
        int at = i[0]++;
        int scale = SCALES[at / format.bytes() % SCALES.length];
        return switch (at % format.bytes()) {
          case 0 -> scale & 255;
          case 1 -> scale >> 8;
          default -> random.nextInt(256);
        };
      };
    });
  }

  private static void scales(CaseList list, QuantFormat format) {
    list.composite(
        "embedding",
        format.text(),
        Dtypes.shape(16, 13, 160),
        "scales",
        g -> lookUp(g, format, blocks(g, format, scaled(format), 13, 160), 160, 16),
        Rule.R3);
    // A block a row, so that a scale meets no larger one.
    list.composite(
        "linear",
        "f32",
        Dtypes.shape(3, 32, 24),
        "scales,w=" + format.text(),
        g -> {
          RefTensor bytes = blocks(g, format, scaled(format), 24, 32);
          project(g, format, bytes, g.make(Regime.POSITIVE, DType.F32, 3, 32), false);
        },
        Rule.R3);
  }

  /** Every code in every place of a block under the scale 1. */
  private static void codes(CaseList list, QuantFormat format) {
    Source all =
        Source.integers(random -> {
          int[] i = {0};
          return () -> {
            int at = i[0]++;
            int block = at / format.bytes();
            return switch (at % format.bytes()) {
              case 0 -> 0;
              case 1 -> 0x3C;
              default -> block * 7 + at % format.bytes() * 37;
            };
          };
        });
    list.composite(
        "embedding",
        format.text(),
        Dtypes.shape(70, 64, 128),
        "codes",
        g -> lookUp(g, format, blocks(g, format, all, 64, 128), 128, 70),
        Rule.R1);
    list.composite(
        "linear",
        "f32",
        Dtypes.shape(2, 128, 64),
        "codes,w=" + format.text(),
        g -> {
          RefTensor bytes = blocks(g, format, all, 64, 128);
          project(g, format, bytes, g.make(Regime.NORMAL, DType.F32, 2, 128), false);
        },
        Rule.R1);
  }
}
