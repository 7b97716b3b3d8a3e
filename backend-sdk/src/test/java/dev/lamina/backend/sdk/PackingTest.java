package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Layout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is said of strides before the symbols have values holds for all values. */
class PackingTest {
  private static final DimTable TABLE =
      new DimTable(List.of(Dim.sym("T", 0, 9), Dim.sym("S", 0, 9)));
  private static final int CASES = 20_000;

  private final Random random = new Random(7);
  private final long[] dims = new long[2];
  private List<Dim> shape = new ArrayList<>();
  private Packing packing = Packing.dense(Sizes.of(shape, TABLE));
  private Tensor tensor = new Tensor(DType.F32, Layout.DENSE, 0);

  private Dim dim() {
    return switch (random.nextInt(7)) {
      case 0 -> TABLE.syms().get(0);
      case 1 -> TABLE.syms().get(1);
      case 2, 3 -> Dim.of(1);
      default -> Dim.of(List.of(2L, 3L, 4L, 6L).get(random.nextInt(4)));
    };
  }

  private long[] resolved(List<Dim> of) {
    long[] sizes = new long[of.size()];
    Sizes.of(of, TABLE).resolve(dims, sizes);
    return sizes;
  }

  private void set(List<Dim> newShape, Packing newPacking, long[] strides) {
    shape = newShape;
    packing = newPacking;
    Tensor t = new Tensor(DType.F32, Layout.DENSE, shape.size());
    t.shape(resolved(shape), strides);
    tensor = t;
  }

  private long[] strides() {
    long[] s = new long[tensor.rank()];
    for (int i = 0; i < s.length; i++) {
      s[i] = tensor.stride(i);
    }
    return s;
  }

  private void start() {
    dims[0] = random.nextInt(10);
    dims[1] = random.nextInt(10);
    List<Dim> fresh = new ArrayList<>();
    int rank = random.nextInt(5);
    for (int i = 0; i < rank; i++) {
      fresh.add(dim());
    }
    long[] strides = new long[rank];
    Strides.dense(resolved(fresh), rank, strides);
    set(fresh, Packing.dense(Sizes.of(fresh, TABLE)), strides);
  }

  private void change() {
    int rank = shape.size();
    long[] strides = strides();
    List<Dim> next = new ArrayList<>(shape);
    switch (rank == 0 ? 3 : random.nextInt(3)) {
      case 0 -> {
        List<Integer> perm = new ArrayList<>();
        for (int i = 0; i < rank; i++) {
          perm.add(i);
        }
        Collections.shuffle(perm, random);
        long[] moved = new long[rank];
        for (int i = 0; i < rank; i++) {
          next.set(i, shape.get(perm.get(i)));
          moved[i] = strides[perm.get(i)];
        }
        int[] p = perm.stream().mapToInt(Integer::intValue).toArray();
        set(next, packing.permute(p, Sizes.of(next, TABLE)), moved);
      }
      case 1 -> {
        List<Long> steps = new ArrayList<>(Collections.nCopies(rank, 1L));
        int axis = random.nextInt(rank);
        if (shape.get(axis) instanceof Dim.Const c && c.value() > 1) {
          next.set(axis, Dim.of(1 + random.nextInt((int) c.value())));
          if (((Dim.Const) next.get(axis)).value() * 2 <= c.value()) {
            steps.set(axis, 2L);
            strides[axis] *= 2;
          }
        }
        set(next, packing.slice(Sizes.of(next, TABLE), steps), strides);
      }
      case 2 -> {
        int axis = random.nextInt(rank);
        if (shape.get(axis).equals(Dim.of(1))) {
          next.set(axis, dim());
          if (!next.get(axis).equals(Dim.of(1))) {
            strides[axis] = 0;
          }
        }
        set(next, packing.expand(Sizes.of(next, TABLE)), strides);
      }
      default -> {}
    }
  }

  /** Merges and splits neighbours at random, so that the number of elements stays. */
  private List<Dim> regrouped() {
    List<Dim> out = new ArrayList<>();
    for (Dim d : shape) {
      Dim last = out.isEmpty() ? null : out.getLast();
      if (last instanceof Dim.Const a && d instanceof Dim.Const b && random.nextBoolean()) {
        out.set(out.size() - 1, Dim.of(a.value() * b.value()));
      } else if (d instanceof Dim.Const c && c.value() % 2 == 0 && random.nextBoolean()) {
        out.add(Dim.of(2));
        out.add(Dim.of(c.value() / 2));
      } else if (!d.equals(Dim.of(1)) || random.nextBoolean()) {
        out.add(d);
      }
    }
    if (random.nextInt(4) == 0) {
      out.add(random.nextInt(out.size() + 1), Dim.of(1));
    }
    return out;
  }

  @Test
  void reshape_promisesOnlyWhatHoldsForAllSizes() {
    int aliased = 0;
    for (int i = 0; i < CASES; i++) {
      start();
      int changes = random.nextInt(4);
      for (int k = 0; k < changes; k++) {
        change();
      }
      if (packing.isContiguous()) {
        assertThat(tensor.isContiguous()).as("case %d: %s", i, shape).isTrue();
      }
      List<Dim> target = regrouped();
      if (packing.reshape(Sizes.of(target, TABLE)) == null) {
        continue;
      }
      aliased++;
      long[] sizes = resolved(target);
      long[] strides = new long[sizes.length];
      assertThat(Strides.reshape(tensor, sizes, sizes.length, strides))
          .as("case %d: %s as %s for %d, %d", i, shape, target, dims[0], dims[1])
          .isTrue();
      Tensor viewed = new Tensor(DType.F32, Layout.DENSE, sizes.length);
      viewed.shape(sizes, strides);
      for (long e = 0; e < tensor.elements(); e++) {
        assertThat(at(viewed, e)).as("case %d: element %d", i, e).isEqualTo(at(tensor, e));
      }
    }
    assertThat(aliased).isBetween(CASES / 4, CASES - 1);
  }

  private static long at(Tensor t, long element) {
    long rest = element;
    long at = 0;
    for (int axis = t.rank() - 1; axis >= 0; axis--) {
      at += rest % t.size(axis) * t.stride(axis);
      rest /= t.size(axis);
    }
    return at;
  }
}
