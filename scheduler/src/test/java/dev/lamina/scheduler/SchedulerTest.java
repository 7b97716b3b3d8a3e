package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  private final EngineConfig config = EngineConfig.DEFAULT.withMaxNumBatchedTokens(20);
  private final List<KvGroup> groups =
      List.of(new KvGroup("kv.0", 32, 16, new KvGroup.Lifetime.UntilFinished()));
  private final Admission admission =
      new Admission(config, new ModelLimits(100, 256, new int[0]), groups, new Inbox());
  private final BlockManager blockManager = new BlockManager(groups, 16, true);
  private final Scheduler scheduler =
      new Scheduler(
          config,
          new int[0],
          blockManager,
          null,
          new Callbacks(EngineObserver.NONE, new AtomicInteger()),
          new Counters());
  private final FakeModel model = new FakeModel(config, groups);
  private final ScheduledBatch batch = new ScheduledBatch(256, 20, groups);

  private Request add(int promptLength, int maxTokens) {
    int[] promptIds = new int[promptLength];
    java.util.Arrays.setAll(promptIds, i -> (promptLength + i) % 100);
    Request request =
        admission.admit(
            GenerationRequest.of("r" + promptLength, promptIds, Rig.greedy(maxTokens)),
            TokenListener.NONE);
    scheduler.add(request);
    return request;
  }

  private SchedulerOutput schedule() {
    SchedulerOutput scheduled = new SchedulerOutput(256);
    scheduler.schedule(scheduled, false);
    return scheduled;
  }

  private void finishStep(SchedulerOutput scheduled) throws Exception {
    model.execute(batch.fill(scheduled));
    scheduler.postprocess(scheduled, model.await());
  }

  @Test
  void contextsThatMayBecomeLonger_shareNoPrefixWhereTheyTurnDifferently() {
    ModelLimits limits = new ModelLimits(100, 256, new int[0], longest -> longest > 64 ? 1 : 0);
    Admission byLength = new Admission(config, limits, groups, new Inbox());
    PrefixOrigin[] origins = new PrefixOrigin[3];
    int[] maxTokens = {10, 24, 25};
    for (int i = 0; i < 3; i++) {
      GenerationRequest request = GenerationRequest.of("r", new int[40], Rig.greedy(maxTokens[i]));
      origins[i] = byLength.admit(request, TokenListener.NONE).origin;
    }
    assertThat(origins[1]).isEqualTo(origins[0]);
    assertThat(origins[2]).isNotEqualTo(origins[0]);
  }

  @Test
  void batch_saysHowLongEachTokensContextMayBecome() {
    add(5, 10);
    add(9, 3);
    batch.fill(schedule());
    assertThat(batch.contextLimits()).startsWith(15, 15, 15, 15, 15, 12, 12);
    batch.clear();
    batch.add(new int[] {1, 2, 3}, 1, 2, new int[][] {{0}}, 1);
    assertThat(batch.contextLimits()).startsWith(3, 3, 15);
  }

  @Test
  void schedule_givesRunningRequestsTheirTokenAndThePromptTheRest() throws Exception {
    add(5, 10);
    finishStep(schedule());
    add(40, 10);
    SchedulerOutput mixed = schedule();
    assertThat(mixed.numSeqs()).isEqualTo(2);
    assertThat(mixed.numTokens(0)).isEqualTo(1);
    assertThat(mixed.producesToken(0)).isTrue();
    assertThat(mixed.numTokens(1)).isEqualTo(19);
    assertThat(mixed.producesToken(1)).isFalse();
    finishStep(mixed);
    SchedulerOutput next = schedule();
    assertThat(next.firstPosition(1)).isEqualTo(19);
    assertThat(next.numTokens(1)).isEqualTo(19);
    finishStep(next);
    SchedulerOutput last = schedule();
    assertThat(last.numTokens(1)).isEqualTo(2);
    assertThat(last.producesToken(1)).isTrue();
  }

  @Test
  void schedule_neverNeedsTheIdsOfTheStepBefore() throws Exception {
    Request first = add(5, 6);
    Request second = add(18, 3);
    SchedulerOutput ahead = schedule();
    while (ahead.numSeqs() > 0) {
      SchedulerOutput running = ahead;
      ahead = schedule();
      finishStep(running);
    }
    for (Request request : List.of(first, second)) {
      int[] promptIds = request.request().promptIds();
      int maxTokens = request.request().sampling().maxTokens();
      assertThat(request.future().join().tokenIds())
          .isEqualTo(FakeModel.generate(promptIds, maxTokens));
    }
    assertThat(blockManager.numFreeBlocks()).isEqualTo(32);
  }

  private void hold(int numTokens) {
    Request hog =
        admission.admit(
            GenerationRequest.of("hog", new int[] {1}, Rig.greedy(1)), TokenListener.NONE);
    blockManager.findCachedPrefix(hog);
    assertThat(blockManager.admit(hog, numTokens)).isTrue();
  }

  @Test
  void schedule_letsNobodyOvertake() throws Exception {
    hold(30 * 16);
    Request running = add(5, 10);
    finishStep(schedule());
    Request needsTwoBlocks = add(100, 10);
    Request needsOne = add(3, 10);
    finishStep(schedule());
    assertThat(blockManager.numFreeBlocks()).isEqualTo(1);
    assertThat(running.numOutputTokens()).isEqualTo(2);
    assertThat(needsTwoBlocks.wasAdmitted()).isFalse();
    assertThat(needsOne.wasAdmitted()).isFalse();
  }

  @Test
  void schedule_whenNobodyIsLeftToGiveWay_endsTheRequest() throws Exception {
    hold(30 * 16);
    Request request = add(30, 100);
    while (!request.isFinished()) {
      finishStep(schedule());
    }
    assertThat(request.future().join().tokenIds()).hasSize(3);
    assertThat(request.future().join().error()).hasMessageContaining("raise --num-kv-blocks");
    assertThat(blockManager.numFreeBlocks()).isEqualTo(2);
  }
}
