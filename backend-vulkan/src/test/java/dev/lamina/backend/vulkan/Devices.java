package dev.lamina.backend.vulkan;

import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Skips tests where there is nothing to run them on. */
final class Devices {
  private Devices() {}

  /** The first device that can be opened. */
  static DeviceFacts first() {
    Probe probe = Probe.run();
    assumeTrue(probe instanceof Probe.Available, "a Vulkan device: " + probe);
    return ((Probe.Available) probe).devices().getFirst();
  }

  /** Skips without Vulkan's loader. */
  static void assumeLoader() {
    boolean missing = Probe.run() instanceof Probe.Absent a && a.why().contains("can't be loaded");
    assumeFalse(missing, "Vulkan's loader is not installed");
  }
}
