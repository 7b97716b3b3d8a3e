package dev.lamina.backend.sdk;

import java.util.List;

/** How a tensor of a plan gets its address and strides. */
sealed interface Placement {
  /**
   * Row-major at the start of its own memory.
   *
   * @param storage the memory
   */
  record Root(Storage storage) implements Placement {}

  /**
   * At the start of an input's memory, with the strides that the input was declared with.
   *
   * @param storage the memory
   * @param strides in elements
   */
  record StridedRoot(Storage storage, long[] strides) implements Placement {}

  /**
   * One element of the constants, repeated along all axes.
   *
   * @param storage the constants
   */
  record Splat(Storage storage) implements Placement {}

  /**
   * Indices of the constants along one axis, repeated along the others.
   *
   * @param storage the constants
   * @param axis the axis along which the index grows
   */
  record Ramp(Storage storage, int axis) implements Placement {}

  /**
   * A copy of another tensor in memory of its own, or the other itself where its elements turn out
   * to be contiguous.
   *
   * @param storage memory for the copy
   * @param of the other tensor
   */
  record Packed(Storage storage, int of) implements Placement {}

  /**
   * The same elements in row-major order under another shape or dtype.
   *
   * @param of the other tensor
   */
  record Reshape(int of) implements Placement {}

  /**
   * Axes in another order.
   *
   * @param of the other tensor
   * @param perm as in the op
   */
  record Permute(int of, int[] perm) implements Placement {}

  /**
   * Axes of size 1 repeated.
   *
   * @param of the other tensor
   */
  record Expand(int of) implements Placement {}

  /**
   * A box.
   *
   * @param of the other tensor
   * @param start first index an axis
   * @param step distance an axis
   */
  record Slice(int of, Sizes start, List<Long> step) implements Placement {}
}
