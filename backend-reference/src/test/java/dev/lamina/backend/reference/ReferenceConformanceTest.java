package dev.lamina.backend.reference;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;

/** L0 and an eighth of L1 and L2 of the conformance kit; the mutation gate asks hundreds more. */
class ReferenceConformanceTest extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new ReferenceBackendProvider();
  }

  @Override
  protected ConformanceOptions options() {
    return super.options().withLevel(Level.L2).withSubset(new Subset(Level.L1, 8));
  }
}
