package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.gpu.Failures;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;

/**
 * Has the device report an index that occurs twice or lies past the end, where runs are checked.
 */
final class DistinctIndices {
  private final Gpu gpu;
  private final Gpu.Checked op;
  private final long kernel;

  DistinctIndices(Gpu gpu, Gpu.Checked op) {
    this.gpu = gpu;
    this.op = op;
    this.kernel = gpu.function("move", "check_distinct");
  }

  /** Checks indices below n; nothing unless the run is checked. */
  void check(KernelArgs args, Tensor index, long n) {
    if (!args.debug()) {
      return;
    }
    long seen = gpu.scratch(4 * Math.max(1, n));
    try {
      gpu.driver().memsetD32Async(seen, 0, Math.max(1, n), gpu.stream());
    } catch (CudaException e) {
      throw Failures.unchecked("check of indices", e);
    }
    Params p = gpu.params().address(index).i64(seen).i64(n).i64(index.elements());
    gpu.fault(p, true, op).i32(index.dtype().ordinal());
    gpu.launchOver(kernel, index.elements(), 256);
  }
}
