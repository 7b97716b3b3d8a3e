package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/** One generated token, seen through a view that is reused for the next. */
public interface TokenOutput {
  /** The request it belongs to. */
  RequestHandle request();

  /** The sampled token. */
  int tokenId();

  /** Its place among the generated tokens, from 0. */
  int index();

  /** Why the request ends with this token, or null when it goes on. */
  @Nullable FinishReason finishReason();

  /**
   * Natural log of the token's probability under the unmodified logits; NaN unless {@link
   * SamplingParams#wantsLogprobs()}.
   */
  float logprob();

  /** How many alternatives follow, likeliest first: what {@link SamplingParams#logprobs} asked. */
  int numTopLogprobs();

  /** The k-th likeliest token, from 0. */
  int topTokenId(int k);

  /** Its log-probability. */
  float topLogprob(int k);

  /**
   * Ends the request with this token and {@link FinishReason#STOP}: what a stop string, matched
   * above the engine, does. No further token is sampled for it.
   */
  void stop();
}
