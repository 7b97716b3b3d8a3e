package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.OrderMarks;

/**
 * Marks in a device's order of work: values of its timeline semaphore, which need no giving back.
 */
final class TimelineMarks implements OrderMarks {
  private final VulkanGpu gpu;

  TimelineMarks(VulkanGpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public long mark() {
    return gpu.submit();
  }

  @Override
  public long spinNanos() {
    return gpu.facts().isSoftware() ? 0 : OrderMarks.super.spinNanos();
  }

  @Override
  public boolean isReached(long mark) {
    return gpu.isReached(mark);
  }

  @Override
  public void release(long mark) {
    // A value of the timeline holds nothing.
  }
}
