package dev.lamina.backend.rocm;

import dev.lamina.backend.rocm.driver.Probe;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;

/** AMD GPUs through HIP; there wherever ROCm's runtime is. */
public final class RocmBackendProvider implements BackendProvider {
  /** Called by the service loader. */
  public RocmBackendProvider() {}

  @Override
  public String id() {
    return "rocm";
  }

  @Override
  public SpiVersion builtFor() {
    return new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR, SpiVersion.OPSET);
  }

  /** Before every backend that computes on the host, after CUDA. */
  @Override
  public int preference() {
    return 90;
  }

  @Override
  public String driver() {
    return Probe.run() instanceof Probe.Available a ? a.runtime() : "";
  }

  @Override
  public ProbeResult probe() {
    return switch (Probe.run()) {
      case Probe.Absent a -> new ProbeResult.Absent(a.why());
      case Probe.Broken b -> new ProbeResult.Broken(b.why(), b.cause());
      case Probe.Available a ->
          new ProbeResult.Available(a.devices().stream().map(RocmDevices::info).toList());
    };
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new InvalidProgram(
          "open rocm: expected no properties, got " + options.properties().keySet());
    }
    return switch (Probe.run()) {
      case Probe.Absent a -> throw new InvalidProgram("open " + a.why());
      case Probe.Broken b -> throw new InvalidProgram("open " + b.why(), b.cause());
      case Probe.Available a -> RocmDevices.backend(a, options.memoryLimitBytes());
    };
  }
}
