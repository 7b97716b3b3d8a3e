package dev.lamina.backend.cuda;

import dev.lamina.backend.cuda.driver.BlasLt;
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
  /** What the stub says it has; a pool of the rest of it is filled with zeros. */
  private static final long MEMORY_BYTES = 512L << 20;

  /** Made when a device is first looked for. */
  private static final class Emulation {
    static final Driver DRIVER = driver();
    static final EmulatedModules MODULES = new EmulatedModules();

    private static Driver driver() {
      StubDriver stub = StubDriver.open();
      stub.memory(MEMORY_BYTES);
      return stub.driver();
    }
  }

  private final BlasLt.Opener blas;

  /** Without cuBLASLt. */
  public EmulatedCudaProvider() {
    this(Optional::empty);
  }

  /**
   * With a cuBLASLt, whose products run when they are submitted, so not in captured runs.
   *
   * @param blas opens it
   */
  EmulatedCudaProvider(BlasLt.Opener blas) {
    this.blas = blas;
  }

  private static Probe look() {
    Path none = Path.of("target/no-such-folder");
    return Probe.run(Optional.of(Emulation.DRIVER), Probe.DeviceFiles.in(none, none));
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
      return CudaDevices.backend(
          a.driver(), a.devices(), options.memoryLimitBytes(), Emulation.MODULES::of, blas);
    }
    throw new AssertionError("the stub has a device");
  }
}
