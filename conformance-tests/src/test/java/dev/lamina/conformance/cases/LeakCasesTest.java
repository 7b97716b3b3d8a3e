package dev.lamina.conformance.cases;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LeakCasesTest {
  @Test
  void leastGrowth_isThatOfTheFlattestPart() {
    assertThat(LeakCases.leastGrowth(10, 30, 33, 60)).isEqualTo(3);
    assertThat(LeakCases.leastGrowth(10, 30, 25, 60)).isEqualTo(-5);
  }

  @Test
  void growth_countsWhatTheHeapGaveBack_notWhatItReserved() {
    assertThat(LeakCases.growth(100, 116, 50, 50)).isEqualTo(16);
    assertThat(LeakCases.growth(100, 116, 50, 66)).isEqualTo(16);
    assertThat(LeakCases.growth(100, 106, 50, 40)).isEqualTo(16);
  }
}
