package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * One prompt and what to do with it.
 *
 * @param requestId the caller's name for it; only reported, need not be unique
 * @param promptIds at least one token id; not copied, must not change
 * @param sampling how tokens are chosen and when to stop
 * @param priority lower runs first under {@link SchedulingPolicy#PRIORITY}
 * @param cacheSalt prefix blocks are shared only between requests of equal salt
 * @param adapter runs with it, must be loaded until the request has ended; prefix blocks are never
 *     shared across
 * @param arrivalNanos {@link System#nanoTime()} when it came in; the base of its timings
 */
public record GenerationRequest(
    String requestId,
    int[] promptIds,
    SamplingParams sampling,
    int priority,
    @Nullable String cacheSalt,
    @Nullable Adapter adapter,
    long arrivalNanos) {

  public GenerationRequest {
    if (promptIds.length == 0) {
      throw new InvalidRequestException("prompt", "prompt: expected at least one token, got none");
    }
  }

  /** A request of priority 0 without salt or adapter that arrives now. */
  public static GenerationRequest of(String requestId, int[] promptIds, SamplingParams sampling) {
    return new GenerationRequest(requestId, promptIds, sampling, 0, null, null, System.nanoTime());
  }

  public GenerationRequest withPriority(int value) {
    return new GenerationRequest(
        requestId, promptIds, sampling, value, cacheSalt, adapter, arrivalNanos);
  }

  public GenerationRequest withCacheSalt(@Nullable String value) {
    return new GenerationRequest(
        requestId, promptIds, sampling, priority, value, adapter, arrivalNanos);
  }

  public GenerationRequest withAdapter(@Nullable Adapter value) {
    return new GenerationRequest(
        requestId, promptIds, sampling, priority, cacheSalt, value, arrivalNanos);
  }
}
