package dev.lamina.backend.rocm;

import dev.lamina.backend.rocm.driver.Probe;
import dev.lamina.backend.rocm.gpu.EagerProducts;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;

/** The backend with {@link EagerProducts}. */
final class EagerProductsProvider implements BackendProvider {
  private final RocmBackendProvider usual = new RocmBackendProvider();

  @Override
  public String id() {
    return usual.id();
  }

  @Override
  public SpiVersion builtFor() {
    return usual.builtFor();
  }

  @Override
  public int preference() {
    return usual.preference();
  }

  @Override
  public ProbeResult probe() {
    return usual.probe();
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (Probe.run() instanceof Probe.Available found) {
      return RocmDevices.backend(found, options.memoryLimitBytes(), EagerProducts::new);
    }
    throw new InvalidProgram("open rocm: expected the shim's GPU, found none");
  }
}
