package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Movement;
import dev.lamina.backend.sdk.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Movement in a grid device's memory. */
public final class GridMovement implements Movement {
  private static final int MAX_STARTS = 8;

  private final GridDevice grid;
  private final long copy;
  private final long iota;
  private final long box;

  /**
   * Loads the kernels.
   *
   * @param grid open
   */
  public GridMovement(GridDevice grid) {
    this.grid = grid;
    this.copy = grid.function("move", "copy_strided");
    this.iota = grid.function("move", "iota");
    this.box = grid.function("move", "box");
  }

  @Override
  public void copy(Tensor src, Tensor dst) {
    grid.use();
    long from = Params.addressOf(src);
    long to = Params.addressOf(dst);
    boolean dense = src.isContiguous() && dst.isContiguous();
    if (dst.elements() == 0 || dense && from == to) {
      return;
    }
    int width = dst.dtype().bytes();
    if (dense) {
      grid.copy(from, to, dst.elements() * width);
      return;
    }
    grid.params().tensor(src).tensor(dst).i64(dst.elements()).i32(width);
    grid.launchOver(copy, dst.elements(), 256);
  }

  @Override
  public void iota(Tensor out, int axis) {
    long inner = 1;
    for (int i = axis + 1; i < out.rank(); i++) {
      inner *= out.size(i);
    }
    Params p = grid.params().address(out).i64(out.elements()).i64(inner).i64(out.size(axis));
    p.i32(out.dtype().ordinal());
    grid.launchOver(iota, out.elements(), 256);
  }

  @Override
  public Kernel slice(List<Integer> axes, List<Long> steps) {
    return args -> box(args, axes, steps, args.in(0), args.out(0), false);
  }

  @Override
  public Kernel update(List<Integer> axes) {
    List<Long> ones = java.util.Collections.nCopies(axes.size(), 1L);
    return args -> box(args, axes, ones, args.out(0), args.in(0), true);
  }

  private void box(
      KernelArgs args,
      List<Integer> axes,
      List<Long> steps,
      Tensor large,
      Tensor small,
      boolean write) {
    Params p = grid.params().tensor(large).tensor(small).i64(small.elements());
    for (int k = 0; k < MAX_STARTS; k++) {
      p.address(k < axes.size() ? Params.addressOf(args.in(1 + k)) : 0);
    }
    for (int k = 0; k < MAX_STARTS; k++) {
      p.i64(k < axes.size() ? steps.get(k) : 1);
    }
    grid.fault(p, args.debug(), write ? GridDevice.Checked.UPDATE : GridDevice.Checked.SLICE);
    for (int k = 0; k < MAX_STARTS; k++) {
      p.i32(k < axes.size() ? axes.get(k) : 0);
    }
    for (int k = 0; k < MAX_STARTS; k++) {
      p.i32(k < axes.size() ? args.in(1 + k).dtype().ordinal() : 0);
    }
    p.i32(axes.size()).i32(write ? 1 : 0).i32(small.dtype().bytes());
    grid.launchOver(box, small.elements(), 256);
  }

  @Override
  public long get(Tensor scalar) {
    int width = scalar.dtype().bytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(width, width);
      grid.download(Params.addressOf(scalar), host);
      return Elements.getLong(scalar.dtype(), host, 0);
    }
  }

  @Override
  public void set(Tensor scalar, int value) {
    grid.fill(Params.addressOf(scalar), value, 1);
  }
}
