package dev.lamina.conformance.oracle;

import java.math.BigDecimal;
import java.math.MathContext;

/** Functions of decimal numbers to 60 digits, by their series; no floating point anywhere. */
final class BigMath {
  static final MathContext DIGITS = new MathContext(60);

  private static final BigDecimal TWO = BigDecimal.valueOf(2);
  private static final BigDecimal LEAST = new BigDecimal("1e-70");

  private BigMath() {}

  static BigDecimal of(double x) {
    return new BigDecimal(x);
  }

  static BigDecimal divide(BigDecimal a, BigDecimal b) {
    return a.divide(b, DIGITS);
  }

  static BigDecimal sqrt(BigDecimal x) {
    return x.sqrt(DIGITS);
  }

  /** Halves the argument until its series is short, then squares. */
  static BigDecimal exp(BigDecimal x) {
    int halvings = 0;
    BigDecimal small = x;
    while (small.abs().compareTo(new BigDecimal("0.01")) > 0) {
      small = small.divide(TWO, new MathContext(90));
      halvings++;
    }
    MathContext more = new MathContext(90);
    BigDecimal sum = BigDecimal.ONE;
    BigDecimal term = BigDecimal.ONE;
    for (int n = 1; term.abs().compareTo(new BigDecimal("1e-95")) > 0; n++) {
      term = term.multiply(small, more).divide(BigDecimal.valueOf(n), more);
      sum = sum.add(term, more);
    }
    for (int i = 0; i < halvings; i++) {
      sum = sum.multiply(sum, more);
    }
    return sum.round(DIGITS);
  }

  /** Newton's method on exp, from a guess that need not be good. */
  static BigDecimal log(BigDecimal x) {
    BigDecimal y = BigDecimal.valueOf(x.precision() - x.scale()).multiply(new BigDecimal("2.3"));
    for (int i = 0; i < 60; i++) {
      BigDecimal e = exp(y);
      BigDecimal step = divide(x.subtract(e).multiply(TWO), x.add(e));
      y = y.add(step, DIGITS);
      if (step.abs().compareTo(new BigDecimal("1e-55")) < 0) {
        return y;
      }
    }
    throw new AssertionError("log of " + x + " does not converge");
  }

  /** {@code 16 atan(1/5) - 4 atan(1/239)}: Machin. */
  static BigDecimal pi() {
    return atanOfInverse(5)
        .multiply(BigDecimal.valueOf(16))
        .subtract(atanOfInverse(239).multiply(BigDecimal.valueOf(4)));
  }

  private static BigDecimal atanOfInverse(int n) {
    MathContext more = new MathContext(100);
    BigDecimal power = BigDecimal.ONE.divide(BigDecimal.valueOf(n), more);
    BigDecimal sum = power;
    for (int k = 3; power.compareTo(new BigDecimal("1e-99")) > 0; k += 2) {
      power = power.divide(BigDecimal.valueOf((long) n * n), more);
      BigDecimal term = power.divide(BigDecimal.valueOf(k), more);
      sum = k % 4 == 3 ? sum.subtract(term) : sum.add(term);
    }
    return sum;
  }

  static BigDecimal sin(BigDecimal x) {
    BigDecimal turn = pi().multiply(TWO);
    BigDecimal turns = x.divideToIntegralValue(turn);
    BigDecimal angle = x.subtract(turns.multiply(turn));
    BigDecimal term = angle;
    BigDecimal sum = angle;
    MathContext more = new MathContext(80);
    for (int n = 2; term.abs().compareTo(LEAST) > 0; n += 2) {
      term =
          term.multiply(angle, more)
              .multiply(angle, more)
              .divide(BigDecimal.valueOf(-(long) n * (n + 1)), more);
      sum = sum.add(term, more);
    }
    return sum.round(DIGITS);
  }

  static BigDecimal cos(BigDecimal x) {
    return sin(x.add(pi().divide(TWO)));
  }

  static BigDecimal tanh(BigDecimal x) {
    BigDecimal e = exp(x.multiply(TWO));
    return divide(e.subtract(BigDecimal.ONE), e.add(BigDecimal.ONE));
  }

  static BigDecimal sigmoid(BigDecimal x) {
    return divide(BigDecimal.ONE, BigDecimal.ONE.add(exp(x.negate())));
  }

  /** The alternating series, with digits to spare for what cancels. */
  static BigDecimal erf(BigDecimal x) {
    MathContext more = new MathContext(120);
    BigDecimal power = x;
    BigDecimal sum = x;
    for (int n = 1; power.abs().compareTo(new BigDecimal("1e-90")) > 0; n++) {
      power = power.multiply(x, more).multiply(x, more).divide(BigDecimal.valueOf(-n), more);
      sum = sum.add(power.divide(BigDecimal.valueOf(2L * n + 1), more), more);
    }
    return divide(sum.multiply(TWO), sqrt(pi()));
  }
}
