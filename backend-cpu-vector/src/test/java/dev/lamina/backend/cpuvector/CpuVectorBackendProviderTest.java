package dev.lamina.backend.cpuvector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.PeakMeter;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

class CpuVectorBackendProviderTest {
  static {
    // The module provides the service and does not use it; on the class path this does nothing.
    CpuVectorBackendProviderTest.class.getModule().addUses(BackendProvider.class);
  }

  private static BackendProvider provider() {
    return ServiceLoader.load(BackendProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(CpuVectorBackendProvider.class::isInstance)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void provider_isFound_andBuiltForThisSpi() {
    assertThat(provider().id()).isEqualTo("cpu-vector");
    assertThat(SpiVersion.CURRENT.accepts(provider().builtFor())).isTrue();
  }

  @Test
  void probe_namesTheProcessor() {
    assertThat(provider().probe())
        .isInstanceOfSatisfying(
            ProbeResult.Available.class,
            found -> {
              DeviceInfo info = found.devices().getFirst();
              assertThat(info.name()).contains("cores)");
              assertThat(info.arch()).matches(".+-(128|256|512)");
              assertThat(info.memory().totalBytes()).isGreaterThan(1 << 20);
            });
  }

  @Test
  void open_refusesUnknownProperties() {
    assertThatThrownBy(() -> provider().open(new BackendOptions(0, Map.of("speed", "high"))))
        .hasMessage("open cpu-vector: expected no properties, got [speed]");
  }

  @Test
  void measure_givesPlausibleCeilings() throws BackendException {
    try (Backend backend = provider().open(new BackendOptions(1, Map.of()))) {
      DeviceInfo.Peak peak = backend.extension(PeakMeter.class).orElseThrow().measure(0);
      assertThat(peak.flopsPerSecond()).isBetween(1e6, 1e15);
      assertThat(peak.readBytesPerSecond()).isBetween(1e6, 1e14);
    }
  }
}
