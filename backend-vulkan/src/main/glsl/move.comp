// Kernels that only move elements: copies between strides, index ramps, boxes, gather and scatter.
#include "lamina.glsl"

void moveElement(u64 to, i64 t, u64 from, i64 f, int width) {
  switch (width) {
    case 1: byteAt(to, t) = byteAt(from, f); break;
    case 2: halfAt(to, t) = halfAt(from, f); break;
    case 4: wordAt(to, t) = wordAt(from, f); break;
    case 8: longAt(to, t) = longAt(from, f); break;
    default: quadAt(to, t) = quadAt(from, f); break;
  }
}

#ifdef KERNEL_copy_strided
PARAMS(CopyParams) {
  Tensor src;
  Tensor dst;
  i64 n;
  int width;
};

// Sizes are dst's; both sides have any strides.
KERNEL(CopyParams, 256) {
  for (i64 i = globalThread; i < p.n; i += globalThreads) {
    i64 rest = i;
    i64 from = 0;
    i64 to = 0;
    for (int axis = p.dst.rank - 1; axis >= 0; axis--) {
      i64 size = p.dst.size[axis];
      i64 index = rest % size;
      rest /= size;
      from += index * p.src.stride[axis];
      to += index * p.dst.stride[axis];
    }
    moveElement(p.dst.data, to, p.src.data, from, p.width);
  }
}
#endif

#ifdef KERNEL_iota
PARAMS(IotaParams) {
  u64 result;
  i64 n;
  i64 inner;
  i64 size;
  int dtype;
};

KERNEL(IotaParams, 256) {
  for (i64 i = globalThread; i < p.n; i += globalThreads) {
    i64 index = i / p.inner % p.size;
    if (isFloat(p.dtype)) {
      storeFloat(p.result, i, p.dtype, float(index));
    } else {
      storeInt(p.result, i, p.dtype, index);
    }
  }
}
#endif

#ifdef KERNEL_box
const int MAX_STARTS = 8;

// The small tensor's box lies in the large one at starts that only the device knows.
PARAMS(BoxParams) {
  Tensor large;
  Tensor small;
  i64 n;
  u64 start[MAX_STARTS];
  i64 step[MAX_STARTS];
  u64 fault;
  int axis[MAX_STARTS];
  int startDtype[MAX_STARTS];
  int starts;
  int write;
  int width;
};

KERNEL(BoxParams, 256) {
  i64 base = 0;
  i64 scale[MAX_RANK];
  for (int axis = 0; axis < MAX_RANK; axis++) scale[axis] = 1;
  for (int k = 0; k < p.starts; k++) {
    int axis = p.axis[k];
    i64 start = loadInt(p.start[k], 0, p.startDtype[k]);
    i64 size = p.small.size[axis];
    i64 end = start + (size - 1) * p.step[k];
    if (size > 0 && (start < 0 || end >= p.large.size[axis])) {
      if (globalThread == 0) report(p.fault, BOX_OUTSIDE, start < 0 ? start : end, p.large.size[axis]);
      return;
    }
    base += start * p.large.stride[axis];
    scale[axis] = p.step[k];
  }
  for (i64 i = globalThread; i < p.n; i += globalThreads) {
    i64 rest = i;
    i64 at = base;
    i64 near = 0;
    for (int axis = p.small.rank - 1; axis >= 0; axis--) {
      i64 size = p.small.size[axis];
      i64 index = rest % size;
      rest /= size;
      at += index * scale[axis] * p.large.stride[axis];
      near += index * p.small.stride[axis];
    }
    if (p.write != 0) {
      moveElement(p.large.data, at, p.small.data, near, p.width);
    } else {
      moveElement(p.small.data, near, p.large.data, at, p.width);
    }
  }
}
#endif

// x is [outer, n, row], index [count], the result [outer, count, row]; row counts units of `width`
// bytes.
PARAMS(RowsParams) {
  u64 x;
  u64 index;
  u64 result;
  i64 outer;
  i64 n;
  i64 count;
  i64 row;
  u64 fault;
  int indexDtype;
  int width;
};

#ifdef KERNEL_gather_rows
void zeroElement(u64 to, i64 t, int width) {
  switch (width) {
    case 1: byteAt(to, t) = u8(0); break;
    case 2: halfAt(to, t) = u16(0); break;
    case 4: wordAt(to, t) = 0u; break;
    case 8: longAt(to, t) = 0L; break;
    default: quadAt(to, t) = uvec4(0); break;
  }
}

KERNEL(RowsParams, 256) {
  i64 total = p.outer * p.count * p.row;
  for (i64 i = globalThread; i < total; i += globalThreads) {
    i64 column = i % p.row;
    i64 rows = i / p.row;
    i64 o = rows / p.count;
    i64 at = loadInt(p.index, rows % p.count, p.indexDtype);
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
      continue;
    }
    if (at < 0) {
      zeroElement(p.result, i, p.width);
    } else {
      moveElement(p.result, i, p.x, (o * p.n + at) * p.row + column, p.width);
    }
  }
}
#endif

#ifdef KERNEL_scatter_rows
// The reverse: x is the update [outer, count, row], the result the target [outer, n, row].
KERNEL(RowsParams, 256) {
  i64 total = p.outer * p.count * p.row;
  for (i64 i = globalThread; i < total; i += globalThreads) {
    i64 column = i % p.row;
    i64 rows = i / p.row;
    i64 o = rows / p.count;
    i64 at = loadInt(p.index, rows % p.count, p.indexDtype);
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
    } else if (at >= 0) {
      moveElement(p.result, (o * p.n + at) * p.row + column, p.x, i, p.width);
    }
  }
}
#endif

#ifdef KERNEL_check_distinct
PARAMS(DistinctParams) {
  u64 index;
  u64 seen;
  i64 n;
  i64 count;
  u64 fault;
  int indexDtype;
};

// Reports an index that occurs twice; `seen` is n zeros.
KERNEL(DistinctParams, 256) {
  for (i64 i = globalThread; i < p.count; i += globalThreads) {
    i64 at = loadInt(p.index, i, p.indexDtype);
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
    } else if (at >= 0 && atomicExchange(intAt(p.seen, at), 1) != 0) {
      report(p.fault, DUPLICATE_INDEX, at, p.n);
    }
  }
}
#endif

#ifdef KERNEL_scatter_add
PARAMS(AddParams) {
  u64 x;
  u64 index;
  u64 result;
  u64 sums;
  i64 outer;
  i64 n;
  i64 count;
  i64 row;
  u64 fault;
  int indexDtype;
  int dtype;
};

// A thread a column, which adds in the order of the indices: the same bits every time. Floats
// narrower than F32 are added in `sums` and rounded once at the end.
KERNEL(AddParams, 128) {
  i64 columns = p.outer * p.row;
  bool floats = isFloat(p.dtype);
  for (i64 c = globalThread; c < columns; c += globalThreads) {
    i64 o = c / p.row;
    i64 k = c % p.row;
    i64 first = o * p.n * p.row + k;
    if (p.sums != 0UL) {
      for (i64 r = 0; r < p.n; r++) {
        floatAt(p.sums, first + r * p.row) = loadFloat(p.result, first + r * p.row, p.dtype);
      }
    }
    for (i64 i = 0; i < p.count; i++) {
      i64 at = loadInt(p.index, i, p.indexDtype);
      if (at >= p.n) {
        report(p.fault, INDEX_PAST_END, at, p.n);
        continue;
      }
      if (at < 0) continue;
      i64 to = first + at * p.row;
      i64 from = (o * p.count + i) * p.row + k;
      if (!floats) {
        i64 sum = loadInt(p.result, to, p.dtype) + loadInt(p.x, from, p.dtype);
        storeInt(p.result, to, p.dtype, wrapTo(p.dtype, sum));
      } else if (p.sums != 0UL) {
        floatAt(p.sums, to) += loadFloat(p.x, from, p.dtype);
      } else {
        floatAt(p.result, to) += floatAt(p.x, from);
      }
    }
    if (p.sums != 0UL) {
      for (i64 r = 0; r < p.n; r++) {
        storeFloat(p.result, first + r * p.row, p.dtype, floatAt(p.sums, first + r * p.row));
      }
    }
  }
}
#endif

#ifdef KERNEL_fill
PARAMS(FillParams) {
  u64 to;
  u64 pattern;
  i64 n;
  int width;
};

KERNEL(FillParams, 256) {
  for (i64 i = globalThread; i < p.n; i += globalThreads) {
    switch (p.width) {
      case 1: byteAt(p.to, i) = u8(p.pattern); break;
      case 2: halfAt(p.to, i) = u16(p.pattern); break;
      case 4: wordAt(p.to, i) = u32(p.pattern); break;
      default: longAt(p.to, i) = i64(p.pattern); break;
    }
  }
}
#endif

#ifdef KERNEL_scatter_pairs
PARAMS(PairsParams) {
  u64 x;
  u64 src;
  u64 dst;
  u64 result;
  i64 n;
  i64 count;
  i64 row;
  u64 fault;
  int width;
};

// Row i of x to slot dst[i]; a pair with a negative member is dropped.
KERNEL(PairsParams, 256) {
  for (i64 i = globalThread; i < p.count * p.row; i += globalThreads) {
    i64 pair = i / p.row;
    int slot = intAt(p.dst, pair);
    if (intAt(p.src, pair) < 0 || slot < 0) continue;
    i64 at = i64(slot);
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
    } else {
      moveElement(p.result, at * p.row + i % p.row, p.x, i, p.width);
    }
  }
}
#endif
