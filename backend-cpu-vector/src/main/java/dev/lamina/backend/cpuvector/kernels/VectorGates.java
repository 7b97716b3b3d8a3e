package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;
import static dev.lamina.backend.cpuvector.kernels.ScalarGates.CUBIC;
import static dev.lamina.backend.cpuvector.kernels.ScalarGates.ROOT_2_OVER_PI;
import static dev.lamina.backend.cpuvector.kernels.ScalarGates.ROOT_HALF;

import jdk.incubator.vector.FloatVector;

/** {@code g = f(g) * up} over n elements, a multiple of VL. Twins: {@link ScalarGates}. */
final class VectorGates {
  private VectorGates() {}

  static void apply(Gates.Kind kind, float[] g, float[] up, int n) {
    switch (kind) {
      case SILU -> silu(g, up, n);
      case GELU_TANH -> geluTanh(g, up, n);
      case GELU_ERF -> geluErf(g, up, n);
      case RELU -> relu(g, up, n);
    }
  }

  private static void silu(float[] g, float[] up, int n) {
    for (int i = 0; i < n; i += VL) {
      FloatVector x = FloatVector.fromArray(F, g, i);
      FloatVector u = FloatVector.fromArray(F, up, i);
      x.mul(VectorMath.sigmoid(x)).mul(u).intoArray(g, i);
    }
  }

  private static void geluTanh(float[] g, float[] up, int n) {
    for (int i = 0; i < n; i += VL) {
      FloatVector x = FloatVector.fromArray(F, g, i);
      FloatVector inner = x.add(x.mul(x).mul(x).mul(CUBIC)).mul(ROOT_2_OVER_PI);
      FloatVector f = x.mul(0.5f).mul(VectorMath.tanh(inner).add(1));
      f.mul(FloatVector.fromArray(F, up, i)).intoArray(g, i);
    }
  }

  private static void geluErf(float[] g, float[] up, int n) {
    for (int i = 0; i < n; i += VL) {
      FloatVector x = FloatVector.fromArray(F, g, i);
      FloatVector f = x.mul(0.5f).mul(VectorMath.erf(x.mul(ROOT_HALF)).add(1));
      f.mul(FloatVector.fromArray(F, up, i)).intoArray(g, i);
    }
  }

  private static void relu(float[] g, float[] up, int n) {
    for (int i = 0; i < n; i += VL) {
      FloatVector x = FloatVector.fromArray(F, g, i);
      x.max(0).mul(FloatVector.fromArray(F, up, i)).intoArray(g, i);
    }
  }
}
