package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ir.DType;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Opens devices as the SDK's. */
final class VulkanDevices {
  private static final int ALIGNMENT = 256;

  private VulkanDevices() {}

  /** What is known of devices that are not open. */
  static List<DeviceInfo> infos(List<DeviceFacts> devices) {
    List<DeviceInfo> infos = new ArrayList<>();
    for (DeviceFacts facts : devices) {
      infos.add(info(facts, infos.size()));
    }
    return infos;
  }

  private static DeviceInfo info(DeviceFacts facts, int ordinal) {
    return new DeviceInfo(
        ordinal,
        facts.name(),
        "vulkan-" + facts.api(),
        new DeviceInfo.MemoryInfo(facts.memoryBytes(), facts.memoryBytes(), false),
        new DeviceInfo.Limits(Math.min(facts.memoryBytes(), facts.maxAllocationBytes()), ALIGNMENT),
        EnumSet.allOf(DType.class),
        caps(facts),
        DeviceInfo.Peak.UNKNOWN);
  }

  private static Set<Cap> caps(DeviceFacts facts) {
    Set<Cap> caps =
        EnumSet.of(
            Cap.CAPTURE,
            Cap.RUN_TO_RUN,
            Cap.BATCH_INVARIANT,
            Cap.OOM_RECOVERABLE,
            Cap.TAKEN_AT_SUBMIT);
    if (!facts.keepsSubnormals()) {
      caps.add(Cap.FTZ);
    }
    return caps;
  }

  /** A backend of these devices. */
  static Backend backend(List<DeviceFacts> devices, long memoryLimitBytes) {
    List<DeviceInfo> infos =
        infos(devices).stream().map(i -> i.withMemoryLimit(memoryLimitBytes)).toList();
    return new HostBackend(infos, i -> open(devices.get(i), infos.get(i)));
  }

  private static HostDevice open(DeviceFacts facts, DeviceInfo info) throws BackendException {
    try {
      VulkanGpu gpu = new VulkanGpu(facts);
      try {
        VulkanSpace space = new VulkanSpace(gpu);
        VulkanKernels kernels = new VulkanKernels(gpu);
        Runnable close =
            () -> {
              space.close();
              gpu.close();
            };
        return new HostDevice(info, kernels, space, close);
      } catch (BackendFailure e) {
        gpu.close();
        throw e;
      }
    } catch (BackendFailure e) {
      throw e.failure();
    }
  }
}
