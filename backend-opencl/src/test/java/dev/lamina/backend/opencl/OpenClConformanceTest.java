package dev.lamina.backend.opencl;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;

/**
 * A part of the conformance kit on whatever OpenCL device is here, as PoCL makes one of a CPU;
 * skipped and counted where there is none. {@code -Dlamina.opencl.part=1} runs all of it, {@code
 * -Dlamina.opencl.only=linear/*} with it the cases that are named so.
 */
class OpenClConformanceTest extends BackendConformance {
  private static final int PART = 64;

  private final BackendProvider provider = new OpenClBackendProvider();

  @Override
  protected BackendProvider provider() {
    return provider;
  }

  @Override
  protected ConformanceOptions options() {
    Subset part = new Subset(Level.L0, Integer.getInteger("lamina.opencl.part", PART));
    return super.options()
        .withSeed(7)
        .withLevel(Level.L2)
        .withSubset(part)
        .withOnly(System.getProperty("lamina.opencl.only"));
  }
}
