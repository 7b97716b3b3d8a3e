package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * How the next token of a request is chosen and when it ends; vLLM's names and defaults.
 *
 * @param temperature 0 (greedy) to 2
 * @param topP keep the smallest set of tokens whose probability reaches this, in (0, 1]
 * @param topK keep this many most likely tokens; 0 or -1 keeps all
 * @param minP keep tokens at least this likely relative to the likeliest, in [0, 1]
 * @param presencePenalty subtracted from the logit of each token generated so far, in [-2, 2]
 * @param frequencyPenalty the same, once per occurrence, in [-2, 2]
 * @param repetitionPenalty divides (or multiplies, below zero) logits of tokens of prompt and
 *     output, above 0; 1 does nothing
 * @param seed makes the request repeatable whatever else runs; null draws one at admission
 * @param maxTokens most tokens to generate, at least 1; {@link #NO_LIMIT} goes on to the end of the
 *     context
 * @param minTokens eos and stop ids cannot be sampled before so many tokens
 * @param stopTokenIds ids that end the request beside the model's eos ids; not copied
 * @param ignoreEos go on after an eos token
 * @param logprobs how many alternatives to report with each token; {@link #NO_LOGPROBS} reports
 *     nothing, 0 only the sampled token's
 */
public record SamplingParams(
    float temperature,
    float topP,
    int topK,
    float minP,
    float presencePenalty,
    float frequencyPenalty,
    float repetitionPenalty,
    @Nullable Long seed,
    int maxTokens,
    int minTokens,
    int[] stopTokenIds,
    boolean ignoreEos,
    int logprobs) {

  /** {@code maxTokens} of a request that may fill its context. */
  public static final int NO_LIMIT = Integer.MAX_VALUE;

  /** {@code logprobs} of a request that wants none. */
  public static final int NO_LOGPROBS = -1;

  /** Most alternatives a request may ask for. */
  public static final int MAX_LOGPROBS = 20;

  public SamplingParams {
    inRange("temperature", temperature, 0, 2);
    inRange("min_p", minP, 0, 1);
    inRange("presence_penalty", presencePenalty, -2, 2);
    inRange("frequency_penalty", frequencyPenalty, -2, 2);
    if (!(topP > 0 && topP <= 1)) {
      throw invalid("top_p", "above 0 and at most 1", topP);
    }
    if (topK < -1) {
      throw invalid("top_k", "at least 1, or 0 or -1 for all", topK);
    }
    if (!(repetitionPenalty > 0 && repetitionPenalty < Float.POSITIVE_INFINITY)) {
      throw invalid("repetition_penalty", "above 0", repetitionPenalty);
    }
    if (maxTokens < 1) {
      throw invalid("max_tokens", "at least 1", maxTokens);
    }
    if (minTokens < 0 || minTokens > maxTokens) {
      throw invalid("min_tokens", "0 to max_tokens (" + maxTokens + ")", minTokens);
    }
    if (logprobs < NO_LOGPROBS || logprobs > MAX_LOGPROBS) {
      throw invalid("logprobs", "0 to " + MAX_LOGPROBS, logprobs);
    }
    for (int id : stopTokenIds) {
      if (id < 0) {
        throw invalid("stop_token_ids", "ids of at least 0", id);
      }
    }
  }

  /** Whether the likeliest token is always taken. */
  public boolean isGreedy() {
    return temperature == 0;
  }

  /** Whether any of the three penalties does something. */
  public boolean hasPenalties() {
    return presencePenalty != 0 || frequencyPenalty != 0 || repetitionPenalty != 1;
  }

  /** Whether each token is reported with its log-probability. */
  public boolean wantsLogprobs() {
    return logprobs != NO_LOGPROBS;
  }

  /** Starts from vLLM's defaults: temperature 1, 16 tokens, no filter, no penalty. */
  public static Builder builder() {
    return new Builder();
  }

  private static void inRange(String param, float value, float min, float max) {
    if (!(value >= min && value <= max)) {
      throw invalid(param, (int) min + ".." + (int) max, value);
    }
  }

  private static InvalidRequestException invalid(String param, String expected, Number got) {
    return new InvalidRequestException(param, param + ": expected " + expected + ", got " + got);
  }

  /** Collects the fields of {@link SamplingParams}; {@link #build} checks them. */
  public static final class Builder {
    private static final int[] NO_IDS = {};

    private float temperature = 1;
    private float topP = 1;
    private int topK;
    private float minP;
    private float presencePenalty;
    private float frequencyPenalty;
    private float repetitionPenalty = 1;
    private @Nullable Long seed;
    private int maxTokens = 16;
    private int minTokens;
    private int[] stopTokenIds = NO_IDS;
    private boolean ignoreEos;
    private int logprobs = NO_LOGPROBS;

    private Builder() {}

    public Builder temperature(float value) {
      temperature = value;
      return this;
    }

    public Builder topP(float value) {
      topP = value;
      return this;
    }

    public Builder topK(int value) {
      topK = value;
      return this;
    }

    public Builder minP(float value) {
      minP = value;
      return this;
    }

    public Builder presencePenalty(float value) {
      presencePenalty = value;
      return this;
    }

    public Builder frequencyPenalty(float value) {
      frequencyPenalty = value;
      return this;
    }

    public Builder repetitionPenalty(float value) {
      repetitionPenalty = value;
      return this;
    }

    public Builder seed(@Nullable Long value) {
      seed = value;
      return this;
    }

    public Builder maxTokens(int value) {
      maxTokens = value;
      return this;
    }

    public Builder minTokens(int value) {
      minTokens = value;
      return this;
    }

    public Builder stopTokenIds(int... value) {
      stopTokenIds = value.clone();
      return this;
    }

    public Builder ignoreEos(boolean value) {
      ignoreEos = value;
      return this;
    }

    public Builder logprobs(int value) {
      logprobs = value;
      return this;
    }

    /**
     * The checked parameters.
     *
     * @throws InvalidRequestException naming the first field that is out of range
     */
    public SamplingParams build() {
      return new SamplingParams(
          temperature,
          topP,
          topK,
          minP,
          presencePenalty,
          frequencyPenalty,
          repetitionPenalty,
          seed,
          maxTokens,
          minTokens,
          stopTokenIds,
          ignoreEos,
          logprobs);
    }
  }
}
