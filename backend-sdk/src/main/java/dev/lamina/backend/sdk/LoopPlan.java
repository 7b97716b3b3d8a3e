package dev.lamina.backend.sdk;

import org.jspecify.annotations.Nullable;

/**
 * A loop of a plan. Carried values go back and forth between the result's memory and a spare of
 * each, unless an iteration can change them in place.
 *
 * @param body one iteration: inputs are the index, the carried and the invariant values
 * @param count iterations if they are a dim, else null and the first operand of the step says
 * @param first position of the first carried value among the operands: 0, or 1 after a count
 * @param index tensor of the scalar iteration index
 * @param spare tensor of each carried value's other copy, -1 if it changes in place
 * @param workspace memory of the body's own values
 */
record LoopPlan(
    Plan body, @Nullable Sizes count, int first, int index, int[] spare, Storage workspace) {}
