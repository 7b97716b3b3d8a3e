package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A model of recurrent state alone, whose slots hold a hash of the tokens they stand for. */
class StateSlotsTest {
  private static final int BLOCK = 16;

  private final Admission admission =
      new Admission(
          EngineConfig.DEFAULT, new ModelLimits(100, 400, new int[0]), List.of(), new Inbox());

  /** A scheduler, and the slots as a device would hold them. */
  private final class Run {
    final StateSlots slots;
    final Scheduler scheduler;
    final long[] content;
    final SchedulerOutput scheduled = new SchedulerOutput(8);
    final SampledTokens sampled = new SampledTokens(8);

    Run(int numSlots, EngineConfig config) {
      slots = new StateSlots(numSlots, BLOCK, config.enablePrefixCaching());
      content = new long[numSlots];
      Arrays.fill(content, -1);
      scheduler =
          new Scheduler(
              config,
              new int[0],
              new BlockManager(List.of(), BLOCK, config.enablePrefixCaching()),
              slots,
              new Callbacks(EngineObserver.NONE, new AtomicInteger()),
              new Counters());
    }

    Request add(int[] promptIds, int maxTokens) {
      Request request =
          admission.admit(
              GenerationRequest.of("r", promptIds, Rig.greedy(maxTokens)), TokenListener.NONE);
      scheduler.add(request);
      return request;
    }

    /** Runs to the end, and checks each step against the tokens that a state must stand for. */
    int finish() {
      int steps = 0;
      while (scheduler.hasRequests()) {
        scheduler.schedule(scheduled, false);
        assertThat(scheduled.numSeqs()).isPositive();
        long[] before = content.clone();
        boolean[] written = new boolean[content.length];
        int row = 0;
        for (int i = 0; i < scheduled.numSeqs(); i++) {
          Request r = scheduled.request(i);
          int first = scheduled.firstPosition(i);
          int read = scheduled.stateRead(i);
          assertThat(read < 0 ? hash(r, 0) : before[read]).isEqualTo(hash(r, first));
          assertThat(written[scheduled.stateWrite(i)]).isFalse();
          written[scheduled.stateWrite(i)] = true;
          content[scheduled.stateWrite(i)] = hash(r, first + scheduled.numTokens(i));
          for (int other = 0; other < scheduled.numSeqs(); other++) {
            assertThat(other != i && scheduled.stateRead(other) == scheduled.stateWrite(i))
                .isFalse();
          }
          if (scheduled.producesToken(i)) {
            sampled.tokenIds[row++] = (int) Math.floorMod(hash(r, r.numTokens), 100L);
          }
        }
        scheduler.postprocess(scheduled, sampled);
        assertThat(slots.brokenInvariant(scheduler.numRunning())).isNull();
        steps++;
      }
      return steps;
    }
  }

  private static long hash(Request r, int length) {
    return Arrays.hashCode(Arrays.copyOf(r.tokenIds, length));
  }

  private static int[] prompt(int length, int seed) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> (i * 7 + seed * (1 + i / 48)) % 100);
    return ids;
  }

  private static int[] extended(Request r, int length) {
    int[] ids = Arrays.copyOf(r.tokenIds, length);
    Arrays.fill(ids, r.numTokens, length, 3);
    return ids;
  }

  @Test
  void extendedPrompt_resumesFromTheLastFullBlockOfThePrompt() {
    Run run = new Run(8, EngineConfig.DEFAULT);
    Request first = run.add(prompt(80, 1), 4);
    run.finish();
    int[] longer = Arrays.copyOf(first.request.promptIds(), 100);
    Request second = run.add(longer, 4);
    run.finish();
    assertThat(second.numCachedTokens()).isEqualTo(80);
    Request again = run.add(longer, 4);
    run.finish();
    assertThat(again.numCachedTokens()).isEqualTo(96);
  }

  @Test
  void samePromptOfFullBlocks_resumesFromTheBlockBeforeTheLast() {
    Run run = new Run(8, EngineConfig.DEFAULT);
    run.add(prompt(80, 1), 4);
    run.finish();
    assertThat(run.slots.numCheckpoints()).isEqualTo(2);
    Request same = run.add(prompt(80, 1), 4);
    run.finish();
    assertThat(same.numCachedTokens()).isEqualTo(64);
    Request oneBlock = run.add(prompt(16, 2), 4);
    run.finish();
    assertThat(oneBlock.numCachedTokens()).isZero();
  }

  @Test
  void nextTurn_resumesFromTheEndOfTheLast() {
    Run run = new Run(8, EngineConfig.DEFAULT);
    Request first = run.add(prompt(20, 1), 60);
    run.finish();
    assertThat(run.slots.numCheckpoints()).isEqualTo(2);
    Request second = run.add(extended(first, 120), 2);
    run.finish();
    assertThat(second.numCachedTokens()).isEqualTo(64);
  }

  @Test
  void otherSaltOrBeginning_isNotServed() {
    Run run = new Run(8, EngineConfig.DEFAULT);
    run.add(prompt(80, 1), 2);
    run.finish();
    Request other = run.add(prompt(81, 2), 2);
    run.finish();
    assertThat(other.numCachedTokens()).isZero();
  }

  @Test
  void withoutPrefixCaching_nothingIsKept() {
    Run run = new Run(8, EngineConfig.DEFAULT.withPrefixCaching(false));
    run.add(prompt(80, 1), 40);
    run.finish();
    assertThat(run.slots.numFree()).isEqualTo(8);
  }

  @Test
  void fewSlots_limitHowManyRunAndEvictCheckpoints() {
    Run run = new Run(3, EngineConfig.DEFAULT.withMaxNumSeqs(8).withMaxNumBatchedTokens(24));
    for (int i = 0; i < 12; i++) {
      run.add(prompt(40 + 5 * i, i % 3), 5 + 3 * i);
    }
    assertThat(run.finish()).isGreaterThan(40);
    run.slots.resetCheckpoints();
    assertThat(run.slots.numFree()).isEqualTo(3);
  }

  @Test
  void fewerThanTwoSlots_areRefused() {
    assertThatThrownBy(() -> new StateSlots(1, BLOCK, true))
        .hasMessage(
            "recurrent state: expected at least 2 slots, one to read and one to write, got 1");
  }
}
