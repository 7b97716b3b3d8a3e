package dev.lamina.backend.rocm;

import dev.lamina.backend.rocm.driver.BlasLt;
import dev.lamina.backend.rocm.driver.DeviceFacts;
import dev.lamina.backend.rocm.driver.Failures;
import dev.lamina.backend.rocm.driver.HipException;
import dev.lamina.backend.rocm.driver.KernelModules;
import dev.lamina.backend.rocm.driver.Probe;
import dev.lamina.backend.rocm.gpu.HipGpu;
import dev.lamina.backend.rocm.gpu.HipKernels;
import dev.lamina.backend.rocm.gpu.HipSpace;
import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.backend.sdk.grid.LibraryProducts;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ir.DType;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** Opens GPUs as the SDK's devices. */
final class RocmDevices {
  private static final int ALIGNMENT = 256;

  private static final Set<Cap> CAPS =
      EnumSet.of(
          Cap.CAPTURE,
          Cap.RUN_TO_RUN,
          Cap.BATCH_INVARIANT,
          Cap.OOM_RECOVERABLE,
          Cap.TAKEN_AT_SUBMIT);

  private RocmDevices() {}

  /** What is known of a GPU before it is opened. */
  static DeviceInfo info(DeviceFacts facts) {
    long total = facts.totalBytes();
    return new DeviceInfo(
        facts.ordinal(),
        facts.name(),
        facts.arch(),
        new DeviceInfo.MemoryInfo(total, total, false),
        new DeviceInfo.Limits(total, ALIGNMENT),
        EnumSet.allOf(DType.class),
        CAPS,
        new DeviceInfo.Peak(facts.memoryBytesPerSecond(), 0));
  }

  /** A backend of the GPUs that were found. */
  static Backend backend(Probe.Available found, long memoryLimitBytes) {
    int version = found.version();
    return backend(
        found,
        memoryLimitBytes,
        gpu ->
            new HipKernels(
                gpu,
                () -> gpu.library(version),
                BlasLt.searched(version),
                LibraryProducts.Limits.USUAL));
  }

  /** The same with other kernels of each GPU. */
  static Backend backend(
      Probe.Available found, long memoryLimitBytes, Function<HipGpu, HipKernels> kernels) {
    List<DeviceInfo> infos =
        found.devices().stream().map(f -> info(f).withMemoryLimit(memoryLimitBytes)).toList();
    return new HostBackend(infos, i -> open(found, found.devices().get(i), infos.get(i), kernels));
  }

  private static HostDevice open(
      Probe.Available found,
      DeviceFacts facts,
      DeviceInfo info,
      Function<HipGpu, HipKernels> kernels)
      throws BackendException {
    try {
      KernelModules modules = new KernelModules(found.hip(), found.version(), facts.arch());
      HipGpu gpu = new HipGpu(found.hip(), facts, modules);
      try {
        return device(gpu, info, kernels);
      } catch (BackendFailure e) {
        gpu.close();
        throw e;
      }
    } catch (HipException e) {
      throw Failures.of("open " + facts.name(), e);
    } catch (BackendFailure e) {
      throw e.failure();
    }
  }

  private static HostDevice device(HipGpu gpu, DeviceInfo info, Function<HipGpu, HipKernels> made) {
    HipSpace space = new HipSpace(gpu);
    HipKernels kernels = made.apply(gpu);
    Runnable close =
        () -> {
          kernels.close();
          gpu.close();
        };
    return new HostDevice(info, kernels, space, close);
  }
}
