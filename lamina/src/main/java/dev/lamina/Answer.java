package dev.lamina;

import dev.lamina.scheduler.FinishReason;
import dev.lamina.scheduler.RequestTiming;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A whole answer.
 *
 * @param text without special tokens and without the stop string that ended it; null without a
 *     tokenizer
 * @param tokenIds the sampled ids, with the eos token if it was sampled
 * @param finishReason why it ended
 * @param stop the stop string that ended it, or null
 * @param numPromptTokens tokens of the prompt
 * @param numCachedTokens prompt tokens whose KV was found in the prefix cache
 * @param logprobs one a token, or empty if none were asked for
 * @param timing when things happened
 */
public record Answer(
    @Nullable String text,
    int[] tokenIds,
    FinishReason finishReason,
    @Nullable String stop,
    int numPromptTokens,
    int numCachedTokens,
    List<TokenLogprobs> logprobs,
    RequestTiming timing) {

  @Override
  public String toString() {
    return text == null ? List.of(tokenIds).toString() : text;
  }
}
