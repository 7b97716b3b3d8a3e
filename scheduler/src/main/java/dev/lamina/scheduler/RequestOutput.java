package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * What became of a request; made once, when it ends.
 *
 * @param request what was asked
 * @param tokenIds the generated tokens without the prompt, with the eos or stop token if one was
 *     sampled; not copied
 * @param finishReason why it ended
 * @param numCachedTokens prompt tokens whose KV was found in the prefix cache
 * @param timing when things happened
 * @param error why, for {@link FinishReason#ERROR}
 */
public record RequestOutput(
    GenerationRequest request,
    int[] tokenIds,
    FinishReason finishReason,
    int numCachedTokens,
    RequestTiming timing,
    @Nullable Throwable error) {

  /** The caller's name for the request. */
  public String requestId() {
    return request.requestId();
  }

  /** Tokens of the prompt. */
  public int numPromptTokens() {
    return request.promptIds().length;
  }
}
