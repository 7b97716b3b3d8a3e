package dev.lamina;

/**
 * Log-probability of a sampled token and its likeliest alternatives.
 *
 * @param tokenId the sampled token
 * @param logprob its natural log-probability under the unmodified logits
 * @param topIds the likeliest tokens, likeliest first; as many as were asked for
 * @param topLogprobs their log-probabilities
 */
public record TokenLogprobs(int tokenId, float logprob, int[] topIds, float[] topLogprobs) {}
