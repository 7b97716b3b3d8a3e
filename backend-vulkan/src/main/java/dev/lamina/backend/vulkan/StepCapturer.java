package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.CapturedRun;
import dev.lamina.backend.sdk.RunCapturer;
import dev.lamina.backend.vulkan.CommandStream.Recording;

/**
 * Keeps what a run launches as one command buffer, which is submitted whole when it comes again.
 */
final class StepCapturer implements RunCapturer {
  private final VulkanGpu gpu;

  /**
   * Captures what kernels launch on a device.
   *
   * @param gpu open, and longer so than what is captured
   */
  StepCapturer(VulkanGpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public CapturedRun capture(Runnable kernels) {
    Recording recording = gpu.capture(kernels);
    return new Captured(gpu, recording, gpu.scratchGeneration());
  }

  /** A command buffer that is whole. */
  private record Captured(VulkanGpu gpu, Recording recording, long scratchGeneration)
      implements CapturedRun {
    @Override
    public void launch() {
      gpu.replay(recording);
    }

    @Override
    public boolean isCurrent() {
      return scratchGeneration == gpu.scratchGeneration();
    }

    @Override
    public void close() {
      gpu.free(recording);
    }
  }
}
