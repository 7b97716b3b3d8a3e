package dev.lamina.backend.tornado;

import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.backend.tornado.TornadoRuntime.DeviceFacts;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import dev.lamina.spi.ir.DType;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;

/** OpenCL, PTX and SPIR-V devices through TornadoVM, where its SDK is installed. */
public final class TornadoBackendProvider implements BackendProvider {
  private static final Set<Cap> CAPS =
      EnumSet.of(
          Cap.CAPTURE, Cap.SYNCHRONOUS, Cap.RUN_TO_RUN, Cap.BATCH_INVARIANT, Cap.OOM_RECOVERABLE);

  private final Start start;

  /** Called by the service loader. */
  public TornadoBackendProvider() {
    this(Start.here());
  }

  TornadoBackendProvider(Start start) {
    this.start = start;
  }

  @Override
  public String id() {
    return "tornado";
  }

  @Override
  public SpiVersion builtFor() {
    return new SpiVersion(SpiVersion.MAJOR, SpiVersion.MINOR, SpiVersion.OPSET);
  }

  /** Only where it is named: TornadoVM needs a JVM that was started for it. */
  @Override
  public int preference() {
    return -100;
  }

  @Override
  public ProbeResult probe() {
    String missing = start.missing();
    if (missing != null) {
      return new ProbeResult.Absent(missing);
    }
    String wrong = start.wrong();
    if (wrong != null) {
      return new ProbeResult.Broken(wrong, null);
    }
    try {
      List<DeviceFacts> facts = runtime().devices();
      return facts.isEmpty()
          ? new ProbeResult.Absent(
              "tornado: TornadoVM in %s offers no device; install a driver for OpenCL, PTX or SPIR-V"
                  .formatted(start.home()))
          : new ProbeResult.Available(infos(facts, 0));
    } catch (BackendException e) {
      return new ProbeResult.Broken(String.valueOf(e.getMessage()), e);
    }
  }

  private static TornadoRuntime runtime() {
    return ServiceLoader.load(TornadoRuntime.class, TornadoRuntime.class.getClassLoader())
        .findFirst()
        .orElseThrow();
  }

  private static List<DeviceInfo> infos(List<DeviceFacts> facts, long memoryLimitBytes)
      throws InvalidProgram {
    List<DeviceInfo> infos = new ArrayList<>();
    for (DeviceFacts f : facts) {
      long bytes = TornadoMemory.bytes(f, System.getProperty(TornadoMemory.PROPERTY));
      DeviceInfo info =
          new DeviceInfo(
              infos.size(),
              "%s (%s)".formatted(f.name(), f.platform()),
              "tornado-" + f.language().toLowerCase(java.util.Locale.ROOT),
              new DeviceInfo.MemoryInfo(bytes, bytes, false),
              new DeviceInfo.Limits(bytes, Heap.ALIGNMENT),
              EnumSet.allOf(DType.class),
              CAPS,
              new DeviceInfo.Peak(0, 0));
      infos.add(info.withMemoryLimit(memoryLimitBytes));
    }
    return infos;
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new InvalidProgram(
          "open tornado: expected no properties, got " + options.properties().keySet());
    }
    String reason = start.missing() != null ? start.missing() : start.wrong();
    if (reason != null) {
      throw new InvalidProgram("open " + reason);
    }
    TornadoRuntime runtime = runtime();
    List<DeviceFacts> facts = runtime.devices();
    List<DeviceInfo> infos = infos(facts, options.memoryLimitBytes());
    return new HostBackend(
        infos,
        i -> {
          long bytes =
              TornadoMemory.bytes(facts.get(i), System.getProperty(TornadoMemory.PROPERTY));
          TornadoDevice device = runtime.open(i, bytes);
          return new HostDevice(
              infos.get(i), new TornadoKernels(device), new TornadoSpace(device), () -> {});
        });
  }
}
