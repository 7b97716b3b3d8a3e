package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.Failures;
import dev.lamina.backend.rocm.driver.Hip;
import dev.lamina.backend.rocm.driver.HipException;
import dev.lamina.backend.sdk.CapturedRun;
import dev.lamina.backend.sdk.RunCapturer;

/** Captures runs as HIP graphs: a chain of launches, copies and fills that costs one launch. */
final class GraphCapturer implements RunCapturer {
  private final HipGpu gpu;
  private final Hip hip;

  GraphCapturer(HipGpu gpu) {
    this.gpu = gpu;
    this.hip = gpu.hip();
  }

  @Override
  public CapturedRun capture(Runnable kernels) {
    try {
      long graph = captured(kernels);
      try {
        return new Exec(gpu, hip.graphInstantiate(graph), gpu.scratchGeneration());
      } finally {
        hip.graphDestroy(graph);
      }
    } catch (HipException e) {
      throw Failures.unchecked("capture", e);
    }
  }

  /** The graph of what kernels launch; what they threw, if they did. */
  private long captured(Runnable kernels) throws HipException {
    gpu.beginCapture();
    try {
      kernels.run();
    } catch (RuntimeException e) {
      try {
        hip.graphDestroy(gpu.endCapture());
      } catch (HipException broken) {
        e.addSuppressed(broken);
      }
      throw e;
    }
    return gpu.endCapture();
  }

  /** An executable graph. */
  private record Exec(HipGpu gpu, long exec, long scratchGeneration) implements CapturedRun {
    @Override
    public void launch() {
      try {
        gpu.hip().graphLaunch(exec, gpu.stream());
      } catch (HipException e) {
        throw Failures.unchecked("launch of a graph", e);
      }
    }

    @Override
    public boolean isCurrent() {
      return scratchGeneration == gpu.scratchGeneration();
    }

    @Override
    public void close() {
      gpu.use();
      try {
        gpu.hip().graphExecDestroy(exec);
      } catch (HipException e) {
        throw Failures.unchecked("close of a graph", e);
      }
    }
  }
}
