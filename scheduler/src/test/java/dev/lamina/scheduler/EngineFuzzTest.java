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
 * Random requests with shared prefixes, salts, priorities, stops and aborts over pools that are too
 * small, in step (odd seeds) and one step ahead: between steps the books balance, and every request
 * gets exactly what it would get alone.
 */
class EngineFuzzTest {
  private static final int REQUESTS = 1000;

  /** Ids that end a request, by what it asked for. */
  private static final int[] STOPS = new Random(5).ints(25, 0, FakeModel.VOCAB).toArray();

  /** Ids at which a listener ends a request, as a stop string does. */
  private static final int[] LAST_WORDS = new Random(6).ints(25, 0, FakeModel.VOCAB).toArray();

  private record Asked(
      RequestHandle handle, int[] promptIds, int maxTokens, int[] stops, boolean aborted) {}

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
  void anyLoad_conservesBlocksAndLosesNoToken(long seed) throws Exception {
    Random random = new Random(seed);
    boolean ahead = seed % 2 == 0;
    Rig rig = new Rig(config(random), 7 + random.nextInt(30), 1 + random.nextInt(2), ahead);
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
        live.set(
            victim, new Asked(old.handle(), old.promptIds(), old.maxTokens(), old.stops(), true));
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
    int kind = random.nextInt(4);
    int[] stops = kind == 0 ? STOPS : kind == 1 ? LAST_WORDS : new int[0];
    SamplingParams.Builder sampling =
        SamplingParams.builder().temperature(0).ignoreEos(true).maxTokens(maxTokens);
    if (kind == 0) {
      sampling.stopTokenIds(STOPS);
    }
    TokenListener listener =
        token -> {
          if (kind == 1 && Arrays.stream(LAST_WORDS).anyMatch(id -> id == token.tokenId())) {
            token.stop();
          }
        };
    GenerationRequest request =
        GenerationRequest.of("r" + i, promptIds, sampling.build())
            .withPriority(random.nextInt(3))
            .withCacheSalt(random.nextInt(3) == 0 ? "salt" : null);
    return new Asked(rig.engine.addRequest(request, listener), promptIds, maxTokens, stops, false);
  }

  private static void check(Asked request, int capacity, long seed) {
    RequestOutput output = request.handle().future().join();
    int[] expected = FakeModel.generate(request.promptIds(), request.maxTokens(), request.stops());
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
      int last = expected[expected.length - 1];
      boolean stopped = Arrays.stream(request.stops()).anyMatch(id -> id == last);
      assertThat(output.finishReason())
          .as(what)
          .isEqualTo(stopped ? FinishReason.STOP : FinishReason.LENGTH);
    }
    assertThat(output.tokenIds()).as(what).isEqualTo(expected);
  }
}
