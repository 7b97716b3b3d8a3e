package dev.lamina.backend.cuda;

import dev.lamina.backend.cuda.driver.BlasLt;
import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.DeviceFacts;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.KernelModules;
import dev.lamina.backend.cuda.gpu.Failures;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.GpuSpace;
import dev.lamina.backend.cuda.kernels.CudaKernels;
import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ir.DType;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;

/** Opens GPUs as the SDK's devices. */
final class CudaDevices {
  private static final int ALIGNMENT = 256;

  private static final Set<Cap> CAPS =
      EnumSet.of(
          Cap.CAPTURE,
          Cap.RUN_TO_RUN,
          Cap.BATCH_INVARIANT,
          Cap.OOM_RECOVERABLE,
          Cap.TAKEN_AT_SUBMIT);

  private CudaDevices() {}

  /** What is known of a GPU without a context. */
  static DeviceInfo info(DeviceFacts facts) {
    long total = facts.totalBytes();
    return new DeviceInfo(
        facts.ordinal(),
        facts.name(),
        "sm_" + facts.sm(),
        new DeviceInfo.MemoryInfo(total, total, false),
        new DeviceInfo.Limits(total, ALIGNMENT),
        EnumSet.allOf(DType.class),
        CAPS,
        new DeviceInfo.Peak(facts.memoryBytesPerSecond(), 0));
  }

  /** A backend of these GPUs. */
  static Backend backend(Driver driver, List<DeviceFacts> devices, long memoryLimitBytes) {
    return backend(driver, devices, memoryLimitBytes, KernelModules::of, BlasLt::open);
  }

  /** The same with kernels and cuBLASLt from elsewhere. */
  static Backend backend(
      Driver driver,
      List<DeviceFacts> devices,
      long memoryLimitBytes,
      BiFunction<Driver, DeviceFacts, KernelModules> modules,
      BlasLt.Opener blas) {
    List<DeviceInfo> infos =
        devices.stream().map(f -> info(f).withMemoryLimit(memoryLimitBytes)).toList();
    HostBackend opened =
        new HostBackend(
            infos,
            i -> {
              DeviceFacts facts = devices.get(i);
              return open(driver, facts, infos.get(i), modules.apply(driver, facts), blas);
            });
    return new MeteredBackend(
        opened,
        i -> {
          DeviceFacts facts = devices.get(i);
          return measure(driver, facts, modules.apply(driver, facts));
        });
  }

  private static DeviceInfo.Peak measure(Driver driver, DeviceFacts facts, KernelModules modules)
      throws BackendException {
    try (Gpu gpu = new Gpu(driver, facts, modules)) {
      return new Yardsticks(gpu).measure();
    } catch (CudaException e) {
      throw Failures.of("measure " + facts.name(), e);
    } catch (BackendFailure e) {
      throw e.failure();
    }
  }

  private static HostDevice open(
      Driver driver, DeviceFacts facts, DeviceInfo info, KernelModules modules, BlasLt.Opener blas)
      throws BackendException {
    String what = "open " + facts.name();
    try {
      Gpu gpu = new Gpu(driver, facts, modules);
      return device(gpu, info, blas);
    } catch (CudaException e) {
      throw Failures.of(what, e);
    } catch (BackendFailure e) {
      throw e.failure();
    }
  }

  private static HostDevice device(Gpu gpu, DeviceInfo info, BlasLt.Opener blas)
      throws CudaException {
    try {
      GpuSpace space = new GpuSpace(gpu);
      CudaKernels kernels = new CudaKernels(gpu, blas);
      Runnable close =
          () -> {
            kernels.close();
            space.close();
            gpu.close();
          };
      return new HostDevice(info, kernels, space, close);
    } catch (CudaException | BackendFailure e) {
      gpu.close();
      throw e;
    }
  }
}
