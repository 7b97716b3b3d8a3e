package dev.lamina.backend.cuda;

import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.EmulatedModules;
import dev.lamina.backend.cuda.driver.Probe;
import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The backend on no GPU: over the stub of the driver, with its kernels compiled for the host. There
 * is one stub in a process. Skips the test that asks where there is no compiler.
 */
public final class EmulatedCudaProvider implements BackendProvider {
  private final Driver driver = StubDriver.open().driver();
  private final EmulatedModules modules = new EmulatedModules();

  private Probe look() {
    Path none = Path.of("target/no-such-folder");
    return Probe.run(Optional.of(driver), Probe.DeviceFiles.in(none, none));
  }

  @Override
  public String id() {
    return "cuda";
  }

  @Override
  public SpiVersion builtFor() {
    return new CudaBackendProvider().builtFor();
  }

  @Override
  public int preference() {
    return -100;
  }

  @Override
  public ProbeResult probe() {
    return switch (look()) {
      case Probe.Absent a -> new ProbeResult.Absent(a.why());
      case Probe.Broken b -> new ProbeResult.Broken(b.why(), b.cause());
      case Probe.Available a ->
          new ProbeResult.Available(a.devices().stream().map(CudaDevices::info).toList());
    };
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new InvalidProgram(
          "open cuda: expected no properties, got " + options.properties().keySet());
    }
    if (look() instanceof Probe.Available a) {
      return CudaDevices.backend(a.driver(), a.devices(), options.memoryLimitBytes(), modules::of);
    }
    throw new AssertionError("the stub has a device");
  }
}
