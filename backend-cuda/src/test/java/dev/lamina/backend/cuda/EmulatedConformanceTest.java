package dev.lamina.backend.cuda;

import dev.lamina.backend.cuda.emulation.HostCompiler;
import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;
import org.junit.jupiter.api.BeforeAll;

/**
 * A small part of the conformance kit on the kernels compiled for the host, over the stub of the
 * driver. {@code -Dlamina.cuda.part=1} runs all of it, {@code -Dlamina.cuda.only=model/*} with it
 * the cases that are named so, {@code -Dlamina.cuda.level=L3} those of L3 too.
 */
class EmulatedConformanceTest extends BackendConformance {
  private static final int PART = 64;

  private final BackendProvider provider = new EmulatedCudaProvider();

  @BeforeAll
  static void skipWithoutCompiler() {
    HostCompiler.find();
  }

  @Override
  protected BackendProvider provider() {
    return provider;
  }

  @Override
  protected ConformanceOptions options() {
    Subset part = new Subset(Level.L0, Integer.getInteger("lamina.cuda.part", PART));
    return super.options()
        .withSeed(5)
        .withLevel(Level.valueOf(System.getProperty("lamina.cuda.level", "L2")))
        .withSubset(part)
        .withOnly(System.getProperty("lamina.cuda.only"));
  }
}
