package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * Runs what the scheduler decided. All methods are called by the engine thread, {@link #await} once
 * for each {@link #execute}, in the same order.
 */
public interface StepExecutor extends AutoCloseable {
  /**
   * Whether one step may be executed before the one ahead of it was awaited, with tokens in it that
   * this one samples ({@link ScheduledBatch#sampledRows}).
   *
   * @return the same at each call
   */
  default boolean runsAhead() {
    return false;
  }

  /**
   * Submits a step: the batch runs through the model, its KV is stored, and one token is sampled
   * per wanted row of the logits.
   *
   * @param batch free to change once this returns
   * @throws Exception when the device fails; every request in the engine ends with it
   */
  void execute(ScheduledBatch batch) throws Exception;

  /**
   * Waits for the oldest step that was not awaited.
   *
   * @return what it sampled; reused, valid until the next call
   * @throws Exception when the device failed; every request in the engine ends with it
   */
  SampledTokens await() throws Exception;

  /** Forgets the steps that were not awaited, after a failure. */
  default void abandon() {}

  /**
   * Runs steps with adapters by another form of the model's step from now on.
   *
   * @param step null = there are no adapters any more
   * @throws Exception when the device refuses it; what was before goes on
   */
  void adopt(@Nullable AdaptedStep step) throws Exception;

  /** Frees what the executor made; called once, after the last step. */
  @Override
  void close();
}
