package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * Runs what the scheduler decided. All methods are called by the engine thread, {@link #sample}
 * once after each {@link #execute}.
 */
public interface StepExecutor extends AutoCloseable {
  /**
   * Runs the batch through the model and stores its KV.
   *
   * @throws Exception when the device fails; every request in the engine ends with it
   */
  void execute(ScheduledBatch batch) throws Exception;

  /**
   * Samples one token per wanted logits row.
   *
   * @return reused: valid until the next call
   * @throws Exception when the device fails; every request in the engine ends with it
   */
  SampledTokens sample(ScheduledBatch batch) throws Exception;

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
