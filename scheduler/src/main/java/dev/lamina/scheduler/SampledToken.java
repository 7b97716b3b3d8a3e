package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/** The one {@link TokenOutput} that every listener sees in turn. */
final class SampledToken implements TokenOutput {
  private SampledTokens sampled;
  private @Nullable Request request;
  private @Nullable FinishReason finishReason;
  private int row;

  SampledToken(int maxNumSeqs) {
    this.sampled = new SampledTokens(maxNumSeqs);
  }

  void at(SampledTokens sampled, int row, Request request, @Nullable FinishReason finishReason) {
    this.sampled = sampled;
    this.row = row;
    this.request = request;
    this.finishReason = finishReason;
  }

  @Override
  public Request request() {
    Request current = request;
    if (current == null) {
      throw new IllegalStateException("token: expected a call from within onToken, got one after");
    }
    return current;
  }

  @Override
  public int tokenId() {
    return sampled.tokenIds[row];
  }

  @Override
  public int index() {
    return request().numOutputTokens() - 1;
  }

  @Override
  public @Nullable FinishReason finishReason() {
    return finishReason;
  }

  @Override
  public float logprob() {
    return request().sampling.wantsLogprobs() ? sampled.logprobs[row] : Float.NaN;
  }

  @Override
  public int numTopLogprobs() {
    return Math.max(0, request().sampling.logprobs());
  }

  @Override
  public int topTokenId(int k) {
    return sampled.topTokenIds[top(k)];
  }

  @Override
  public float topLogprob(int k) {
    return sampled.topLogprobs[top(k)];
  }

  @Override
  public void stop() {
    finishReason = FinishReason.STOP;
  }

  private int top(int k) {
    return row * SamplingParams.MAX_LOGPROBS + java.util.Objects.checkIndex(k, numTopLogprobs());
  }
}
