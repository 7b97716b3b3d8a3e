package dev.lamina.backend.cuda;

import dev.lamina.backend.cuda.driver.DeviceFacts;
import dev.lamina.backend.cuda.driver.Probe;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.util.List;

/** NVIDIA GPUs through the CUDA driver API; there wherever NVIDIA's driver is. */
public final class CudaBackendProvider implements BackendProvider {
  /** Called by the service loader. */
  public CudaBackendProvider() {}

  @Override
  public String id() {
    return "cuda";
  }

  @Override
  public SpiVersion builtFor() {
    return new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR, SpiVersion.OPSET);
  }

  /** Before every backend that computes on the host. */
  @Override
  public int preference() {
    return 100;
  }

  @Override
  public ProbeResult probe() {
    return switch (Probe.run()) {
      case Probe.Absent a -> new ProbeResult.Absent(a.why());
      case Probe.Broken b -> new ProbeResult.Broken(b.why(), b.cause());
      case Probe.Available a -> new ProbeResult.Available(infos(a.devices()));
    };
  }

  private static List<DeviceInfo> infos(List<DeviceFacts> devices) {
    return devices.stream().map(CudaDevices::info).toList();
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new InvalidProgram(
          "open cuda: expected no properties, got " + options.properties().keySet());
    }
    return switch (Probe.run()) {
      case Probe.Absent a -> throw new InvalidProgram("open " + a.why());
      case Probe.Broken b -> throw new InvalidProgram("open " + b.why(), b.cause());
      case Probe.Available a ->
          CudaDevices.backend(a.driver(), a.devices(), options.memoryLimitBytes());
    };
  }
}
