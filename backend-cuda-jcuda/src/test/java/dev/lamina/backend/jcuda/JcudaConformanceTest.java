package dev.lamina.backend.jcuda;

import dev.lamina.backend.cuda.EmulatedCudaProvider;
import dev.lamina.backend.cuda.emulation.HostCompiler;
import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;
import org.junit.jupiter.api.BeforeAll;

/**
 * A small part of L0 through JCuda, on kernels compiled for the host. {@code -Dlamina.cuda.part=1}
 * runs all of it and of L1.
 */
class JcudaConformanceTest extends BackendConformance {
  private static final int PART = Integer.getInteger("lamina.cuda.part", 32);

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
    return super.options()
        .withSeed(6)
        .withLevel(PART == 1 ? Level.L1 : Level.L0)
        .withSubset(new Subset(Level.L0, PART));
  }
}
