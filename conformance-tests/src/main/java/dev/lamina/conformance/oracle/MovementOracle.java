package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;
import java.util.List;

/** Ops that make or move elements without computing on them. */
final class MovementOracle {
  private MovementOracle() {}

  static RefTensor iota(DType dtype, long[] sizes, int dim) {
    RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
    for (int i = 0; i < out.count(); i++) {
      long index = Axes.index(i, sizes)[dim];
      out.exact(i, dtype.isFloat() ? Elements.toFloat(dtype, index) : Elements.wrap(dtype, index));
    }
    return out.build();
  }

  static RefTensor fill(DType dtype, long[] sizes, long bits) {
    RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
    for (int i = 0; i < out.count(); i++) {
      out.exact(i, bits);
    }
    return out.build();
  }

  static RefTensor view(RefTensor x, long[] sizes) {
    int[] source = new int[x.count()];
    for (int i = 0; i < source.length; i++) {
      source[i] = i;
    }
    return x.pick(sizes, source);
  }

  static RefTensor permute(RefTensor x, List<Integer> perm, long[] sizes) {
    long[] strides = Axes.strides(x.sizes());
    int[] source = new int[x.count()];
    for (int i = 0; i < source.length; i++) {
      long[] index = Axes.index(i, sizes);
      long at = 0;
      for (int axis = 0; axis < index.length; axis++) {
        at += index[axis] * strides[perm.get(axis)];
      }
      source[i] = (int) at;
    }
    return x.pick(sizes, source);
  }

  static RefTensor expand(RefTensor x, long[] sizes) {
    long[] strides = Axes.strides(x.sizes());
    int[] source = new int[Axes.count(sizes)];
    for (int i = 0; i < source.length; i++) {
      long[] index = Axes.index(i, sizes);
      for (int axis = 0; axis < index.length; axis++) {
        index[axis] = x.size(axis) == 1 ? 0 : index[axis];
      }
      source[i] = Axes.flat(index, strides);
    }
    return x.pick(sizes, source);
  }

  static RefTensor slice(RefTensor x, long[] start, long[] sizes, List<Long> step) {
    long[] strides = Axes.strides(x.sizes());
    int[] source = new int[Axes.count(sizes)];
    for (int i = 0; i < source.length; i++) {
      long[] index = Axes.index(i, sizes);
      for (int axis = 0; axis < index.length; axis++) {
        index[axis] = start[axis] + index[axis] * step.get(axis);
      }
      source[i] = Axes.flat(index, strides);
    }
    return x.pick(sizes, source);
  }

  static RefTensor concat(List<RefTensor> xs, int dim, long[] sizes) {
    RefTensor.Builder out = new RefTensor.Builder(xs.getFirst().dtype(), sizes);
    long[] strides = Axes.strides(sizes);
    long before = 0;
    for (RefTensor x : xs) {
      for (int i = 0; i < x.count(); i++) {
        long[] index = Axes.index(i, x.sizes());
        index[dim] += before;
        out.copy(Axes.flat(index, strides), x, i);
      }
      before += x.size(dim);
    }
    return out.build();
  }

  static RefTensor update(RefTensor x, RefTensor upd, long[] start) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    for (int i = 0; i < x.count(); i++) {
      out.copy(i, x, i);
    }
    long[] strides = Axes.strides(x.sizes());
    for (int i = 0; i < upd.count(); i++) {
      long[] index = Axes.index(i, upd.sizes());
      for (int axis = 0; axis < index.length; axis++) {
        index[axis] += start[axis];
      }
      out.copy(Axes.flat(index, strides), upd, i);
    }
    return out.build();
  }
}
