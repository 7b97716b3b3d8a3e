package dev.lamina.backend.tornado;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;

/**
 * A small part of the conformance kit on the first device that TornadoVM offers; skipped without
 * its SDK. {@code -Dlamina.tornado.part=1} runs all of it, {@code -Dlamina.tornado.only=model/*}
 * with it the cases that are named so.
 */
class TornadoConformanceTest extends BackendConformance {
  private static final int PART = 64;

  private final BackendProvider provider = new TornadoBackendProvider();

  @Override
  protected BackendProvider provider() {
    return provider;
  }

  @Override
  protected ConformanceOptions options() {
    Subset part = new Subset(Level.L0, Integer.getInteger("lamina.tornado.part", PART));
    return super.options()
        .withSeed(5)
        .withLevel(Level.valueOf(System.getProperty("lamina.tornado.level", "L2")))
        .withSubset(part)
        .withOnly(System.getProperty("lamina.tornado.only"));
  }
}
