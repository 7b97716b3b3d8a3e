package dev.lamina.backend.vulkan;

import dev.lamina.conformance.BackendConformance;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendProvider;

/**
 * A small part of the conformance kit on the first device there is, which in the build is lavapipe;
 * skipped where there is none. {@code -Dlamina.vulkan.part=1} runs all of it, {@code
 * -Dlamina.vulkan.only=model/*} with it the cases that are named so, {@code
 * -Dlamina.vulkan.level=L3} those of L3 too.
 */
class VulkanConformanceTest extends BackendConformance {
  private static final int PART = 64;

  private final BackendProvider provider = new VulkanBackendProvider();

  @Override
  protected BackendProvider provider() {
    return provider;
  }

  @Override
  protected ConformanceOptions options() {
    Subset part = new Subset(Level.L0, Integer.getInteger("lamina.vulkan.part", PART));
    return super.options()
        .withSeed(5)
        .withLevel(Level.valueOf(System.getProperty("lamina.vulkan.level", "L2")))
        .withSubset(part)
        .withOnly(System.getProperty("lamina.vulkan.only"));
  }
}
