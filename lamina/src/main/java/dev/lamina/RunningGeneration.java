package dev.lamina;

import dev.lamina.chat.Detokenizer;
import dev.lamina.chat.StopStrings;
import dev.lamina.scheduler.FinishReason;
import dev.lamina.scheduler.RequestHandle;
import dev.lamina.scheduler.RequestOutput;
import dev.lamina.scheduler.SamplingParams;
import dev.lamina.scheduler.TokenListener;
import dev.lamina.scheduler.TokenOutput;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Turns the tokens of one request into text: detokenizes and looks for stop strings. */
final class RunningGeneration implements Generation, TokenListener {
  private final AnswerListener listener;
  private final @Nullable Detokenizer detokenizer;
  private final StopStrings.Matcher stops;
  private final SamplingParams sampling;
  private final int numPromptTokens;
  private final Runnable onEnd;
  private final StringBuilder text = new StringBuilder();
  private final List<TokenLogprobs> logprobs = new ArrayList<>();
  private final CompletableFuture<Answer> answer = new CompletableFuture<>();
  private volatile @Nullable RequestHandle handle;
  private volatile boolean aborted;

  RunningGeneration(
      AnswerListener listener,
      @Nullable Detokenizer detokenizer,
      GenerationOptions options,
      int numPromptTokens,
      Runnable onEnd) {
    this.listener = listener;
    this.detokenizer = detokenizer;
    this.stops = options.stops().matcher();
    this.sampling = options.sampling();
    this.numPromptTokens = numPromptTokens;
    this.onEnd = onEnd;
  }

  /** Called once the engine has it; an abort may have come first. */
  void started(RequestHandle request) {
    handle = request;
    if (aborted) {
      request.abort();
    }
  }

  @Override
  public void abort() {
    aborted = true;
    RequestHandle request = handle;
    if (request != null) {
      request.abort();
    }
  }

  @Override
  public int numPromptTokens() {
    return numPromptTokens;
  }

  @Override
  public CompletableFuture<Answer> answer() {
    return answer;
  }

  @Override
  public void onToken(TokenOutput token) {
    String piece = "";
    if (detokenizer != null) {
      piece = stops.append(detokenizer.append(token.tokenId()));
      text.append(piece);
      if (stops.stopped()) {
        token.stop();
      }
    }
    List<TokenLogprobs> added = List.of();
    if (sampling.wantsLogprobs()) {
      added = List.of(logprobsOf(token));
      logprobs.addAll(added);
    }
    listener.onDelta(new Delta(piece, new int[] {token.tokenId()}, added));
  }

  private static TokenLogprobs logprobsOf(TokenOutput token) {
    int n = token.numTopLogprobs();
    int[] ids = new int[n];
    float[] values = new float[n];
    for (int k = 0; k < n; k++) {
      ids[k] = token.topTokenId(k);
      values[k] = token.topLogprob(k);
    }
    return new TokenLogprobs(token.tokenId(), token.logprob(), ids, values);
  }

  @Override
  public void onFinished(RequestOutput output) {
    onEnd.run();
    Throwable error = output.error();
    if (error != null || output.finishReason() == FinishReason.ERROR) {
      Throwable cause = error == null ? new LaminaException("the request failed") : error;
      listener.onError(cause);
      answer.completeExceptionally(cause);
      return;
    }
    flush();
    Answer whole =
        new Answer(
            detokenizer == null ? null : text.toString(),
            output.tokenIds(),
            output.finishReason(),
            stops.matched(),
            numPromptTokens,
            output.numCachedTokens(),
            List.copyOf(logprobs),
            output.timing());
    listener.onAnswer(whole);
    answer.complete(whole);
  }

  /** What a half character or a half stop string held back. */
  private void flush() {
    if (detokenizer == null || stops.stopped()) {
      return;
    }
    String rest = stops.append(detokenizer.flush()) + stops.flush();
    if (!rest.isEmpty()) {
      text.append(rest);
      listener.onDelta(new Delta(rest, new int[0], List.of()));
    }
  }
}
