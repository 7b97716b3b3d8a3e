package dev.lamina.backend.rocm;

import dev.lamina.backend.rocm.driver.Shim;
import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;
import org.junit.jupiter.api.BeforeAll;

/**
 * A small part of the conformance kit over HIP's API without a GPU: the kernels are compiled for
 * the host. {@code -Dlamina.rocm.part=1} runs all of it, {@code -Dlamina.rocm.only=model/*} with it
 * the cases that are named so, {@code -Dlamina.rocm.level=L3} those of L3 too.
 */
class ShimConformanceTest extends BackendConformance {
  private static final int PART = 96;

  private final BackendProvider provider = new RocmBackendProvider();

  @BeforeAll
  static void openShim() {
    Shim.open();
  }

  @Override
  protected BackendProvider provider() {
    return provider;
  }

  @Override
  protected ConformanceOptions options() {
    Subset part = new Subset(Level.L0, Integer.getInteger("lamina.rocm.part", PART));
    return super.options()
        .withSeed(5)
        .withLevel(Level.valueOf(System.getProperty("lamina.rocm.level", "L2")))
        .withSubset(part)
        .withOnly(System.getProperty("lamina.rocm.only"));
  }
}
