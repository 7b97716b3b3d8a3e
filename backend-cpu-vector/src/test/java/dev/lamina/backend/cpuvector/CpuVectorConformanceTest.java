package dev.lamina.backend.cpuvector;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.spi.BackendProvider;

/** L0 to L2 of the conformance kit on the CPU backend. */
class CpuVectorConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new CpuVectorBackendProvider();
  }

  @Override
  protected ConformanceOptions options() {
    return super.options().withLevel(Level.L2);
  }
}
