package dev.lamina.backend.cpuvector;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;

/** L0, L1 and a quarter of L2 of the conformance kit on the CPU backend. */
class CpuVectorConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new CpuVectorBackendProvider();
  }

  @Override
  protected ConformanceOptions options() {
    return super.options().withLevel(Level.L2).withSubset(new Subset(Level.L2, 4));
  }
}
