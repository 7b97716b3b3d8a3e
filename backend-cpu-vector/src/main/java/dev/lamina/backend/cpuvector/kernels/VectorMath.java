package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Polynomials.E0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.ERF_ONE;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.ERF_SMALL;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.EXP_MAX;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.EXP_MIN;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L5;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L6;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L7;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L8;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.LN2_HIGH;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.LN2_LOW;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.LOG2E;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.ROUNDER;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S5;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S6;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.TANH_SMALL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Transcendental functions on vectors. Our own, because the JDK's give other bits when interpreted
 * than when compiled. Twins: {@link ScalarMath}.
 */
final class VectorMath {
  private static final int ROUNDER_BITS = Float.floatToRawIntBits(ROUNDER);

  private VectorMath() {}

  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(splat(LOG2E), splat(ROUNDER));
    FloatVector n = shifted.sub(ROUNDER);
    FloatVector r = n.fma(splat(-LN2_HIGH), x);
    r = n.fma(splat(-LN2_LOW), r);
    FloatVector p = splat(E4).fma(r, splat(E3));
    p = p.fma(r, splat(E2));
    p = p.fma(r, splat(E1));
    p = p.fma(r, splat(E0));
    FloatVector y = p.fma(r.mul(r), r).add(1);
    IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS);
    IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
    y = y.mul(power(half)).mul(power(exponent.sub(half)));
    VectorMask<Float> over = x.compare(VectorOperators.GT, EXP_MAX);
    VectorMask<Float> under = x.compare(VectorOperators.LT, EXP_MIN);
    return y.blend(Float.POSITIVE_INFINITY, over).blend(0, under);
  }

  private static FloatVector power(IntVector exponent) {
    return exponent.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }

  static FloatVector sigmoid(FloatVector x) {
    FloatVector e = exp(x.abs().neg());
    FloatVector one = splat(1);
    return one.blend(e, x.compare(VectorOperators.LT, 0)).div(e.add(1));
  }

  static FloatVector tanh(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector z = x.mul(x);
    FloatVector p = splat(T4).fma(z, splat(T3));
    p = p.fma(z, splat(T2));
    p = p.fma(z, splat(T1));
    p = p.fma(z, splat(T0));
    FloatVector small = p.mul(z).fma(x, x);
    FloatVector big = splat(1).sub(splat(2).div(exp(a.add(a)).add(1)));
    return withSign(big, x).blend(small, a.compare(VectorOperators.LT, TANH_SMALL));
  }

  static FloatVector erf(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector z = x.mul(x);
    FloatVector p = splat(S6).fma(z, splat(S5));
    p = p.fma(z, splat(S4));
    p = p.fma(z, splat(S3));
    p = p.fma(z, splat(S2));
    p = p.fma(z, splat(S1));
    p = p.fma(z, splat(S0));
    FloatVector small = p.fma(x, x);
    FloatVector t = a.blend(ERF_ONE, a.compare(VectorOperators.GT, ERF_ONE));
    FloatVector q = splat(L8).fma(t, splat(L7));
    q = q.fma(t, splat(L6));
    q = q.fma(t, splat(L5));
    q = q.fma(t, splat(L4));
    q = q.fma(t, splat(L3));
    q = q.fma(t, splat(L2));
    q = q.fma(t, splat(L1));
    q = q.fma(t, splat(L0));
    FloatVector big = splat(1).sub(exp(q.neg()));
    return withSign(big, x).blend(small, a.compare(VectorOperators.LT, ERF_SMALL));
  }

  private static FloatVector withSign(FloatVector magnitude, FloatVector sign) {
    return magnitude
        .reinterpretAsInts()
        .or(sign.reinterpretAsInts().and(0x80000000))
        .reinterpretAsFloats();
  }

  private static FloatVector splat(float value) {
    return FloatVector.broadcast(Lanes.F, value);
  }
}
