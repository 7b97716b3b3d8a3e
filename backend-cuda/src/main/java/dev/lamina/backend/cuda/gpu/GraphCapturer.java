package dev.lamina.backend.cuda.gpu;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.sdk.CapturedRun;
import dev.lamina.backend.sdk.RunCapturer;

/** Captures runs as CUDA graphs: a chain of launches, copies and fills that costs one launch. */
public final class GraphCapturer implements RunCapturer {
  private final Gpu gpu;
  private final Driver driver;

  /**
   * Captures what kernels launch on a GPU.
   *
   * @param gpu open, and longer so than what is captured
   */
  public GraphCapturer(Gpu gpu) {
    this.gpu = gpu;
    this.driver = gpu.driver();
  }

  @Override
  public CapturedRun capture(Runnable kernels) {
    try {
      long graph = captured(kernels);
      try {
        return new Exec(gpu, uploaded(graph), gpu.scratchGeneration());
      } finally {
        driver.graphDestroy(graph);
      }
    } catch (CudaException e) {
      throw Failures.unchecked("capture", e);
    }
  }

  /** The graph of what kernels launch; what they threw, if they did. */
  private long captured(Runnable kernels) throws CudaException {
    gpu.beginCapture();
    try {
      kernels.run();
    } catch (RuntimeException e) {
      try {
        driver.graphDestroy(gpu.endCapture());
      } catch (CudaException broken) {
        e.addSuppressed(broken);
      }
      throw e;
    }
    return gpu.endCapture();
  }

  private long uploaded(long graph) throws CudaException {
    long exec = driver.graphInstantiate(graph);
    try {
      driver.graphUpload(exec, gpu.memoryStream());
      return exec;
    } catch (CudaException e) {
      driver.graphExecDestroy(exec);
      throw e;
    }
  }

  /** An executable graph. */
  private record Exec(Gpu gpu, long exec, long scratchGeneration) implements CapturedRun {
    @Override
    public void launch() {
      try {
        gpu.driver().graphLaunch(exec, gpu.memoryStream());
      } catch (CudaException e) {
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
        gpu.driver().graphExecDestroy(exec);
      } catch (CudaException e) {
        throw Failures.unchecked("close of a graph", e);
      }
    }
  }
}
