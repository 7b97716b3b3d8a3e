// Kernels that only move elements: copies between strides, index ramps, boxes, gather and scatter.
#include "lamina.cuh"

DEVICE void moveElement(void* to, i64 t, const void* from, i64 f, int width) {
  switch (width) {
    case 1: ((u8*)to)[t] = ((const u8*)from)[f]; break;
    case 2: ((u16*)to)[t] = ((const u16*)from)[f]; break;
    case 4: ((u32*)to)[t] = ((const u32*)from)[f]; break;
    case 8: ((u64*)to)[t] = ((const u64*)from)[f]; break;
    default: ((uint4*)to)[t] = ((const uint4*)from)[f]; break;
  }
}

struct CopyParams {
  Tensor src;
  Tensor dst;
  i64 n;
  int width;
};

// Sizes are dst's; both sides have any strides.
KERNEL(copy_strided, CopyParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    Tensor src = p.src;
    i64 rest = i;
    i64 from = 0;
    i64 to = 0;
    for (int axis = p.dst.rank - 1; axis >= 0; axis--) {
      i64 size = p.dst.size[axis];
      i64 index = rest % size;
      rest /= size;
      from += index * src.stride[axis];
      to += index * p.dst.stride[axis];
    }
    moveElement(p.dst.data, to, p.src.data, from, p.width);
  }
}

struct IotaParams {
  void* out;
  i64 n;
  i64 inner;
  i64 size;
  int dtype;
};

KERNEL(iota, IotaParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    i64 index = i / p.inner % p.size;
    if (isFloat(p.dtype)) {
      storeFloat(p.out, i, p.dtype, (float)index);
    } else {
      storeInt(p.out, i, p.dtype, index);
    }
  }
}

#define MAX_STARTS 8

// The small tensor's box lies in the large one at starts that only the device knows.
struct BoxParams {
  Tensor large;
  Tensor small;
  i64 n;
  const void* start[MAX_STARTS];
  i64 step[MAX_STARTS];
  Fault* fault;
  int axis[MAX_STARTS];
  int startDtype[MAX_STARTS];
  int starts;
  int write;
  int width;
};

KERNEL(box, BoxParams, 256) {
  i64 base = 0;
  i64 scale[MAX_RANK];
  for (int axis = 0; axis < MAX_RANK; axis++) scale[axis] = 1;
  for (int k = 0; k < p.starts; k++) {
    int axis = p.axis[k];
    i64 start = loadInt(p.start[k], 0, p.startDtype[k]);
    i64 size = p.small.size[axis];
    i64 end = start + (size - 1) * p.step[k];
    if (size > 0 && (start < 0 || end >= p.large.size[axis])) {
      if (globalThread() == 0) report(p.fault, BOX_OUTSIDE, start < 0 ? start : end, p.large.size[axis]);
      return;
    }
    base += start * p.large.stride[axis];
    scale[axis] = p.step[k];
  }
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
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
    if (p.write) {
      moveElement(p.large.data, at, p.small.data, near, p.width);
    } else {
      moveElement(p.small.data, near, p.large.data, at, p.width);
    }
  }
}

// x is [outer, n, row], idx [count], out [outer, count, row]; row counts units of `width` bytes.
struct RowsParams {
  const void* x;
  const void* index;
  void* out;
  i64 outer;
  i64 n;
  i64 count;
  i64 row;
  Fault* fault;
  int indexDtype;
  int width;
};

DEVICE void zeroElement(void* to, i64 t, int width) {
  switch (width) {
    case 1: ((u8*)to)[t] = 0; break;
    case 2: ((u16*)to)[t] = 0; break;
    case 4: ((u32*)to)[t] = 0; break;
    case 8: ((u64*)to)[t] = 0; break;
    default: ((uint4*)to)[t] = make_uint4(0, 0, 0, 0); break;
  }
}

KERNEL(gather_rows, RowsParams, 256) {
  i64 total = p.outer * p.count * p.row;
  for (i64 i = globalThread(); i < total; i += globalThreads()) {
    i64 column = i % p.row;
    i64 rows = i / p.row;
    i64 o = rows / p.count;
    i64 at = loadInt(p.index, rows % p.count, p.indexDtype);
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
      continue;
    }
    if (at < 0) {
      zeroElement(p.out, i, p.width);
    } else {
      moveElement(p.out, i, p.x, (o * p.n + at) * p.row + column, p.width);
    }
  }
}

// The reverse: x is the update [outer, count, row], out the target [outer, n, row].
KERNEL(scatter_rows, RowsParams, 256) {
  i64 total = p.outer * p.count * p.row;
  for (i64 i = globalThread(); i < total; i += globalThreads()) {
    i64 column = i % p.row;
    i64 rows = i / p.row;
    i64 o = rows / p.count;
    i64 at = loadInt(p.index, rows % p.count, p.indexDtype);
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
    } else if (at >= 0) {
      moveElement(p.out, (o * p.n + at) * p.row + column, p.x, i, p.width);
    }
  }
}

struct DistinctParams {
  const void* index;
  int* seen;
  i64 n;
  i64 count;
  Fault* fault;
  int indexDtype;
};

// Reports an index that occurs twice; `seen` is n zeros.
KERNEL(check_distinct, DistinctParams, 256) {
  for (i64 i = globalThread(); i < p.count; i += globalThreads()) {
    i64 at = loadInt(p.index, i, p.indexDtype);
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
    } else if (at >= 0 && atomicExch(&p.seen[at], 1) != 0) {
      report(p.fault, DUPLICATE_INDEX, at, p.n);
    }
  }
}

struct AddParams {
  const void* x;
  const void* index;
  void* out;
  float* sums;
  i64 outer;
  i64 n;
  i64 count;
  i64 row;
  Fault* fault;
  int indexDtype;
  int dtype;
};

// A thread a column, which adds in the order of the indices: the same bits every time. Floats
// narrower than F32 are added in `sums` and rounded once at the end.
KERNEL(scatter_add, AddParams, 128) {
  i64 columns = p.outer * p.row;
  bool floats = isFloat(p.dtype);
  for (i64 c = globalThread(); c < columns; c += globalThreads()) {
    i64 o = c / p.row;
    i64 k = c % p.row;
    i64 first = o * p.n * p.row + k;
    if (p.sums != nullptr) {
      for (i64 r = 0; r < p.n; r++) {
        p.sums[first + r * p.row] = loadFloat(p.out, first + r * p.row, p.dtype);
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
        i64 sum = loadInt(p.out, to, p.dtype) + loadInt(p.x, from, p.dtype);
        storeInt(p.out, to, p.dtype, wrapTo(p.dtype, sum));
      } else if (p.sums != nullptr) {
        p.sums[to] += loadFloat(p.x, from, p.dtype);
      } else {
        ((float*)p.out)[to] += ((const float*)p.x)[from];
      }
    }
    if (p.sums != nullptr) {
      for (i64 r = 0; r < p.n; r++) {
        storeFloat(p.out, first + r * p.row, p.dtype, p.sums[first + r * p.row]);
      }
    }
  }
}

struct FillParams {
  void* to;
  u64 pattern;
  i64 n;
  int width;
};

KERNEL(fill, FillParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    switch (p.width) {
      case 2: ((u16*)p.to)[i] = (u16)p.pattern; break;
      case 4: ((u32*)p.to)[i] = (u32)p.pattern; break;
      default: ((u64*)p.to)[i] = p.pattern; break;
    }
  }
}

struct PairsParams {
  const void* x;
  const int* src;
  const int* dst;
  void* out;
  i64 n;
  i64 count;
  i64 row;
  Fault* fault;
  int width;
};

// Row i of x to slot dst[i]; a pair with a negative member is dropped.
KERNEL(scatter_pairs, PairsParams, 256) {
  for (i64 i = globalThread(); i < p.count * p.row; i += globalThreads()) {
    i64 pair = i / p.row;
    i64 at = p.dst[pair];
    if (p.src[pair] < 0 || at < 0) continue;
    if (at >= p.n) {
      report(p.fault, INDEX_PAST_END, at, p.n);
    } else {
      moveElement(p.out, at * p.row + i % p.row, p.x, i, p.width);
    }
  }
}
