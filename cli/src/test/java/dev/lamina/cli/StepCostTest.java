package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lamina.models.Checkpoint;
import dev.lamina.models.ModelOptions;
import dev.lamina.models.ModelPlan;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.ir.DType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The cost of three prompts of two tokens that become five each, of the shape 100m: 12 layers of
 * 512 columns, 8 heads and 4 KV heads of 64, an inner width of 1536 and a vocabulary of 32768,
 * whose head is the embedding. Of the last layer only what a prompt's last row needs is multiplied.
 */
class StepCostTest {
  private static final double INNER = 512.0 * (512 + 3 * 1536);
  private static final double LAYERS = 12 * (512.0 * (512 + 2 * 256) + INNER);
  private static final double HEAD = 512.0 * 32768;
  private static final double SEEN = 12.0 * 2 * 8 * (64 + 64);
  private static final double KV_BYTES = 12.0 * 2 * 4 * (64 + 64);
  private static final double WEIGHT_BYTES = 2 * (LAYERS + HEAD);
  private static final double PROMPT_FLOPS = 3 * (2 * (2 * LAYERS - INNER) + 2 * HEAD + 3 * SEEN);

  private static StepCost cost;

  @BeforeAll
  static void plan() throws Exception {
    try (Checkpoint c = Checkpoint.synthetic("100m", DType.BF16, 1)) {
      cost = new StepCost(ModelPlan.of(c, ModelOptions.DEFAULT));
    }
  }

  private static double promptBytes(int steps) {
    return steps * WEIGHT_BYTES + 3 * 2 * KV_BYTES;
  }

  private static double stepFlops(int positions) {
    return 3 * (2 * (LAYERS + HEAD) + positions * SEEN);
  }

  private static double stepBytes(int positions) {
    return WEIGHT_BYTES + 3 * positions * KV_BYTES;
  }

  @Test
  void mix_countsThePromptsAndAStepForEachTokenButTheFirst() {
    assertThat(cost.mixFlops(2, 3, 3))
        .isCloseTo(PROMPT_FLOPS + stepFlops(3) + stepFlops(4), within(1.0));
    assertThat(cost.mixBytes(2, 3, 3, 2))
        .isCloseTo(promptBytes(3) + stepBytes(3) + stepBytes(4), within(1.0));
  }

  @Test
  void mixSeconds_takesWhatBindsEachPart() {
    // At so many operations a byte the prompts are bound by operations, steps by bytes.
    double between = (PROMPT_FLOPS / promptBytes(1) + stepFlops(4) / stepBytes(4)) / 2;
    Peak peak = new Peak(1e9, 1e9 * between);
    double expected = PROMPT_FLOPS / (1e9 * between) + (stepBytes(3) + stepBytes(4)) / 1e9;
    assertThat(cost.mixSeconds(2, 3, 3, 6, peak)).isCloseTo(expected, within(1e-9));
  }
}
