package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random requests with shared prefixes, salts, priorities and aborts over pools that are too small:
 * between steps the books balance, and every request gets exactly what it would get alone.
 */
class EngineFuzzTest {
  private static final int REQUESTS = 1000;

  private record Asked(RequestHandle handle, int[] promptIds, int maxTokens, boolean aborted) {}

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
  void anyLoad_conservesBlocksAndLosesNoToken(long seed) throws Exception {
    Random random = new Random(seed);
    Rig rig = new Rig(config(random), 7 + random.nextInt(30), 1 + random.nextInt(2));
    Map<String, Asked> asked = new HashMap<>();
    List<Asked> live = new ArrayList<>();
    int added = 0;
    int idle = 0;
    while (added < REQUESTS || idle == 0) {
      for (int burst = random.nextInt(8); burst > 0 && added < REQUESTS; burst--) {
        live.add(add(rig, random, added++));
        asked.put("r" + (added - 1), live.getLast());
      }
      if (!live.isEmpty() && random.nextInt(6) == 0) {
        int victim = random.nextInt(live.size());
        Asked old = live.get(victim);
        old.handle().abort();
        live.set(victim, new Asked(old.handle(), old.promptIds(), old.maxTokens(), true));
        asked.put(old.handle().request().requestId(), live.get(victim));
      }
      idle = rig.engine.step() ? 0 : 1;
      assertThat(rig.engine.brokenInvariant()).as("seed %d", seed).isNull();
      live.removeIf(request -> request.handle().isFinished());
    }
    assertThat(rig.engine.stats().numFreeKvBlocks())
        .as("seed %d", seed)
        .isEqualTo(rig.engine.stats().numKvBlocks());
    int capacity = rig.engine.stats().numKvBlocks() * 16;
    asked.values().forEach(request -> check(request, capacity, seed));
    assertThat(rig.engine.stats().prefixHitTokens()).as("seed %d", seed).isPositive();
  }

  private static EngineConfig config(Random random) {
    return EngineConfig.DEFAULT
        .withMaxNumSeqs(1 + random.nextInt(16))
        .withMaxNumBatchedTokens(1 + random.nextInt(64))
        .withLongPrefillTokenThreshold(random.nextInt(3) == 0 ? 9 : 0)
        .withSchedulingPolicy(
            random.nextBoolean() ? SchedulingPolicy.FCFS : SchedulingPolicy.PRIORITY);
  }

  private static Asked add(Rig rig, Random random, int i) {
    int[] shared = Rig.prompt(random.nextInt(4), 100);
    int length = 1 + random.nextInt(100);
    int[] promptIds = Arrays.copyOf(shared, length);
    if (random.nextBoolean()) {
      promptIds[length - 1] = random.nextInt(FakeModel.VOCAB);
    }
    int maxTokens = 1 + random.nextInt(40);
    GenerationRequest request =
        GenerationRequest.of("r" + i, promptIds, Rig.greedy(maxTokens))
            .withPriority(random.nextInt(3))
            .withCacheSalt(random.nextInt(3) == 0 ? "salt" : null);
    return new Asked(
        rig.engine.addRequest(request, TokenListener.NONE), promptIds, maxTokens, false);
  }

  private static void check(Asked request, int capacity, long seed) {
    RequestOutput output = request.handle().future().join();
    int[] expected = FakeModel.generate(request.promptIds(), request.maxTokens());
    String what = "seed %d, request %s".formatted(seed, output.requestId());
    if (output.finishReason() == FinishReason.ABORT) {
      assertThat(request.aborted()).as(what).isTrue();
      expected = Arrays.copyOf(expected, output.tokenIds().length);
    } else if (output.finishReason() == FinishReason.ERROR) {
      assertThat(output.error()).as(what).isInstanceOf(CapacityExceededException.class);
      assertThat(request.promptIds().length + request.maxTokens() - 1)
          .as(what)
          .isGreaterThan(capacity);
      expected = Arrays.copyOf(expected, output.tokenIds().length);
    } else {
      assertThat(output.finishReason()).as(what).isEqualTo(FinishReason.LENGTH);
    }
    assertThat(output.tokenIds()).as(what).isEqualTo(expected);
  }
}
