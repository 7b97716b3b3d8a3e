package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.PeakProbe;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.PeakMeter;
import java.util.List;
import java.util.Optional;

/** One device, the processor; each open device has workers of its own. */
final class CpuVectorBackend implements Backend, PeakMeter {
  private final int threads;
  private final long memoryLimit;
  private final HostBackend host;

  CpuVectorBackend(int threads, long memoryLimit) {
    this.threads = threads;
    this.memoryLimit = memoryLimit;
    host = new HostBackend(info(), this::openDevice);
  }

  private DeviceInfo info() {
    return Processor.info().withMemoryLimit(memoryLimit);
  }

  private HostDevice openDevice() {
    WorkerPool pool = new WorkerPool(threads);
    return new HostDevice(info(), new CpuKernels(pool), pool::close);
  }

  @Override
  public List<DeviceInfo> devices() {
    return host.devices();
  }

  @Override
  public Device open(int ordinal) throws BackendException {
    return host.open(ordinal);
  }

  @Override
  public <T> Optional<T> extension(Class<T> type) {
    return type == PeakMeter.class ? Optional.of(type.cast(this)) : Optional.empty();
  }

  @Override
  public Peak measure(int ordinal) throws BackendException {
    if (ordinal != 0) {
      throw new InvalidProgram("measure: expected device 0 of 1, got " + ordinal);
    }
    try (WorkerPool pool = new WorkerPool(threads)) {
      PeakProbe probe = new PeakProbe(pool);
      probe.warmUp();
      return new Peak(probe.readBytesPerSecond(), probe.flopsPerSecond());
    }
  }

  @Override
  public void close() {
    host.close();
  }
}
