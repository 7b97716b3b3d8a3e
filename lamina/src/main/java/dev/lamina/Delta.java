package dev.lamina;

import java.util.List;

/**
 * A piece of an answer.
 *
 * @param text what became certain, without special tokens; may be empty
 * @param tokenIds ids sampled since the last piece
 * @param logprobs one a token, or empty if none were asked for
 */
public record Delta(String text, int[] tokenIds, List<TokenLogprobs> logprobs) {}
