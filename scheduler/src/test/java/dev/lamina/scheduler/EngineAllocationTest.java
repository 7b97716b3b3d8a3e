package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EngineAllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void step_inSteadyDecode_allocatesNothing(boolean ahead) throws Exception {
    EngineConfig config = EngineConfig.DEFAULT.withMaxNumSeqs(32);
    Rig rig = new Rig(config, 32 * 32, 1, ahead);
    for (int i = 0; i < 32; i++) {
      rig.add("r" + i, Rig.prompt(i, 8), 500);
    }
    for (int step = 0; step < 200; step++) {
      rig.engine.step();
    }
    long fewest = Long.MAX_VALUE;
    for (int round = 0; round < 10; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int step = 0; step < 20; step++) {
        rig.engine.step();
      }
      fewest = Math.min(fewest, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(rig.engine.stats().numRunning()).isEqualTo(32);
    assertThat(fewest).isZero();
  }
}
