package dev.lamina.backend.reference.mutant;

import java.util.List;

/** Bugs that are known but have no op to sit in yet; each arrives with its op. */
final class PendingMutants {
  private PendingMutants() {}

  /**
   * A bug that waits.
   *
   * @param name as it will be called
   * @param bug what will be wrong
   * @param reason what it waits for
   */
  record Pending(String name, String bug, String reason) {}

  static List<Pending> all() {
    return List.of(
        quant("mxfp4-scale-off-by-2", "the block exponent is one too large", "MXFP4"),
        quant("q4-k-high-scale-bits", "the high bits of a scale are lost", "Q4_K"),
        quant("q4-k-mins-lost", "minimums are not subtracted", "Q4_K"),
        quant("q6-k-high-bits", "the two high bits come from another element", "Q6_K"),
        quant("nvfp4-global-scale", "the tensor's own scale is lost", "NVFP4"),
        act("act-scale-per-tensor", "activations are scaled by the tensor, not by the row"),
        collective("all-reduce-rank-lost", "the last rank's part is lost"),
        collective("all-reduce-order", "the order of the sum differs from run to run"),
        collective("all-gather-swapped", "ranks 0 and 1 change places"),
        collective("reduce-scatter-one-off", "a rank gets its neighbour's part"));
  }

  private static Pending quant(String name, String bug, String format) {
    return new Pending(name, bug, "no " + format + " yet");
  }

  private static Pending act(String name, String bug) {
    return new Pending(name, bug, "no quantised activations yet");
  }

  private static Pending collective(String name, String bug) {
    return new Pending(name, bug, "no collectives yet");
  }
}
