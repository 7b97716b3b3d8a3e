package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.DeviceFacts;
import dev.lamina.backend.opencl.cl.Probe;
import dev.lamina.backend.opencl.cl.Programs;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Whatever has an OpenCL driver of version 1.2 or newer. */
public final class OpenClBackendProvider implements BackendProvider {
  private static final Path VENDORS = Path.of("/etc/OpenCL/vendors");
  private static final int WITH_GPU = 60;
  private static final int NAMED_ONLY = -10;

  /** Called by the service loader. */
  public OpenClBackendProvider() {}

  @Override
  public String id() {
    return "opencl";
  }

  @Override
  public SpiVersion builtFor() {
    return new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR, SpiVersion.OPSET);
  }

  /**
   * Behind the vendors' own interfaces, and only where there is a GPU: on a CPU others are faster.
   */
  @Override
  public int preference() {
    boolean hasGpu =
        Probe.mayHaveGpu(VENDORS)
            && Probe.run() instanceof Probe.Available a
            && !a.devices().getFirst().isCpu();
    return hasGpu ? WITH_GPU : NAMED_ONLY;
  }

  @Override
  public String driver() {
    return Probe.run() instanceof Probe.Available a
        ? a.devices().getFirst().platformName() + " " + a.devices().getFirst().driverVersion()
        : "";
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
    List<DeviceInfo> infos = new ArrayList<>();
    for (int i = 0; i < devices.size(); i++) {
      infos.add(OpenClDevices.info(devices.get(i), i));
    }
    return infos;
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new InvalidProgram(
          "open opencl: expected no properties, got " + options.properties().keySet());
    }
    return switch (Probe.run()) {
      case Probe.Absent a -> throw new InvalidProgram("open " + a.why());
      case Probe.Broken b -> throw new InvalidProgram("open " + b.why(), b.cause());
      case Probe.Available a ->
          OpenClDevices.backend(
              a.devices(),
              options.memoryLimitBytes(),
              Programs.cache(System.getProperties(), System.getenv()),
              OpenClGrid::groupOf);
    };
  }
}
