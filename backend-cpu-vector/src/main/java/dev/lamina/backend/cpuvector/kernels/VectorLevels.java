package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;
import static dev.lamina.backend.sdk.BlockDecoder.GROUP;

import dev.lamina.backend.sdk.BlockDecoder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Levels of quantised weights as floats, stored or multiplied with a row at once.
 *
 * <p>Each product and sum of a weight is rounded by itself as the formats say: a fused multiply-add
 * would be another number. Four vectors a turn: the conversions of more are more than C2 inlines.
 * Levels that are floats must not be NaN. Twin: {@link ScalarLevels}.
 */
final class VectorLevels {
  /** Bytes of which as many as a vector has floats are read. */
  private static final VectorSpecies<Byte> B =
      VL == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

  private static final int EIGHT_MASK = 0x87F00000;
  private static final float EIGHT_SCALE = 0x1p120f;

  private VectorLevels() {}

  // Written out, and so long that C2 compiles each by itself: inlined into its caller, or all three
  // in one method, they were past C2's node limit in one JVM of two, and their vectors boxed.

  /**
   * Whole numbers times a scale; widens n elements, a multiple of 4 VL, to {@code out[at]} and on.
   */
  static void scaled(BlockDecoder.Unpacked u, int n, float[] out, int at) {
    byte[] levels = u.levels();
    float[] scales = u.scales();
    for (int k = 0; k < n; k += 4 * VL) {
      int o = at + k;
      ((FloatVector) ByteVector.fromArray(B, levels, k).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP]))
          .intoArray(out, o);
      ((FloatVector)
              ByteVector.fromArray(B, levels, k + VL).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP + VL / GROUP]))
          .intoArray(out, o + VL);
      ((FloatVector)
              ByteVector.fromArray(B, levels, k + 2 * VL).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP + 2 * VL / GROUP]))
          .intoArray(out, o + 2 * VL);
      ((FloatVector)
              ByteVector.fromArray(B, levels, k + 3 * VL).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP + 3 * VL / GROUP]))
          .intoArray(out, o + 3 * VL);
    }
  }

  /**
   * Whole numbers times a scale plus a minimum; widens n elements, a multiple of 4 VL, to {@code
   * out[at]} and on.
   */
  static void raised(BlockDecoder.Unpacked u, int n, float[] out, int at) {
    byte[] levels = u.levels();
    float[] scales = u.scales();
    float[] minima = u.minima();
    for (int k = 0; k < n; k += 4 * VL) {
      int o = at + k;
      ((FloatVector) ByteVector.fromArray(B, levels, k).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP]))
          .add(FloatVector.broadcast(F, minima[k / GROUP]))
          .intoArray(out, o);
      ((FloatVector)
              ByteVector.fromArray(B, levels, k + VL).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP + VL / GROUP]))
          .add(FloatVector.broadcast(F, minima[k / GROUP + VL / GROUP]))
          .intoArray(out, o + VL);
      ((FloatVector)
              ByteVector.fromArray(B, levels, k + 2 * VL).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP + 2 * VL / GROUP]))
          .add(FloatVector.broadcast(F, minima[k / GROUP + 2 * VL / GROUP]))
          .intoArray(out, o + 2 * VL);
      ((FloatVector)
              ByteVector.fromArray(B, levels, k + 3 * VL).convertShape(VectorOperators.B2F, F, 0))
          .mul(FloatVector.broadcast(F, scales[k / GROUP + 3 * VL / GROUP]))
          .add(FloatVector.broadcast(F, minima[k / GROUP + 3 * VL / GROUP]))
          .intoArray(out, o + 3 * VL);
    }
  }

  /**
   * Floats of 8 bits times a scale: exponent and mantissa at their place in a float are the value
   * times 2^-120; widens n elements, a multiple of 4 VL, to {@code out[at]} and on.
   */
  static void eights(BlockDecoder.Unpacked u, int n, float[] out, int at) {
    byte[] levels = u.levels();
    float[] scales = u.scales();
    for (int k = 0; k < n; k += 4 * VL) {
      int o = at + k;
      ((IntVector) ByteVector.fromArray(B, levels, k).convertShape(VectorOperators.B2I, I, 0))
          .lanewise(VectorOperators.LSHL, 20)
          .and(EIGHT_MASK)
          .reinterpretAsFloats()
          .mul(EIGHT_SCALE)
          .mul(FloatVector.broadcast(F, scales[k / GROUP]))
          .intoArray(out, o);
      ((IntVector) ByteVector.fromArray(B, levels, k + VL).convertShape(VectorOperators.B2I, I, 0))
          .lanewise(VectorOperators.LSHL, 20)
          .and(EIGHT_MASK)
          .reinterpretAsFloats()
          .mul(EIGHT_SCALE)
          .mul(FloatVector.broadcast(F, scales[k / GROUP + VL / GROUP]))
          .intoArray(out, o + VL);
      ((IntVector)
              ByteVector.fromArray(B, levels, k + 2 * VL).convertShape(VectorOperators.B2I, I, 0))
          .lanewise(VectorOperators.LSHL, 20)
          .and(EIGHT_MASK)
          .reinterpretAsFloats()
          .mul(EIGHT_SCALE)
          .mul(FloatVector.broadcast(F, scales[k / GROUP + 2 * VL / GROUP]))
          .intoArray(out, o + 2 * VL);
      ((IntVector)
              ByteVector.fromArray(B, levels, k + 3 * VL).convertShape(VectorOperators.B2I, I, 0))
          .lanewise(VectorOperators.LSHL, 20)
          .and(EIGHT_MASK)
          .reinterpretAsFloats()
          .mul(EIGHT_SCALE)
          .mul(FloatVector.broadcast(F, scales[k / GROUP + 3 * VL / GROUP]))
          .intoArray(out, o + 3 * VL);
    }
  }

  // The products of two rows of weights, u and v, and one of x from xo on, added to two chains of
  // sums each: NR of the one, then NR of the other. n is a multiple of NR.

  static void scaled(
      BlockDecoder.Unpacked u, BlockDecoder.Unpacked v, int n, float[] x, int xo, float[] sums) {
    byte[] ul = u.levels();
    float[] us = u.scales();
    byte[] vl = v.levels();
    float[] vs = v.scales();
    FloatVector a0 = FloatVector.fromArray(F, sums, 0);
    FloatVector b0 = FloatVector.fromArray(F, sums, VL);
    FloatVector a1 = FloatVector.fromArray(F, sums, NR);
    FloatVector b1 = FloatVector.fromArray(F, sums, NR + VL);
    for (int k = 0; k < n; k += NR) {
      FloatVector x0 = FloatVector.fromArray(F, x, xo + k);
      FloatVector x1 = FloatVector.fromArray(F, x, xo + k + VL);
      FloatVector us0 = FloatVector.broadcast(F, us[k / GROUP]);
      FloatVector us1 = VL < GROUP ? us0 : FloatVector.broadcast(F, us[k / GROUP + 1]);
      FloatVector vs0 = FloatVector.broadcast(F, vs[k / GROUP]);
      FloatVector vs1 = VL < GROUP ? vs0 : FloatVector.broadcast(F, vs[k / GROUP + 1]);
      a0 =
          ((FloatVector) ByteVector.fromArray(B, ul, k).convertShape(VectorOperators.B2F, F, 0))
              .mul(us0)
              .fma(x0, a0);
      b0 =
          ((FloatVector)
                  ByteVector.fromArray(B, ul, k + VL).convertShape(VectorOperators.B2F, F, 0))
              .mul(us1)
              .fma(x1, b0);
      a1 =
          ((FloatVector) ByteVector.fromArray(B, vl, k).convertShape(VectorOperators.B2F, F, 0))
              .mul(vs0)
              .fma(x0, a1);
      b1 =
          ((FloatVector)
                  ByteVector.fromArray(B, vl, k + VL).convertShape(VectorOperators.B2F, F, 0))
              .mul(vs1)
              .fma(x1, b1);
    }
    a0.intoArray(sums, 0);
    b0.intoArray(sums, VL);
    a1.intoArray(sums, NR);
    b1.intoArray(sums, NR + VL);
  }

  static void raised(
      BlockDecoder.Unpacked u, BlockDecoder.Unpacked v, int n, float[] x, int xo, float[] sums) {
    byte[] ul = u.levels();
    float[] us = u.scales();
    float[] um = u.minima();
    byte[] vl = v.levels();
    float[] vs = v.scales();
    float[] vm = v.minima();
    FloatVector a0 = FloatVector.fromArray(F, sums, 0);
    FloatVector b0 = FloatVector.fromArray(F, sums, VL);
    FloatVector a1 = FloatVector.fromArray(F, sums, NR);
    FloatVector b1 = FloatVector.fromArray(F, sums, NR + VL);
    for (int k = 0; k < n; k += NR) {
      FloatVector x0 = FloatVector.fromArray(F, x, xo + k);
      FloatVector x1 = FloatVector.fromArray(F, x, xo + k + VL);
      FloatVector us0 = FloatVector.broadcast(F, us[k / GROUP]);
      FloatVector us1 = VL < GROUP ? us0 : FloatVector.broadcast(F, us[k / GROUP + 1]);
      FloatVector um0 = FloatVector.broadcast(F, um[k / GROUP]);
      FloatVector um1 = VL < GROUP ? um0 : FloatVector.broadcast(F, um[k / GROUP + 1]);
      FloatVector vs0 = FloatVector.broadcast(F, vs[k / GROUP]);
      FloatVector vs1 = VL < GROUP ? vs0 : FloatVector.broadcast(F, vs[k / GROUP + 1]);
      FloatVector vm0 = FloatVector.broadcast(F, vm[k / GROUP]);
      FloatVector vm1 = VL < GROUP ? vm0 : FloatVector.broadcast(F, vm[k / GROUP + 1]);
      a0 =
          ((FloatVector) ByteVector.fromArray(B, ul, k).convertShape(VectorOperators.B2F, F, 0))
              .mul(us0)
              .add(um0)
              .fma(x0, a0);
      b0 =
          ((FloatVector)
                  ByteVector.fromArray(B, ul, k + VL).convertShape(VectorOperators.B2F, F, 0))
              .mul(us1)
              .add(um1)
              .fma(x1, b0);
      a1 =
          ((FloatVector) ByteVector.fromArray(B, vl, k).convertShape(VectorOperators.B2F, F, 0))
              .mul(vs0)
              .add(vm0)
              .fma(x0, a1);
      b1 =
          ((FloatVector)
                  ByteVector.fromArray(B, vl, k + VL).convertShape(VectorOperators.B2F, F, 0))
              .mul(vs1)
              .add(vm1)
              .fma(x1, b1);
    }
    a0.intoArray(sums, 0);
    b0.intoArray(sums, VL);
    a1.intoArray(sums, NR);
    b1.intoArray(sums, NR + VL);
  }

  static void eights(
      BlockDecoder.Unpacked u, BlockDecoder.Unpacked v, int n, float[] x, int xo, float[] sums) {
    byte[] ul = u.levels();
    float[] us = u.scales();
    byte[] vl = v.levels();
    float[] vs = v.scales();
    FloatVector a0 = FloatVector.fromArray(F, sums, 0);
    FloatVector b0 = FloatVector.fromArray(F, sums, VL);
    FloatVector a1 = FloatVector.fromArray(F, sums, NR);
    FloatVector b1 = FloatVector.fromArray(F, sums, NR + VL);
    for (int k = 0; k < n; k += NR) {
      FloatVector x0 = FloatVector.fromArray(F, x, xo + k);
      FloatVector x1 = FloatVector.fromArray(F, x, xo + k + VL);
      FloatVector us0 = FloatVector.broadcast(F, us[k / GROUP]);
      FloatVector us1 = VL < GROUP ? us0 : FloatVector.broadcast(F, us[k / GROUP + 1]);
      FloatVector vs0 = FloatVector.broadcast(F, vs[k / GROUP]);
      FloatVector vs1 = VL < GROUP ? vs0 : FloatVector.broadcast(F, vs[k / GROUP + 1]);
      a0 =
          ((IntVector) ByteVector.fromArray(B, ul, k).convertShape(VectorOperators.B2I, I, 0))
              .lanewise(VectorOperators.LSHL, 20)
              .and(EIGHT_MASK)
              .reinterpretAsFloats()
              .mul(EIGHT_SCALE)
              .mul(us0)
              .fma(x0, a0);
      b0 =
          ((IntVector) ByteVector.fromArray(B, ul, k + VL).convertShape(VectorOperators.B2I, I, 0))
              .lanewise(VectorOperators.LSHL, 20)
              .and(EIGHT_MASK)
              .reinterpretAsFloats()
              .mul(EIGHT_SCALE)
              .mul(us1)
              .fma(x1, b0);
      a1 =
          ((IntVector) ByteVector.fromArray(B, vl, k).convertShape(VectorOperators.B2I, I, 0))
              .lanewise(VectorOperators.LSHL, 20)
              .and(EIGHT_MASK)
              .reinterpretAsFloats()
              .mul(EIGHT_SCALE)
              .mul(vs0)
              .fma(x0, a1);
      b1 =
          ((IntVector) ByteVector.fromArray(B, vl, k + VL).convertShape(VectorOperators.B2I, I, 0))
              .lanewise(VectorOperators.LSHL, 20)
              .and(EIGHT_MASK)
              .reinterpretAsFloats()
              .mul(EIGHT_SCALE)
              .mul(vs1)
              .fma(x1, b1);
    }
    a0.intoArray(sums, 0);
    b0.intoArray(sums, VL);
    a1.intoArray(sums, NR);
    b1.intoArray(sums, NR + VL);
  }
}
