package dev.lamina.backend.sdk;

import java.util.List;

/**
 * Reads or writes a box whose start along some axes is known only when the run gets there.
 *
 * <p>Slice: {@code (x, starts..) -> out}. Update: {@code (upd, starts..) -> target}. The large side
 * is a view that starts at the box along the other axes already.
 */
final class DynamicBox implements Kernel {
  private final boolean write;
  private final int[] axes;
  private final long[] steps;

  private DynamicBox(boolean write, List<Integer> axes, long[] steps) {
    this.write = write;
    this.axes = axes.stream().mapToInt(Integer::intValue).toArray();
    this.steps = steps;
  }

  static DynamicBox slice(List<Integer> axes, List<Long> steps) {
    return new DynamicBox(false, axes, steps.stream().mapToLong(Long::longValue).toArray());
  }

  static DynamicBox update(List<Integer> axes) {
    long[] ones = new long[axes.size()];
    java.util.Arrays.fill(ones, 1);
    return new DynamicBox(true, axes, ones);
  }

  @Override
  public void run(KernelArgs args) {
    Tensor small = write ? args.in(0) : args.out(0);
    Tensor large = write ? args.out(0) : args.in(0);
    long at = large.offset();
    for (int i = 0; i < axes.length; i++) {
      Tensor operand = args.in(1 + i);
      long start = Elements.getLong(operand.dtype(), operand.segment(), operand.offset());
      int axis = axes[i];
      long size = small.size(axis);
      if (size > 0 && (start < 0 || start + (size - 1) * steps[i] >= large.size(axis))) {
        throw new ProgramError(
            "%s: expected a box inside axis %d of size %d, got start %d, size %d, step %d"
                .formatted(
                    write ? "update" : "slice", axis, large.size(axis), start, size, steps[i]));
      }
      at += start * large.stride(axis) * large.dtype().bytes();
    }
    if (write) {
      HostMovement.copyBox(small, small.offset(), large, at, small);
    } else if (isUnitStep()) {
      HostMovement.copyBox(large, at, small, small.offset(), small);
    } else {
      copyStepped(large, at, small, small.offset(), 0);
    }
  }

  private boolean isUnitStep() {
    for (long s : steps) {
      if (s != 1) {
        return false;
      }
    }
    return true;
  }

  private void copyStepped(Tensor large, long from, Tensor small, long to, int axis) {
    int width = small.dtype().bytes();
    if (axis == small.rank()) {
      java.lang.foreign.MemorySegment.copy(large.segment(), from, small.segment(), to, width);
      return;
    }
    long step = large.stride(axis) * width;
    for (int i = 0; i < axes.length; i++) {
      if (axes[i] == axis) {
        step *= steps[i];
      }
    }
    for (long i = 0; i < small.size(axis); i++) {
      copyStepped(large, from + i * step, small, to + i * small.stride(axis) * width, axis + 1);
    }
  }
}
