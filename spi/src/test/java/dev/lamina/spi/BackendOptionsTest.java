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
}
