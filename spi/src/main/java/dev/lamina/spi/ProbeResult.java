package dev.lamina.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a probe found. */
public sealed interface ProbeResult {
  /**
   * Greets a provider as every runtime does: compares the versions of the SPI, then probes.
   *
   * @param provider any provider
   * @return what {@link BackendProvider#probe()} found, or broken, if the provider was built
   *     against a version that this runtime does not take or does not link with what is here
   */
  static ProbeResult of(BackendProvider provider) {
    SpiVersion runtime = SpiVersion.CURRENT;
    try {
      SpiVersion built = provider.builtFor();
      return runtime.accepts(built) ? provider.probe() : new Broken(runtime.refusal(built), null);
    } catch (IncompatibleClassChangeError | NoClassDefFoundError e) {
      return new Broken(
          "does not link with the jars here, which speak SPI %s (%s: %s); rebuild the backend against this Lamina's lamina-bom, or add the jars it needs"
              .formatted(runtime, e.getClass().getSimpleName(), e.getMessage()),
          e);
    }
  }

  /**
   * Devices can be opened.
   *
   * @param devices at least one
   */
  record Available(List<DeviceInfo> devices) implements ProbeResult {
    /** Copies the list. */
    public Available {
      devices = List.copyOf(devices);
    }
  }

  /**
   * There is no such hardware or driver here; the conformance kit skips.
   *
   * @param why one line
   */
  record Absent(String why) implements ProbeResult {}

  /**
   * Something is there but unusable; the conformance kit fails.
   *
   * @param why one line, with what to do
   * @param cause the error met, if any
   */
  record Broken(String why, @Nullable Throwable cause) implements ProbeResult {}
}
