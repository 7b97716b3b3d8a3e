package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;

/**
 * A tensor of a plan before the symbols have values.
 *
 * @param dtype element type
 * @param layout blocked for quantised weights, else dense
 * @param sizes its shape
 * @param packing what is known of its strides
 * @param storage memory it lies in
 * @param whole whether it is all of that memory, in order
 * @param placement address and strides
 */
record TensorPlan(
    DType dtype,
    Layout layout,
    Sizes sizes,
    Packing packing,
    Storage storage,
    boolean whole,
    Placement placement) {

  /** The memory, after results were merged into operands. */
  @Override
  public Storage storage() {
    return storage.resolved();
  }

  boolean isContiguous() {
    return packing.isContiguous();
  }
}
