package dev.lamina.scheduler;

/**
 * When things happened to a request, as {@link System#nanoTime()} values; 0 for what never came.
 *
 * @param arrivalNanos it came in
 * @param scheduledNanos it first got tokens in a step
 * @param firstTokenNanos its first token was sampled
 * @param finishedNanos it ended
 */
public record RequestTiming(
    long arrivalNanos, long scheduledNanos, long firstTokenNanos, long finishedNanos) {

  /** Arrival to first scheduling; the whole life of a request that never ran. */
  public long queueNanos() {
    return (scheduledNanos == 0 ? finishedNanos : scheduledNanos) - arrivalNanos;
  }

  /** First scheduling to first token; 0 without a token. */
  public long prefillNanos() {
    return firstTokenNanos == 0 ? 0 : firstTokenNanos - scheduledNanos;
  }

  /** First token to the end; 0 without a token. */
  public long decodeNanos() {
    return firstTokenNanos == 0 ? 0 : finishedNanos - firstTokenNanos;
  }

  /** First scheduling to the end; 0 when it never ran. */
  public long inferenceNanos() {
    return scheduledNanos == 0 ? 0 : finishedNanos - scheduledNanos;
  }

  /** Arrival to first token; 0 without a token. */
  public long timeToFirstTokenNanos() {
    return firstTokenNanos == 0 ? 0 : firstTokenNanos - arrivalNanos;
  }

  /** Arrival to the end. */
  public long endToEndNanos() {
    return finishedNanos - arrivalNanos;
  }
}
