package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A tensor as it should be: for each element its bits, or, where rounding is free, its value in
 * double and how far from it a backend may be. Row-major.
 */
public final class RefTensor {
  private final DType dtype;
  private final long[] sizes;
  private final long[] bits;
  private final double @Nullable [] values;
  private final double @Nullable [] bounds;

  private RefTensor(
      DType dtype,
      long[] sizes,
      long[] bits,
      double @Nullable [] values,
      double @Nullable [] bounds) {
    this.dtype = dtype;
    this.sizes = sizes.clone();
    this.bits = bits;
    this.values = values;
    this.bounds = bounds;
  }

  /** A tensor of exact elements; the bits are not copied. */
  public static RefTensor exact(DType dtype, long[] sizes, long[] bits) {
    if (bits.length != Axes.count(sizes)) {
      throw new AssertionError(bits.length + " elements for " + Arrays.toString(sizes));
    }
    return new RefTensor(dtype, sizes, bits, null, null);
  }

  /** Element type. */
  public DType dtype() {
    return dtype;
  }

  /** Elements an axis. */
  public long[] sizes() {
    return sizes.clone();
  }

  /** Elements along an axis. */
  public int size(int axis) {
    return (int) sizes[axis];
  }

  /** Number of axes. */
  public int rank() {
    return sizes.length;
  }

  /** Number of elements. */
  public int count() {
    return bits.length;
  }

  /** Whether only one value is right. */
  public boolean isExact(int i) {
    return bounds == null || bounds[i] == 0;
  }

  /** The right bits, or those nearest to the value where others are right too. */
  public long bits(int i) {
    return bits[i];
  }

  /** The value; that of an I64 is rounded. */
  public double real(int i) {
    return values == null || isExact(i) ? Elements.real(dtype, bits[i]) : values[i];
  }

  /** Largest distance from the value that is still right, the rounding to the dtype included. */
  public double bound(int i) {
    return bounds == null ? 0 : bounds[i];
  }

  /** The element as an exact integer; a case that asks this of an inexact one is ill-posed. */
  public long integer(int i) {
    requireExact(i);
    return bits[i];
  }

  /** Fails for a case whose answer depends on free rounding. */
  public void requireExact(int i) {
    if (!isExact(i)) {
      throw new AssertionError("ill-posed case: the result depends on how an input was rounded");
    }
  }

  /** These elements in another order or number: element i is element {@code source[i]}. */
  public RefTensor pick(long[] newSizes, int[] source) {
    Builder out = new Builder(dtype, newSizes);
    for (int i = 0; i < source.length; i++) {
      out.copy(i, this, source[i]);
    }
    return out.build();
  }

  /** Gathers a tensor's elements. */
  public static final class Builder {
    private final DType dtype;
    private final long[] sizes;
    private final long[] bits;
    private double @Nullable [] values;
    private double @Nullable [] bounds;

    /** A tensor of zeros. */
    public Builder(DType dtype, long... sizes) {
      this.dtype = dtype;
      this.sizes = sizes;
      this.bits = new long[Axes.count(sizes)];
    }

    /** Number of elements. */
    public int count() {
      return bits.length;
    }

    /** Sets the only right bits. */
    public Builder exact(int i, long elementBits) {
      bits[i] = elementBits;
      if (bounds != null) {
        bounds[i] = 0;
      }
      return this;
    }

    /** Copies an element with its bound. */
    public Builder copy(int i, RefTensor from, int j) {
      exact(i, from.bits[j]);
      if (!from.isExact(j)) {
        inexact(i, from.real(j), from.bound(j));
      }
      return this;
    }

    /**
     * Sets a value known up to {@code slack}; without slack it must be correctly rounded.
     *
     * @param i the element
     * @param value before rounding to the dtype
     * @param slack largest error before that rounding
     */
    public Builder near(int i, double value, double slack) {
      FloatCodec codec = FloatCodec.of(dtype);
      exact(i, codec.encode(value));
      if (slack > 0 && !Double.isNaN(value) && !Double.isInfinite(value)) {
        double rounding = codec.unitRoundoff() * Math.abs(value) + codec.minSubnormal() / 2;
        boolean overflows = Math.abs(value) - slack - rounding > codec.overflowThreshold();
        if (!overflows) {
          inexact(i, value, slack + rounding);
        }
      }
      return this;
    }

    /** Sets a correctly rounded value whose sign does not count if it is zero. */
    public Builder unsignedZero(int i, double value) {
      return near(i, value, value == 0 ? FloatCodec.of(dtype).minSubnormal() / 4 : 0);
    }

    private void inexact(int i, double value, double bound) {
      double[] v = values;
      double[] b = bounds;
      if (v == null || b == null) {
        v = new double[bits.length];
        b = new double[bits.length];
        values = v;
        bounds = b;
      }
      v[i] = value;
      b[i] = bound;
    }

    /** The tensor; the builder must not be used afterwards. */
    public RefTensor build() {
      return new RefTensor(dtype, sizes, bits, values, bounds);
    }
  }
}
