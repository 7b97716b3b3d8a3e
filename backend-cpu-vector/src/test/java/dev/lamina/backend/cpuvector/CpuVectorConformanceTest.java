package dev.lamina.backend.cpuvector;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.spi.BackendProvider;

/** L0 and L1 of the conformance kit on the CPU backend. */
class CpuVectorConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new CpuVectorBackendProvider();
  }
}
