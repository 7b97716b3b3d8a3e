package dev.lamina.backend.vulkan;

import static java.util.stream.Collectors.joining;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.nio.file.Files;
import java.nio.file.Path;

/** Any device with a driver of Vulkan 1.2; there wherever Vulkan's loader finds one. */
public final class VulkanBackendProvider implements BackendProvider {
  private static final int WITH_GPU = 80;
  private static final int ONLY_NAMED = -10;

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
   * Behind the backends that are made for one vendor's GPUs. Where there is no GPU, only when it is
   * named: then drivers compute on the host's cores, slower than the backends made for them.
   */
  @Override
  public int preference() {
    return hasDeviceFile() && findsGpu() ? WITH_GPU : ONLY_NAMED;
  }

  /** Whether the system has a GPU at all, which costs less to ask than the drivers do. */
  private static boolean hasDeviceFile() {
    return Files.exists(Path.of("/dev/nvidiactl")) || Files.isDirectory(Path.of("/dev/dri"));
  }

  private static boolean findsGpu() {
    return Probe.run() instanceof Probe.Available a && !a.devices().getFirst().isSoftware();
  }

  @Override
  public String driver() {
    if (!(Probe.run() instanceof Probe.Available a)) {
      return "";
    }
    return a.devices().stream().map(DeviceFacts::driver).distinct().collect(joining(", "));
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
