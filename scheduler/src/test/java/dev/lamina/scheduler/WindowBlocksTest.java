package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WindowBlocksTest {
  private static final int BLOCK = 16;
  private static final int WINDOW = 48;

  /**
   * Requests of 400 tokens, in chunks, with few and with many blocks: at every step each token's
   * window lies in blocks that its request holds, and no block is held that lies further back.
   */
  @ParameterizedTest
  @CsvSource({"64,32,true", "64,32,false", "40,32,true", "40,7,false", "200,400,true"})
  void blocksBehindTheWindow_areGivenBack(int numBlocks, int stepTokens, boolean caching) {
    List<KvGroup> groups =
        List.of(
            new KvGroup("kv.0", numBlocks, BLOCK, new KvGroup.Lifetime.UntilFinished()),
            new KvGroup("kv.1", numBlocks, BLOCK, new KvGroup.Lifetime.Window(WINDOW)));
    EngineConfig config =
        EngineConfig.DEFAULT.withMaxNumBatchedTokens(stepTokens).withPrefixCaching(caching);
    BlockManager blocks = new BlockManager(groups, BLOCK, caching);
    Counters counters = new Counters();
    Scheduler scheduler =
        new Scheduler(
            config,
            new int[0],
            blocks,
            null,
            new Callbacks(EngineObserver.NONE, new AtomicInteger()),
            counters);
    Admission admission =
        new Admission(config, new ModelLimits(100, 512, new int[0]), groups, new Inbox());
    List<Request> requests = new ArrayList<>();
    for (int r = 0; r < 3; r++) {
      int[] prompt = new int[350];
      int seed = r / 2;
      Arrays.setAll(prompt, i -> (i * (7 + seed)) % 100);
      Request request =
          admission.admit(
              GenerationRequest.of("r" + r, prompt, Rig.greedy(50)), TokenListener.NONE);
      requests.add(request);
      scheduler.add(request);
    }
    SchedulerOutput scheduled = new SchedulerOutput(config.maxNumSeqs());
    SampledTokens sampled = new SampledTokens(config.maxNumSeqs());
    while (scheduler.hasRequests()) {
      scheduler.schedule(scheduled, false);
      assertThat(scheduled.numSeqs()).isPositive();
      for (int i = 0; i < scheduled.numSeqs(); i++) {
        BlockTable table = scheduled.request(i).blockTables[1];
        int first = scheduled.firstPosition(i);
        int end = first + scheduled.numTokens(i);
        assertThat(table.numReleased * BLOCK).isLessThanOrEqualTo(Math.max(0, first - WINDOW + 1));
        assertThat(table.numBlocks * BLOCK).isGreaterThanOrEqualTo(end);
        boolean admitted = first == 0 || table.numReleased == 0;
        int oldest = table.numReleased * BLOCK + BLOCK;
        assertThat(admitted || oldest > first - WINDOW + 1).isTrue();
      }
      scheduler.postprocess(scheduled, sampled);
      assertThat(blocks.brokenInvariant()).isNull();
    }
    assertThat(requests).allMatch(r -> r.numTokens == 400);
    assertThat(blocks.numFreeBlocks()).isEqualTo(numBlocks);
    assertThat(counters.preemptions.value() > 0 || numBlocks > 40).isTrue();
  }
}
