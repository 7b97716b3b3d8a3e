package dev.lamina.backend.sdk;

/**
 * Code that runs one op on host memory. One instance a node of an executable; thread-safe: what a
 * run needs to keep lies in {@link KernelArgs}.
 */
@FunctionalInterface
public interface Kernel {
  /**
   * Runs the op: reads operands and states, writes results.
   *
   * @param args tensors and states of this run; results never overlap operands unless the choice
   *     said that the kernel works in place
   * @throws ProgramError if debug checks are on and the program breaks a rule (index past the end,
   *     duplicate scatter index)
   */
  void run(KernelArgs args);
}
