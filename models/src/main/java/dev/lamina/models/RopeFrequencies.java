package dev.lamina.models;

import dev.lamina.models.RopeScaling.Default;
import dev.lamina.models.RopeScaling.Dynamic;
import dev.lamina.models.RopeScaling.Linear;
import dev.lamina.models.RopeScaling.Llama3;
import dev.lamina.models.RopeScaling.LongRope;
import dev.lamina.models.RopeScaling.Proportional;
import dev.lamina.models.RopeScaling.Yarn;
import java.util.Arrays;
import java.util.List;

/**
 * The angle that each pair of elements turns a position, computed once in F64 and rounded to F32,
 * and the factor on cos and sin. All scalings become these data: one kernel serves every model.
 */
public final class RopeFrequencies {
  private final float[] freqs;
  private final double scale;

  private RopeFrequencies(double[] freqs, double scale) {
    this.freqs = new float[freqs.length];
    for (int i = 0; i < freqs.length; i++) {
      this.freqs[i] = (float) freqs[i];
    }
    this.scale = scale;
  }

  /**
   * Computes the frequencies.
   *
   * @param rope the model's parameters
   * @param maxModelLen longest sequence that will be run; chooses between the lists of LongRoPE
   * @return one for each pair that turns
   */
  public static RopeFrequencies of(RopeParameters rope, int maxModelLen) {
    int rotaryDims = rope.rotaryDims();
    double theta = rope.theta();
    double[] plain = plain(theta, rotaryDims);
    return switch (rope.scaling()) {
      case Default d -> new RopeFrequencies(plain, 1);
      case Proportional p -> {
        double[] f = divided(plain, p.factor());
        Arrays.fill(f, p.pairs(), f.length, 0);
        yield new RopeFrequencies(f, 1);
      }
      case Linear l -> new RopeFrequencies(divided(plain, l.factor()), 1);
      case Dynamic d ->
          new RopeFrequencies(plain(grown(theta, d, rotaryDims, maxModelLen), rotaryDims), 1);
      case Llama3 l -> new RopeFrequencies(llama3(plain, l), 1);
      case Yarn y -> new RopeFrequencies(yarn(plain, theta, rotaryDims, y), y.attentionFactor());
      case LongRope l -> {
        boolean beyond = maxModelLen > l.originalMaxPositions();
        List<Double> by = beyond ? l.longFactors() : l.shortFactors();
        double[] f = plain.clone();
        for (int i = 0; i < f.length; i++) {
          f[i] /= by.get(i);
        }
        yield new RopeFrequencies(f, l.attentionFactor());
      }
    };
  }

  // Exponent, power and quotient are each rounded to F32, as in the code that models are trained
  // with: the difference is an ulp, but it grows with the position and, where heads are wide and
  // products unscaled, by hundreds in the softmax.
  private static double[] plain(double theta, int rotaryDims) {
    double[] f = new double[rotaryDims / 2];
    for (int i = 0; i < f.length; i++) {
      f[i] = 1f / (float) Math.pow(theta, 2f * i / rotaryDims);
    }
    return f;
  }

  private static double[] divided(double[] plain, double factor) {
    double[] f = plain.clone();
    for (int i = 0; i < f.length; i++) {
      f[i] /= factor;
    }
    return f;
  }

  private static double grown(double theta, Dynamic d, int rotaryDims, int maxModelLen) {
    if (maxModelLen <= d.maxPositions()) {
      return theta;
    }
    double stretch = d.factor() * maxModelLen / d.maxPositions() - (d.factor() - 1);
    return theta * Math.pow(stretch, rotaryDims / (rotaryDims - 2.0));
  }

  private static double[] llama3(double[] plain, Llama3 l) {
    double[] f = plain.clone();
    for (int i = 0; i < f.length; i++) {
      double wave = 2 * Math.PI / f[i];
      double turns = l.originalMaxPositions() / wave;
      if (turns < l.lowFreqFactor()) {
        f[i] /= l.factor();
      } else if (turns <= l.highFreqFactor()) {
        double keep = (turns - l.lowFreqFactor()) / (l.highFreqFactor() - l.lowFreqFactor());
        f[i] = (1 - keep) * f[i] / l.factor() + keep * f[i];
      }
    }
    return f;
  }

  private static double[] yarn(double[] plain, double theta, int rotaryDims, Yarn y) {
    double low = dimensionOf(y.betaFast(), theta, rotaryDims, y);
    double high = dimensionOf(y.betaSlow(), theta, rotaryDims, y);
    if (y.truncate()) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, rotaryDims - 1);
    if (low == high) {
      high += 0.001;
    }
    double[] f = plain.clone();
    for (int i = 0; i < f.length; i++) {
      double divide = Math.clamp((i - low) / (high - low), 0.0, 1.0);
      f[i] = f[i] / y.factor() * divide + f[i] * (1 - divide);
    }
    return f;
  }

  /** The (fractional) pair that makes so many turns in the pretrained length. */
  private static double dimensionOf(double turns, double theta, int rotaryDims, Yarn y) {
    return rotaryDims
        * Math.log(y.originalMaxPositions() / (turns * 2 * Math.PI))
        / (2 * Math.log(theta));
  }

  /**
   * The frequencies.
   *
   * @return radians a position, one a pair; a new array
   */
  public float[] freqs() {
    return freqs.clone();
  }

  /**
   * The factor on cos and sin.
   *
   * @return 1 but for YaRN and LongRoPE
   */
  public double scale() {
    return scale;
  }
}
