package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;

/**
 * Has the device report an index that occurs twice or lies past the end, where runs are checked.
 */
final class DistinctIndices {
  private final GridDevice grid;
  private final GridDevice.Checked op;
  private final long kernel;

  DistinctIndices(GridDevice grid, GridDevice.Checked op) {
    this.grid = grid;
    this.op = op;
    this.kernel = grid.function("move", "check_distinct");
  }

  /** Checks indices below n; nothing unless the run is checked. */
  void check(KernelArgs args, Tensor index, long n) {
    if (!args.debug()) {
      return;
    }
    long seen = grid.scratch(4 * Math.max(1, n));
    grid.fill(seen, 0, Math.max(1, n));
    Params p = grid.params().address(index).address(seen).i64(n).i64(index.elements());
    grid.fault(p, true, op).i32(index.dtype().ordinal());
    grid.launchOver(kernel, index.elements(), 256);
  }
}
