package dev.lamina.backend.sdk;

import java.util.List;

/**
 * What the SDK itself needs done with elements, for views that turn out to need a copy, boxes,
 * index ramps and loops.
 */
public interface Movement {
  /**
   * Copies a tensor to another of equal dtype and sizes; nothing if both lie in one place.
   *
   * @param src any strides
   * @param dst any strides but 0
   */
  void copy(Tensor src, Tensor dst);

  /**
   * Writes the index along an axis.
   *
   * @param out contiguous, any dtype but BOOL; a float holds the rounded index
   * @param axis the axis
   */
  void iota(Tensor out, int axis);

  /**
   * A kernel that reads a box: {@code (x, starts..) -> out}. x is a view that starts at the box
   * along the other axes already.
   *
   * @param axes axes whose start is an operand, a scalar I32 or I64
   * @param steps distance along each of them, at least 1
   * @return the kernel; it checks the box and throws {@link ProgramError} where the device can tell
   */
  Kernel slice(List<Integer> axes, List<Long> steps);

  /**
   * A kernel that writes a box: {@code (upd, starts..) -> target}, target a view as x is above.
   *
   * @param axes axes whose start is an operand, a scalar I32 or I64
   * @return the kernel
   */
  Kernel update(List<Integer> axes);

  /**
   * Reads an integer, once everything before has run.
   *
   * @param scalar of an integer dtype
   * @return its value
   */
  long get(Tensor scalar);

  /**
   * Writes an integer.
   *
   * @param scalar of dtype I32
   * @param value the value
   */
  void set(Tensor scalar, int value);
}
