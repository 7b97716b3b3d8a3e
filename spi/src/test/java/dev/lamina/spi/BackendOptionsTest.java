package dev.lamina.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

class BackendOptionsTest {
  @Test
  void aMemoryLimit_isNoneUnlessSetAndNeverNegative() {
    BackendOptions options = new BackendOptions(2, Map.of("k", "v"));
    assertThat(options.memoryLimitBytes()).isZero();
    assertThat(options.withMemoryLimit(5)).isEqualTo(new BackendOptions(2, 5, Map.of("k", "v")));
    assertThatThrownBy(() -> options.withMemoryLimit(-1))
        .hasMessage("memory limit: expected at least 1 byte, or 0 for none, got -1");
    assertThatThrownBy(() -> new BackendOptions(-1, Map.of()))
        .hasMessage("threads: expected at least 1, got -1");
  }

  @Test
  void memoryFigures_areCappedByALimit() {
    DeviceInfo.MemoryInfo all = new DeviceInfo.MemoryInfo(100, 40, true);
    assertThat(all.atMost(0)).isSameAs(all);
    assertThat(all.atMost(60)).isEqualTo(new DeviceInfo.MemoryInfo(60, 40, true));
    assertThat(all.atMost(30)).isEqualTo(new DeviceInfo.MemoryInfo(30, 30, true));
  }
}
