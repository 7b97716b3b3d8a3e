package dev.lamina.conformance;

/** What a case enforces: a numeric rule of the IR, or a contract of the SPI. */
public enum Rule {
  /** Computed as if in F32, one rounding to nearest even. */
  R1,
  /** Folds accumulate in F32 or wider. */
  R2,
  /** NaN, infinities and subnormals. */
  R3,
  /** Integers wrap; conversion to integers. */
  R4,
  /** Bits that do not change. */
  R5,
  /** Ties give the lowest index. */
  R6,
  /** A softmax row with nothing allowed is zeros. */
  R7,
  /** Negative and too large indices. */
  R8,
  /** Structure: dtype, shape, layout, nothing written outside the outputs. */
  STRUCTURE,
  /** Parents, children, close, retention. */
  LIFETIME,
  /** Order of commands and timelines. */
  ORDER,
  /** Errors: which, when, and what they say. */
  ERRORS,
  /** Capabilities: present ones work, absent ones are refused. */
  CAPABILITY
}
