package dev.lamina;

import dev.lamina.chat.StopStrings;
import dev.lamina.scheduler.SamplingParams;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How a prompt is gone on from.
 *
 * @param sampling how tokens are chosen and when to stop
 * @param stops strings that end the text; they are not part of it
 * @param requestId the caller's name for the request, for logs
 * @param priority lower runs first under the priority policy
 * @param cacheSalt prefix pages are shared only between requests of equal salt
 * @param adapter name of a loaded LoRA adapter, or null for the model alone
 */
public record GenerationOptions(
    SamplingParams sampling,
    StopStrings stops,
    String requestId,
    int priority,
    @Nullable String cacheSalt,
    @Nullable String adapter) {

  /** Sampling as given, nothing else. */
  public static GenerationOptions of(SamplingParams sampling) {
    return new GenerationOptions(
        sampling, StopStrings.NONE, UUID.randomUUID().toString(), 0, null, null);
  }

  /** Greedy, to the end of the answer or the context. */
  public static GenerationOptions greedy() {
    return of(SamplingParams.builder().temperature(0).maxTokens(SamplingParams.NO_LIMIT).build());
  }

  /** With stop strings. */
  public GenerationOptions withStops(StopStrings value) {
    return new GenerationOptions(sampling, value, requestId, priority, cacheSalt, adapter);
  }

  /** With the caller's name for the request. */
  public GenerationOptions withRequestId(String value) {
    return new GenerationOptions(sampling, stops, value, priority, cacheSalt, adapter);
  }

  /** With a priority. */
  public GenerationOptions withPriority(int value) {
    return new GenerationOptions(sampling, stops, requestId, value, cacheSalt, adapter);
  }

  /** With a salt. */
  public GenerationOptions withCacheSalt(@Nullable String value) {
    return new GenerationOptions(sampling, stops, requestId, priority, value, adapter);
  }

  /** With a LoRA adapter. */
  public GenerationOptions withAdapter(@Nullable String value) {
    return new GenerationOptions(sampling, stops, requestId, priority, cacheSalt, value);
  }
}
