package dev.lamina.backend.vulkan;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;

/** Any device with a driver of Vulkan 1.2; there wherever Vulkan's loader finds one. */
public final class VulkanBackendProvider implements BackendProvider {
  /** Called by the service loader. */
  public VulkanBackendProvider() {}

  @Override
  public String id() {
    return "vulkan";
  }

  @Override
  public SpiVersion builtFor() {
    return new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR, SpiVersion.OPSET);
  }

  /**
   * Only where it is named: a loader without a GPU offers drivers that compute on the host's cores,
   * slower than the backends made for them.
   */
  @Override
  public int preference() {
    return -10;
  }

  @Override
  public ProbeResult probe() {
    return switch (Probe.run()) {
      case Probe.Absent a -> new ProbeResult.Absent(a.why());
      case Probe.Broken b -> new ProbeResult.Broken(b.why(), b.cause());
      case Probe.Available a -> new ProbeResult.Available(VulkanDevices.infos(a.devices()));
    };
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new InvalidProgram(
          "open vulkan: expected no properties, got " + options.properties().keySet());
    }
    return switch (Probe.run()) {
      case Probe.Absent a -> throw new InvalidProgram("open " + a.why());
      case Probe.Broken b -> throw new InvalidProgram("open " + b.why(), b.cause());
      case Probe.Available a -> VulkanDevices.backend(a.devices(), options.memoryLimitBytes());
    };
  }
}
