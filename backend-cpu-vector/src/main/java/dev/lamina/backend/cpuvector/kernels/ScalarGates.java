package dev.lamina.backend.cpuvector.kernels;

/** Scalar twins of {@link VectorGates}. */
final class ScalarGates {
  static final float CUBIC = 0.044715f;
  static final float ROOT_2_OVER_PI = (float) Math.sqrt(2 / Math.PI);
  static final float ROOT_HALF = (float) Math.sqrt(0.5);

  private ScalarGates() {}

  static void apply(Gates.Kind kind, float[] g, float[] up, int n) {
    for (int i = 0; i < n; i++) {
      float x = g[i];
      float f =
          switch (kind) {
            case SILU -> x * ScalarMath.sigmoid(x);
            case GELU_TANH -> {
              float inner = (x + x * x * x * CUBIC) * ROOT_2_OVER_PI;
              yield x * 0.5f * (ScalarMath.tanh(inner) + 1);
            }
            case GELU_ERF -> x * 0.5f * (ScalarMath.erf(x * ROOT_HALF) + 1);
            case RELU -> Math.max(x, 0);
          };
      g[i] = f * up[i];
    }
  }
}
