package dev.lamina.backend.reference;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.spi.BackendProvider;

/** L0 and L1 of the conformance kit on the reference backend. */
class ReferenceConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new ReferenceBackendProvider();
  }
}
