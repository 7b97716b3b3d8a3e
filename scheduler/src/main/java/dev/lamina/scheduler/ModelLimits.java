package dev.lamina.scheduler;

import java.util.function.IntUnaryOperator;

/**
 * What the scheduler must know of a model.
 *
 * @param vocabSize token ids are below this
 * @param maxModelLen longest context, prompt and output
 * @param eosTokenIds ids that end a request unless it says {@code ignoreEos}; not copied
 * @param positionKind of the longest that a context may become: contexts share KV only if this is
 *     the same for both, since others turn their positions differently
 */
public record ModelLimits(
    int vocabSize, int maxModelLen, int[] eosTokenIds, IntUnaryOperator positionKind) {
  /**
   * Limits of a model that turns all contexts alike.
   *
   * @param vocabSize token ids are below this
   * @param maxModelLen longest context, prompt and output
   * @param eosTokenIds ids that end a request unless it says {@code ignoreEos}; not copied
   */
  public ModelLimits(int vocabSize, int maxModelLen, int[] eosTokenIds) {
    this(vocabSize, maxModelLen, eosTokenIds, longest -> 0);
  }
}
