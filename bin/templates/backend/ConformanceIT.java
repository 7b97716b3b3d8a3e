package @package@;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.spi.BackendProvider;

/** The kit against this backend, one test a case. Raise the level once it passes. */
class @class@ConformanceIT extends BackendConformance {
  @Override
  protected BackendProvider provider() {
    return new @class@BackendProvider();
  }

  @Override
  protected ConformanceOptions options() {
    return super.options().withLevel(Level.L0);
  }
}
