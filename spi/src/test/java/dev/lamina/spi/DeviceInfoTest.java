package dev.lamina.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.DeviceInfo.MemoryInfo;
import dev.lamina.spi.ir.DType;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DeviceInfoTest {
  private static DeviceInfo info(long totalBytes, long freeBytes) {
    return new DeviceInfo(
        3,
        "chip",
        "x1",
        new MemoryInfo(totalBytes, freeBytes, true),
        new DeviceInfo.Limits(50, 8),
        Set.of(DType.F32),
        Set.of(Cap.CAPTURE),
        new DeviceInfo.Peak(1, 2));
  }

  @Test
  void memoryFigures_areCappedByALimit() {
    DeviceInfo all = info(100, 40);
    assertThat(all.withMemoryLimit(0)).isSameAs(all);
    assertThat(all.withMemoryLimit(200)).isEqualTo(all);
    assertThat(all.withMemoryLimit(60)).isEqualTo(info(60, 40));
    assertThat(all.withMemoryLimit(30)).isEqualTo(info(30, 30));
  }
}
