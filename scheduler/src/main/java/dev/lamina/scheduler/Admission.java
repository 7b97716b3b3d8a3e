package dev.lamina.scheduler;

import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** Turns what was asked into a {@link Request}, or says why it can never run. Any thread. */
final class Admission {
  private final ModelLimits limits;
  private final int maxModelLen;
  private final int numGroups;
  private final int numBlocks;
  private final int capacityTokens;
  private final Inbox inbox;

  Admission(EngineConfig config, ModelLimits limits, List<KvGroup> groups, Inbox inbox) {
    this.limits = limits;
    this.maxModelLen =
        config.maxModelLen() == 0
            ? limits.maxModelLen()
            : Math.min(config.maxModelLen(), limits.maxModelLen());
    this.numGroups = groups.size();
    int blocks = Integer.MAX_VALUE;
    for (KvGroup group : groups) {
      blocks = Math.min(blocks, group.numBlocks());
    }
    this.numBlocks = blocks;
    int blockSize = groups.isEmpty() ? 1 : groups.getFirst().blockSize();
    this.capacityTokens = (int) Math.min(Integer.MAX_VALUE - 1, (long) blocks * blockSize);
    this.inbox = inbox;
  }

  /** Longest context, prompt and output. */
  int maxModelLen() {
    return maxModelLen;
  }

  Request admit(GenerationRequest request, TokenListener listener) {
    int[] promptIds = request.promptIds();
    if (promptIds.length >= maxModelLen) {
      throw new InvalidRequestException(
          "prompt",
          "prompt: expected fewer tokens than the %d of the longest context, got %d; shorten the prompt"
              .formatted(maxModelLen, promptIds.length));
    }
    checkVocabulary(request, "prompt", promptIds);
    checkVocabulary(request, "stop_token_ids", request.sampling().stopTokenIds());
    if (promptIds.length > capacityTokens) {
      throw new InvalidRequestException(
          "prompt",
          "KV cache: a prompt of %d tokens needs more than the %d blocks of the pool (%d tokens); raise --num-kv-blocks or shorten the prompt"
              .formatted(promptIds.length, numBlocks, capacityTokens));
    }
    Long seed = request.sampling().seed();
    int longest = maxTotalTokens(request);
    return new Request(
        request,
        listener,
        inbox,
        numGroups,
        longest,
        limits.positionKind().applyAsInt(longest),
        seed == null ? ThreadLocalRandom.current().nextLong() : seed);
  }

  /** A request without a limit of its own goes on to the end of context or pool. */
  private int maxTotalTokens(GenerationRequest request) {
    int maxTokens = request.sampling().maxTokens();
    if (maxTokens == SamplingParams.NO_LIMIT) {
      return Math.min(maxModelLen, capacityTokens + 1);
    }
    return (int) Math.min(maxModelLen, (long) request.promptIds().length + maxTokens);
  }

  private void checkVocabulary(GenerationRequest request, String param, int[] ids) {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= limits.vocabSize()) {
        throw new InvalidRequestException(
            param,
            "%s: expected token ids in 0..%d, got %d at index %d"
                .formatted(param, limits.vocabSize() - 1, ids[i], i));
      }
    }
  }
}
