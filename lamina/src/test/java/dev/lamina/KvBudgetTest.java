package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.scheduler.EngineConfig;
import dev.lamina.spi.DeviceInfo.MemoryInfo;
import org.junit.jupiter.api.Test;

class KvBudgetTest {
  private static final long GIB = 1L << 30;
  private static final MemoryInfo HOST = new MemoryInfo(16 * GIB, 16 * GIB, true);
  private static final MemoryInfo CARD = new MemoryInfo(16 * GIB, 16 * GIB, false);
  private static final long PAGE = 64 << 10;

  @Test
  void numBlocks_isWhatTheUserSays() {
    assertThat(KvBudget.numBlocks(EngineConfig.DEFAULT.withNumKvBlocks(5), HOST, PAGE, 4096))
        .isEqualTo(5);
    assertThat(
            KvBudget.numBlocks(
                EngineConfig.DEFAULT.withKvMemoryBytes(10 * PAGE + 1), HOST, PAGE, 4096))
        .isEqualTo(10);
  }

  @Test
  void numBlocks_isEightContextsOnSharedMemory() {
    assertThat(KvBudget.numBlocks(EngineConfig.DEFAULT, HOST, PAGE, 4096)).isEqualTo(8 * 256);
  }

  @Test
  void numBlocks_isMostOfACard() {
    assertThat(KvBudget.numBlocks(EngineConfig.DEFAULT, CARD, GIB, 1 << 20)).isEqualTo(14);
  }

  @Test
  void aPool_isNoLargerThanOneAllocation() {
    assertThat(KvBudget.withinAllocation(14, 4 * GIB - 1, GIB)).isEqualTo(3);
    assertThat(KvBudget.withinAllocation(14, 64 * GIB, GIB)).isEqualTo(14);
    assertThat(KvBudget.withinAllocation(14, GIB / 2, GIB)).isEqualTo(1);
  }

  @Test
  void workspace_isKeptFree_butForHalfOfTheCard() {
    assertThat(KvBudget.without(CARD, 5 * GIB).freeBytes()).isEqualTo(11 * GIB);
    assertThat(KvBudget.without(CARD, 15 * GIB).freeBytes()).isEqualTo(8 * GIB);
  }

  @Test
  void line_saysWhatTakesTheMemory() {
    MemoryInfo loaded = new MemoryInfo(16 * GIB, 12 * GIB, false);
    assertThat(KvBudget.line(loaded, 9 * GIB, GIB / 2))
        .isEqualTo(
            "memory: weights 4.0, KV 9.0, workspace up to 0.5, left 2.5 of 16.0 GiB;"
                + " --kv-memory and --max-num-batched-tokens change that");
  }

  @Test
  void numBlocks_refusesLessThanOne() {
    assertThatThrownBy(
            () -> KvBudget.numBlocks(EngineConfig.DEFAULT.withKvMemoryBytes(1), HOST, PAGE, 4096))
        .isInstanceOf(LaminaException.class)
        .hasMessage(
            "KV pool: expected memory for at least one block of 65536 bytes, got 1; raise"
                + " --kv-memory");
  }
}
