package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The tensors of a plan being built, by position, and the steps that copy some of them. */
final class PlanTensors {
  private final DimTable table;
  private final Constants constants;
  private final Kernel copy;
  private final List<TensorPlan> tensors = new ArrayList<>();
  private final List<Step> steps = new ArrayList<>();
  private final Map<Integer, Integer> packed = new HashMap<>();

  PlanTensors(DimTable table, Constants constants, Kernel copy) {
    this.table = table;
    this.constants = constants;
    this.copy = copy;
  }

  List<TensorPlan> all() {
    return tensors;
  }

  List<Step> steps() {
    return steps;
  }

  TensorPlan get(int t) {
    return tensors.get(t);
  }

  Sizes sizes(Shape shape) {
    return Sizes.of(shape, table);
  }

  private int add(TensorPlan t) {
    tensors.add(t);
    return tensors.size() - 1;
  }

  /** An input, row-major or of the strides it is declared with. */
  int input(TensorType t, Storage storage) {
    Sizes sizes = sizes(t.shape());
    Packing packing = Packing.dense(sizes);
    Placement placement = new Placement.Root(storage);
    if (t.layout() instanceof Layout.Strided s) {
      packing = Packing.of(sizes, s.strides());
      placement =
          new Placement.StridedRoot(
              storage, s.strides().stream().mapToLong(Long::longValue).toArray());
    }
    boolean whole = packing.isContiguous();
    return add(new TensorPlan(t.dtype(), t.layout(), sizes, packing, storage, whole, placement));
  }

  /** A tensor with memory of its own. */
  int root(DType dtype, Sizes sizes) {
    Storage s = new Storage(Storage.Kind.WORKSPACE, -1, dtype.bytes(), sizes);
    return add(
        new TensorPlan(
            dtype, Layout.DENSE, sizes, Packing.dense(sizes), s, true, new Placement.Root(s)));
  }

  /** The tensor, or a copy of it where its elements are not known to be contiguous. */
  int contiguous(int t) {
    TensorPlan from = tensors.get(t);
    if (from.isContiguous()) {
      return t;
    }
    Integer known = packed.get(t);
    if (known != null) {
      return known;
    }
    Sizes sizes = from.sizes();
    Storage s = new Storage(Storage.Kind.WORKSPACE, -1, from.dtype().bytes(), sizes);
    s.setMayAlias();
    Placement placement = new Placement.Packed(s, t);
    int copy =
        add(
            new TensorPlan(
                from.dtype(), Layout.DENSE, sizes, Packing.dense(sizes), s, true, placement));
    copyStep(t, copy);
    packed.put(t, copy);
    return copy;
  }

  /** The tensor, or a copy in memory that is certainly its own. */
  int ownContiguous(int t) {
    return tensors.get(t).isContiguous() ? t : copy(t);
  }

  private int copy(int t) {
    TensorPlan from = tensors.get(t);
    int copy = root(from.dtype(), from.sizes());
    copyStep(t, copy);
    return copy;
  }

  private void copyStep(int from, int to) {
    steps.add(Step.launch("copy", copy, new int[] {from}, to));
  }

  /** Indices along one axis, from the constants. */
  int ramp(CoreOp.Iota o) {
    Sizes sizes = sizes(o.shape());
    Storage s = constants.ramp(o.dtype(), o.shape().dim(o.dim()).upperBound());
    List<Long> strides = new ArrayList<>(Collections.nCopies(sizes.rank(), 0L));
    strides.set(o.dim(), 1L);
    Packing packing = Packing.of(sizes, strides);
    Placement placement = new Placement.Ramp(s, o.dim());
    return add(new TensorPlan(o.dtype(), Layout.DENSE, sizes, packing, s, false, placement));
  }

  /** One element of the constants, repeated. */
  int splat(CoreOp.Fill o) {
    Sizes sizes = sizes(o.shape());
    Storage s = constants.splat(o.value());
    Packing packing = Packing.of(sizes, Collections.nCopies(sizes.rank(), 0L));
    Placement placement = new Placement.Splat(s);
    DType dtype = o.value().dtype();
    return add(new TensorPlan(dtype, Layout.DENSE, sizes, packing, s, false, placement));
  }

  private int alias(int of, Sizes sizes, Packing packing, boolean whole, Placement p) {
    TensorPlan from = tensors.get(of);
    return add(
        new TensorPlan(from.dtype(), Layout.DENSE, sizes, packing, from.storage(), whole, p));
  }

  int view(int x, Sizes sizes) {
    int of = x;
    Packing packing = tensors.get(of).packing().reshape(sizes);
    if (packing == null) {
      of = contiguous(of);
      packing = Packing.dense(sizes);
    }
    return alias(of, sizes, packing, tensors.get(of).whole(), new Placement.Reshape(of));
  }

  int permute(int of, List<Integer> order, Sizes sizes) {
    TensorPlan from = tensors.get(of);
    int[] perm = order.stream().mapToInt(Integer::intValue).toArray();
    Packing packing = from.packing().permute(perm, sizes);
    boolean whole = from.whole() && packing.isContiguous();
    return alias(of, sizes, packing, whole, new Placement.Permute(of, perm));
  }

  int expand(int of, Sizes sizes, boolean same) {
    TensorPlan from = tensors.get(of);
    Packing packing = from.packing().expand(sizes);
    return alias(of, sizes, packing, same && from.whole(), new Placement.Expand(of));
  }

  /** A view of a box; along a dynamic axis the whole tensor. */
  int box(int of, Shape size, List<Dim> start, List<Long> step, List<Integer> dynamic) {
    TensorPlan from = tensors.get(of);
    List<Dim> starts = new ArrayList<>(start);
    List<Long> unit = new ArrayList<>(step);
    for (int axis : dynamic) {
      starts.set(axis, Dim.of(0));
      unit.set(axis, 1L);
    }
    Sizes sizes = sizes(size).withAxesOf(from.sizes(), dynamic);
    Placement at = new Placement.Slice(of, Sizes.of(starts, table), List.copyOf(unit));
    return alias(of, sizes, from.packing().slice(sizes, unit), false, at);
  }

  /** Equal widths and blocks are aliases; other widths too, of contiguous and aligned elements. */
  int bitcast(int x, DType dtype, Sizes sizes) {
    int of = x;
    TensorPlan from = tensors.get(of);
    boolean blocked = from.layout() instanceof Layout.Blocked;
    Packing packing = Packing.dense(sizes);
    if (!blocked && from.dtype().bytes() == dtype.bytes()) {
      packing = from.packing();
    } else if (!blocked && !from.isContiguous()) {
      of = contiguous(of);
    } else if (!from.whole() && dtype.bytes() > from.dtype().bytes()) {
      of = copy(of);
    }
    TensorPlan bits = tensors.get(of);
    return add(
        new TensorPlan(
            dtype,
            Layout.DENSE,
            sizes,
            packing,
            bits.storage(),
            bits.whole(),
            new Placement.Reshape(of)));
  }
}
