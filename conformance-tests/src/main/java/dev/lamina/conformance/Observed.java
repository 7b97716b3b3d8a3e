package dev.lamina.conformance;

import java.util.List;

/**
 * What was seen while a case ran, whatever its verdict.
 *
 * @param kernels which kernel ran each op
 * @param measurements numbers that the case measured
 * @param timings ops that the case timed
 */
public record Observed(
    List<KernelUse> kernels, List<Measurement> measurements, List<Timing> timings) {
  /** Nothing was seen. */
  public static final Observed NOTHING = new Observed(List.of(), List.of(), List.of());

  /** Copies the lists. */
  public Observed {
    kernels = List.copyOf(kernels);
    measurements = List.copyOf(measurements);
    timings = List.copyOf(timings);
  }

  /**
   * One op as it ran.
   *
   * @param op its mnemonic
   * @param kernel name of the kernel, or of the decomposition
   * @param decomposed whether the op was replaced by core ops
   * @param detail speed and exactness of a native kernel, or why it was decomposed
   */
  public record KernelUse(String op, String kernel, boolean decomposed, String detail) {}
}
