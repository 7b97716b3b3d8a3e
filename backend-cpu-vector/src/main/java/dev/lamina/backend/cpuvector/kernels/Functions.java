package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import jdk.incubator.vector.FloatVector;

/** Transcendental functions over arrays: {@code y[i] = f(x[i])}; the arrays may be one. */
public final class Functions {
  private Functions() {}

  /** e to the x. */
  public static void exp(float[] x, float[] y, int n) {
    int i = 0;
    if (HotKernel.GATES.isWarm()) {
      for (; i + VL <= n; i += VL) {
        VectorMath.exp(FloatVector.fromArray(F, x, i)).intoArray(y, i);
      }
    }
    for (; i < n; i++) {
      y[i] = ScalarMath.exp(x[i]);
    }
  }

  /** Hyperbolic tangent. */
  public static void tanh(float[] x, float[] y, int n) {
    int i = 0;
    if (HotKernel.GATES.isWarm()) {
      for (; i + VL <= n; i += VL) {
        VectorMath.tanh(FloatVector.fromArray(F, x, i)).intoArray(y, i);
      }
    }
    for (; i < n; i++) {
      y[i] = ScalarMath.tanh(x[i]);
    }
  }

  /** 1 / (1 + exp(-x)). */
  public static void sigmoid(float[] x, float[] y, int n) {
    int i = 0;
    if (HotKernel.GATES.isWarm()) {
      for (; i + VL <= n; i += VL) {
        VectorMath.sigmoid(FloatVector.fromArray(F, x, i)).intoArray(y, i);
      }
    }
    for (; i < n; i++) {
      y[i] = ScalarMath.sigmoid(x[i]);
    }
  }

  /** Error function. */
  public static void erf(float[] x, float[] y, int n) {
    int i = 0;
    if (HotKernel.GATES.isWarm()) {
      for (; i + VL <= n; i += VL) {
        VectorMath.erf(FloatVector.fromArray(F, x, i)).intoArray(y, i);
      }
    }
    for (; i < n; i++) {
      y[i] = ScalarMath.erf(x[i]);
    }
  }
}
