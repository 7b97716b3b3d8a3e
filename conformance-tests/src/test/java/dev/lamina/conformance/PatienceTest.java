package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The limit of a case on clocks of our own. */
class PatienceTest {
  private static final long SECOND = 1_000_000_000L;

  private long now;
  private long processor;
  private final Patience patience =
      new Patience(Duration.ofSeconds(10), () -> now, () -> processor);

  /** Seconds until the limit, with the process on this share of a processor. */
  private int secondsAt(double share) {
    for (int s = 1; s < 1000; s++) {
      now += SECOND;
      processor += (long) (share * SECOND);
      if (patience.isOver()) {
        return s;
      }
    }
    return -1;
  }

  @Test
  void loopWithoutEnd_endsAfterTheLimitOfOneProcessor() {
    assertThat(secondsAt(1)).isEqualTo(10);
  }

  @Test
  void loopOfSeveralThreads_getsTheSameTime() {
    assertThat(secondsAt(8)).isEqualTo(10);
  }

  @Test
  void waitWithoutEnd_endsAfterTheLimit() {
    assertThat(secondsAt(0.005)).isEqualTo(10);
  }

  @Test
  void processOnAnEighthOfAProcessor_getsEightTimesTheTime() {
    assertThat(secondsAt(0.125)).isEqualTo(80);
  }

  @Test
  void whatIsNeither_endsAtTwentyTimesTheLimit() {
    assertThat(secondsAt(0.04)).isEqualTo(200);
  }

  @Test
  void unknownProcessorTime_countsTheTimeOfDay() {
    processor = -1;
    assertThat(secondsAt(0)).isEqualTo(10);
  }
}
