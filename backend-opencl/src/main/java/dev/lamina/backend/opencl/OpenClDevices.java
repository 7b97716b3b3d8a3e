package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.ClException;
import dev.lamina.backend.opencl.cl.DeviceFacts;
import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.backend.sdk.grid.KernelCache;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ir.DType;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToIntFunction;

/** Opens OpenCL devices as the SDK's devices. */
final class OpenClDevices {
  private static final int ALIGNMENT = 128;

  private OpenClDevices() {}

  /** What is known of a device without a context. */
  static DeviceInfo info(DeviceFacts facts, int ordinal) {
    Set<Cap> caps =
        EnumSet.of(Cap.CAPTURE, Cap.RUN_TO_RUN, Cap.OOM_RECOVERABLE, Cap.TAKEN_AT_SUBMIT);
    if (!facts.hasSubnormals()) {
      caps.add(Cap.FTZ);
    }
    if (facts.isCpu()) {
      caps.add(Cap.HOST_MAP);
    }
    long bytes = facts.memoryBytes();
    return new DeviceInfo(
        ordinal,
        facts.name(),
        "opencl%d.%d".formatted(facts.versionNumber() / 10, facts.versionNumber() % 10),
        new DeviceInfo.MemoryInfo(bytes, bytes, false),
        new DeviceInfo.Limits(Math.min(Buffers.MAX_BYTES, facts.maxAllocationBytes()), ALIGNMENT),
        EnumSet.allOf(DType.class),
        caps,
        DeviceInfo.Peak.UNKNOWN);
  }

  /**
   * A backend of these devices.
   *
   * @param group gives the size of a device's groups
   */
  static Backend backend(
      List<DeviceFacts> devices,
      long memoryLimitBytes,
      KernelCache cache,
      ToIntFunction<DeviceFacts> group) {
    List<DeviceInfo> infos = new java.util.ArrayList<>();
    for (int i = 0; i < devices.size(); i++) {
      infos.add(info(devices.get(i), i).withMemoryLimit(memoryLimitBytes));
    }
    return new HostBackend(
        infos,
        i -> {
          DeviceFacts facts = devices.get(i);
          return open(facts, infos.get(i), cache, group.applyAsInt(facts));
        });
  }

  private static HostDevice open(DeviceFacts facts, DeviceInfo info, KernelCache cache, int group)
      throws BackendException {
    try {
      OpenClGrid grid = new OpenClGrid(facts, group, cache);
      try {
        return new HostDevice(info, new OpenClKernels(grid), grid.space(), grid::close);
      } catch (BackendFailure e) {
        grid.close();
        throw e.failure();
      }
    } catch (ClException e) {
      throw Failures.of("open " + facts.name(), e);
    }
  }
}
