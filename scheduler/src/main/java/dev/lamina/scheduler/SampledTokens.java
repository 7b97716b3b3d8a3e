package dev.lamina.scheduler;

/**
 * What a step sampled, one row per request that produces a token, in batch order. Reused from step
 * to step; the executor fills it.
 */
public final class SampledTokens {
  /** The sampled ids: [numRows]. */
  public final int[] tokenIds;

  /** Their log-probabilities, NaN where none were asked: [numRows]. */
  public final float[] logprobs;

  /** The likeliest ids: [numRows, {@link SamplingParams#MAX_LOGPROBS}]. */
  public final int[] topTokenIds;

  /** Their log-probabilities: [numRows, {@link SamplingParams#MAX_LOGPROBS}]. */
  public final float[] topLogprobs;

  /**
   * @param maxNumSeqs most rows of a step
   */
  public SampledTokens(int maxNumSeqs) {
    tokenIds = new int[maxNumSeqs];
    logprobs = new float[maxNumSeqs];
    topTokenIds = new int[maxNumSeqs * SamplingParams.MAX_LOGPROBS];
    topLogprobs = new float[maxNumSeqs * SamplingParams.MAX_LOGPROBS];
    java.util.Arrays.fill(logprobs, Float.NaN);
  }
}
