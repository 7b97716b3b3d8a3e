package dev.lamina.scheduler;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** An engine over {@link FakeModel}, driven by hand. */
final class Rig {
  static final int MAX_MODEL_LEN = 512;
  static final int EOS = 7;

  final EngineConfig config;
  final List<KvGroup> groups;
  final FakeModel model;
  final Engine engine;
  final List<String> finishedInOrder = new ArrayList<>();

  Rig(EngineConfig config, int numBlocks) {
    this(config, numBlocks, 1);
  }

  Rig(EngineConfig config, int numBlocks, int numGroups) {
    this(config, numBlocks, numGroups, false);
  }

  Rig(EngineConfig config, int numBlocks, int numGroups, boolean ahead) {
    this.config = config;
    this.groups = new ArrayList<>();
    for (int g = 0; g < numGroups; g++) {
      groups.add(new KvGroup("kv." + g, numBlocks, 16, new KvGroup.Lifetime.UntilFinished()));
    }
    this.model = new FakeModel(config, groups, ahead);
    this.engine =
        new Engine(
            config,
            new ModelLimits(FakeModel.VOCAB, MAX_MODEL_LEN, new int[] {EOS}),
            groups,
            0,
            model,
            new EngineObserver() {
              @Override
              public void onRequestFinished(RequestOutput output) {
                finishedInOrder.add(output.requestId());
              }
            });
  }

  RequestHandle add(String id, int[] promptIds, int maxTokens) {
    return engine.addRequest(
        GenerationRequest.of(id, promptIds, greedy(maxTokens)), TokenListener.NONE);
  }

  /** Steps until nothing is left. */
  void run() throws Exception {
    for (int step = 0; engine.step(); step++) {
      if (step > 1_000_000) {
        throw new AssertionError("the engine does not come to an end");
      }
    }
  }

  static SamplingParams greedy(int maxTokens) {
    return SamplingParams.builder().temperature(0).ignoreEos(true).maxTokens(maxTokens).build();
  }

  static int[] prompt(long seed, int length) {
    return new Random(seed).ints(length, 0, FakeModel.VOCAB).toArray();
  }
}
