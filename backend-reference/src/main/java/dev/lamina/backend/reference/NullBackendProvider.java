package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.backend.sdk.HostMachine;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceInfo.Limits;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.ir.DType;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * The skeleton of a backend: finds a device, allocates, copies, keeps timelines, and computes
 * nothing. Used only where it is named.
 */
public final class NullBackendProvider implements BackendProvider {
  private static final Set<Cap> CAPS =
      EnumSet.of(Cap.CAPTURE, Cap.HOST_MAP, Cap.RUN_TO_RUN, Cap.OOM_RECOVERABLE, Cap.SYNCHRONOUS);

  /** For the service loader. */
  public NullBackendProvider() {}

  @Override
  public String id() {
    return "null";
  }

  @Override
  public SpiVersion builtFor() {
    return new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR, SpiVersion.OPSET);
  }

  @Override
  public int preference() {
    return -100;
  }

  @Override
  public ProbeResult probe() {
    return new ProbeResult.Available(List.of(info()));
  }

  private static DeviceInfo info() {
    return new DeviceInfo(
        0,
        "nothing",
        "none",
        HostMachine.memory(),
        new Limits(Long.MAX_VALUE, 1),
        EnumSet.allOf(DType.class),
        CAPS,
        Peak.UNKNOWN);
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new Unsupported(
          "open null: expected no properties, got " + options.properties().keySet());
    }
    DeviceInfo info = info().withMemoryLimit(options.memoryLimitBytes());
    return new HostBackend(info, () -> new HostDevice(info, new NullKernels(), () -> {}));
  }
}
