package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.Probe;
import dev.lamina.backend.opencl.cl.Programs;
import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;

/**
 * A part of the kit with groups as GPUs get them, of many work-items that share local memory: on a
 * CPU the kernels are otherwise built for groups of one. {@code -Dlamina.opencl.wide=1} runs all of
 * it.
 */
class WideGroupConformanceTest extends BackendConformance {
  private static final int PART = 512;

  private final BackendProvider provider = new WideGroups();

  /** The provider, but for the size of groups. */
  private static final class WideGroups implements BackendProvider {
    private final OpenClBackendProvider own = new OpenClBackendProvider();

    @Override
    public String id() {
      return own.id();
    }

    @Override
    public SpiVersion builtFor() {
      return own.builtFor();
    }

    @Override
    public int preference() {
      return own.preference();
    }

    @Override
    public ProbeResult probe() {
      return own.probe();
    }

    @Override
    public Backend open(BackendOptions options) throws BackendException {
      if (Probe.run() instanceof Probe.Available a && options.properties().isEmpty()) {
        return OpenClDevices.backend(
            a.devices(),
            options.memoryLimitBytes(),
            Programs.cache(System.getProperties(), System.getenv()),
            facts -> OpenClGrid.WIDE_GROUP);
      }
      throw new InvalidProgram("open opencl: expected a device and no properties");
    }
  }

  @Override
  protected BackendProvider provider() {
    return provider;
  }

  @Override
  protected ConformanceOptions options() {
    Subset part = new Subset(Level.L0, Integer.getInteger("lamina.opencl.wide", PART));
    return super.options()
        .withSeed(7)
        .withLevel(Level.L2)
        .withSubset(part)
        .withOnly(System.getProperty("lamina.opencl.only"));
  }
}
