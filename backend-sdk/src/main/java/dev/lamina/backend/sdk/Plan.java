package dev.lamina.backend.sdk;

import java.util.List;

/**
 * What an executable does, step by step, before the symbols have values. Immutable.
 *
 * @param tensors all tensors; one that another lies in comes first
 * @param steps in order of execution
 * @param blocks the workspace's memory
 * @param numInputs positions of inputs, states included
 * @param numOutputs positions of outputs, states included
 * @param inPlace for each output, whether it may be bound to the memory of the input it shares
 */
record Plan(
    List<TensorPlan> tensors,
    List<Step> steps,
    List<Storage> blocks,
    int numInputs,
    int numOutputs,
    boolean[] inPlace) {
  /** Whether a loop's count is read from the device, so that the host must wait for it. */
  boolean readsCounts() {
    for (Step step : steps) {
      LoopPlan loop = step.loop();
      if (loop != null && (loop.count() == null || loop.body().readsCounts())) {
        return true;
      }
    }
    return false;
  }
}
