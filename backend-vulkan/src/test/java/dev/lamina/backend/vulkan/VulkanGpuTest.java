package dev.lamina.backend.vulkan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.CapturedRun;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** A device by itself: copies, captured runs, full memory, and processes that end with one open. */
class VulkanGpuTest {
  private static final int COUNT = 1000;

  private static int[] ints(VulkanGpu gpu, long from) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(4L * COUNT, 4);
      gpu.download(from, host);
      return host.toArray(ValueLayout.JAVA_INT);
    }
  }

  @Test
  void copies_keepTheOrderOfWork() {
    try (VulkanGpu gpu = new VulkanGpu(Devices.first())) {
      long a = gpu.own(4L * COUNT);
      long b = gpu.own(4L * COUNT);
      gpu.fill(a, 1, COUNT);
      gpu.copy(a, b, 4L * COUNT);
      gpu.fill(a, 2, COUNT);
      assertThat(ints(gpu, b)).containsOnly(1);
      assertThat(ints(gpu, a)).containsOnly(2);
    }
  }

  @Test
  void aCapturedRun_runsWhenItIsLaunched_andAgain() {
    try (VulkanGpu gpu = new VulkanGpu(Devices.first())) {
      long fill = gpu.function("move", "fill");
      long a = gpu.own(4L * COUNT);
      gpu.fill(a, 1, COUNT);
      try (CapturedRun run =
          new StepCapturer(gpu)
              .capture(() -> {
                gpu.params().address(a).i64(7).i64(COUNT).i32(4);
                gpu.launchOver(fill, COUNT, 256);
              })) {
        assertThat(ints(gpu, a)).containsOnly(1);
        run.launch();
        assertThat(ints(gpu, a)).containsOnly(7);
        gpu.fill(a, 3, COUNT);
        run.launch();
        assertThat(ints(gpu, a)).containsOnly(7);
      }
    }
  }

  @Test
  void whatThrowsInACapture_leavesTheDeviceUsable() {
    try (VulkanGpu gpu = new VulkanGpu(Devices.first())) {
      long a = gpu.own(4L * COUNT);
      assertThatThrownBy(() -> new StepCapturer(gpu).capture(() -> gpu.scratch(1L << 30)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("scratch: expected at most the bytes of earlier runs");
      gpu.fill(a, 5, COUNT);
      assertThat(ints(gpu, a)).containsOnly(5);
    }
  }

  @Test
  void fullMemory_isToldAsSuch_andLeavesTheDeviceUsable() throws Exception {
    try (VulkanGpu gpu = new VulkanGpu(Devices.first())) {
      VulkanSpace space = new VulkanSpace(gpu);
      long tooMuch = 1L << 46;
      assertThatThrownBy(() -> space.allocate(tooMuch, MemoryKind.DEVICE, "allocate cache"))
          .isInstanceOf(OutOfDeviceMemory.class)
          .hasMessageStartingWith("allocate cache")
          .hasMessageContaining("a model takes less with --kv-memory");
      space.allocate(64, MemoryKind.DEVICE, "allocate").close();
      space.close();
    }
  }

  @Test
  void aClosedDevice_refusesWork() {
    VulkanGpu gpu = new VulkanGpu(Devices.first());
    long a = gpu.own(4L * COUNT);
    gpu.close();
    assertThatThrownBy(() -> gpu.fill(a, 1, COUNT))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is closed");
  }

  @Test
  void aKernelThatIsNotThere_isNamed() {
    try (VulkanGpu gpu = new VulkanGpu(Devices.first())) {
      assertThatThrownBy(() -> gpu.function("move", "no_such"))
          .hasMessageContaining("kernel: expected spv/move.no_such.spv in the jar");
    }
  }

  @Test
  void aProcessThatEndsWithAnOpenDevice_endsWell() throws Exception {
    Devices.first();
    assertThat(ChildJvm.run(Main.class)).contains("leaves a device open");
  }

  /** Opens a device and ends without closing it. */
  static final class Main {
    private Main() {}

    public static void main(String[] args) throws BackendFailure {
      VulkanGpu gpu = new VulkanGpu(((Probe.Available) Probe.run()).devices().getFirst());
      gpu.fill(gpu.own(4L * COUNT), 1, COUNT);
      gpu.submit();
      System.out.println("leaves a device open");
      System.exit(0);
    }
  }
}
