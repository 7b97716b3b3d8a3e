package dev.lamina.backend.cpuvector;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;

/**
 * L0 and a quarter of L1 and L2 of the conformance kit on the CPU backend, other cases than on the
 * reference.
 */
class CpuVectorConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new CpuVectorBackendProvider();
  }

  @Override
  protected ConformanceOptions options() {
    return super.options().withSeed(1).withLevel(Level.L2).withSubset(new Subset(Level.L1, 4));
  }
}
