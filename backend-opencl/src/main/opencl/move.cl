// Kernels that only move elements: copies between strides, index ramps, boxes, gather and scatter.
#include "lamina.clh"

void moveElement(global u8* to, i64 t, global const u8* from, i64 f, int width) {
  switch (width) {
    case 1: to[t] = from[f]; break;
    case 2: ((global u16*)to)[t] = ((global const u16*)from)[f]; break;
    case 4: ((global u32*)to)[t] = ((global const u32*)from)[f]; break;
    case 8: ((global u64*)to)[t] = ((global const u64*)from)[f]; break;
    default: ((global uint4*)to)[t] = ((global const uint4*)from)[f]; break;
  }
}

void zeroElement(global u8* to, i64 t, int width) {
  switch (width) {
    case 1: to[t] = 0; break;
    case 2: ((global u16*)to)[t] = 0; break;
    case 4: ((global u32*)to)[t] = 0; break;
    case 8: ((global u64*)to)[t] = 0; break;
    default: ((global uint4*)to)[t] = (uint4)(0); break;
  }
}

struct CopyParams {
  struct Tensor src;
  struct Tensor dst;
  i64 n;
  int width;
};

// Sizes are dst's; both sides have any strides.
KERNEL copy_strided(const struct CopyParams p, global u8* b_src, global u8* b_dst) {
  EACH(i, p.n) {
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
    moveElement(b_dst + p.dst.data, to, b_src + p.src.data, from, p.width);
  }
}

struct IotaParams {
  u64 out;
  i64 n;
  i64 inner;
  i64 size;
  int dtype;
};

KERNEL iota(const struct IotaParams p, global u8* b_out) {
  EACH(i, p.n) {
    i64 index = i / p.inner % p.size;
    if (isFloat(p.dtype)) {
      storeFloat(AT(u8, out), i, p.dtype, (float)index);
    } else {
      storeInt(AT(u8, out), i, p.dtype, index);
    }
  }
}

#define MAX_STARTS 8

// The small tensor's box lies in the large one at starts that only the device knows.
struct BoxParams {
  struct Tensor large;
  struct Tensor small;
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

KERNEL box(
    const struct BoxParams p, global u8* b_large, global u8* b_small, global u8* b_start0,
    global u8* b_start1, global u8* b_start2, global u8* b_start3, global u8* b_start4,
    global u8* b_start5, global u8* b_start6, global u8* b_start7, global u8* b_fault) {
  global u8* starts[MAX_STARTS] = {b_start0, b_start1, b_start2, b_start3,
                                   b_start4, b_start5, b_start6, b_start7};
  i64 base = 0;
  i64 scale[MAX_RANK];
  for (int axis = 0; axis < MAX_RANK; axis++) scale[axis] = 1;
  for (int k = 0; k < p.starts; k++) {
    int axis = p.axis[k];
    i64 start = loadInt(starts[k] + p.start[k], 0, p.startDtype[k]);
    i64 size = p.small.size[axis];
    i64 end = start + (size - 1) * p.step[k];
    if (size > 0 && (start < 0 || end >= p.large.size[axis])) {
      if (get_global_id(0) == 0) {
        report(AT(struct Fault, fault), BOX_OUTSIDE, start < 0 ? start : end, p.large.size[axis]);
      }
      return;
    }
    base += start * p.large.stride[axis];
    scale[axis] = p.step[k];
  }
  global u8* large = b_large + p.large.data;
  global u8* small = b_small + p.small.data;
  EACH(i, p.n) {
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
      moveElement(large, at, small, near, p.width);
    } else {
      moveElement(small, near, large, at, p.width);
    }
  }
}

// x is [outer, n, row], idx [count], out [outer, count, row]; row counts units of `width` bytes.
struct RowsParams {
  u64 x;
  u64 index;
  u64 out;
  i64 outer;
  i64 n;
  i64 count;
  i64 row;
  u64 fault;
  int indexDtype;
  int width;
};

KERNEL gather_rows(
    const struct RowsParams p, global u8* b_x, global u8* b_index, global u8* b_out,
    global u8* b_fault) {
  EACH(i, p.outer * p.count * p.row) {
    i64 column = i % p.row;
    i64 rows = i / p.row;
    i64 o = rows / p.count;
    i64 at = loadInt(AT(u8, index), rows % p.count, p.indexDtype);
    if (at >= p.n) {
      report(AT(struct Fault, fault), INDEX_PAST_END, at, p.n);
      continue;
    }
    if (at < 0) {
      zeroElement(AT(u8, out), i, p.width);
    } else {
      moveElement(AT(u8, out), i, AT(u8, x), (o * p.n + at) * p.row + column, p.width);
    }
  }
}

// The reverse: x is the update [outer, count, row], out the target [outer, n, row].
KERNEL scatter_rows(
    const struct RowsParams p, global u8* b_x, global u8* b_index, global u8* b_out,
    global u8* b_fault) {
  EACH(i, p.outer * p.count * p.row) {
    i64 column = i % p.row;
    i64 rows = i / p.row;
    i64 o = rows / p.count;
    i64 at = loadInt(AT(u8, index), rows % p.count, p.indexDtype);
    if (at >= p.n) {
      report(AT(struct Fault, fault), INDEX_PAST_END, at, p.n);
    } else if (at >= 0) {
      moveElement(AT(u8, out), (o * p.n + at) * p.row + column, AT(u8, x), i, p.width);
    }
  }
}

struct DistinctParams {
  u64 index;
  u64 seen;
  i64 n;
  i64 count;
  u64 fault;
  int indexDtype;
};

// Reports an index that occurs twice; `seen` is n zeros.
KERNEL check_distinct(
    const struct DistinctParams p, global u8* b_index, global u8* b_seen, global u8* b_fault) {
  EACH(i, p.count) {
    i64 at = loadInt(AT(u8, index), i, p.indexDtype);
    if (at >= p.n) {
      report(AT(struct Fault, fault), INDEX_PAST_END, at, p.n);
    } else if (at >= 0 && atomic_xchg(AT(int, seen) + at, 1) != 0) {
      report(AT(struct Fault, fault), DUPLICATE_INDEX, at, p.n);
    }
  }
}

struct AddParams {
  u64 x;
  u64 index;
  u64 out;
  u64 sums;
  i64 outer;
  i64 n;
  i64 count;
  i64 row;
  u64 fault;
  int indexDtype;
  int dtype;
};

// A work-item a column, which adds in the order of the indices: the same bits every time. Floats
// narrower than F32 are added in `sums` and rounded once at the end.
KERNEL scatter_add(
    const struct AddParams p, global u8* b_x, global u8* b_index, global u8* b_out,
    global u8* b_sums, global u8* b_fault) {
  global const u8* x = AT(const u8, x);
  global u8* out = AT(u8, out);
  global float* sums = AT(float, sums);
  bool floats = isFloat(p.dtype);
  EACH(c, p.outer * p.row) {
    i64 o = c / p.row;
    i64 k = c % p.row;
    i64 first = o * p.n * p.row + k;
    for (i64 r = 0; r < p.n && sums != 0; r++) {
      sums[first + r * p.row] = loadFloat(out, first + r * p.row, p.dtype);
    }
    for (i64 i = 0; i < p.count; i++) {
      i64 at = loadInt(AT(u8, index), i, p.indexDtype);
      if (at >= p.n) {
        report(AT(struct Fault, fault), INDEX_PAST_END, at, p.n);
        continue;
      }
      if (at < 0) continue;
      i64 to = first + at * p.row;
      i64 from = (o * p.count + i) * p.row + k;
      if (!floats) {
        i64 sum = loadInt(out, to, p.dtype) + loadInt(x, from, p.dtype);
        storeInt(out, to, p.dtype, wrapTo(p.dtype, sum));
      } else if (sums != 0) {
        sums[to] += loadFloat(x, from, p.dtype);
      } else {
        ((global float*)out)[to] += ((global const float*)x)[from];
      }
    }
    for (i64 r = 0; r < p.n && sums != 0; r++) {
      storeFloat(out, first + r * p.row, p.dtype, sums[first + r * p.row]);
    }
  }
}

struct PairsParams {
  u64 x;
  u64 src;
  u64 dst;
  u64 out;
  i64 n;
  i64 count;
  i64 row;
  u64 fault;
  int width;
};

// Row i of x to slot dst[i]; a pair with a negative member is dropped.
KERNEL scatter_pairs(
    const struct PairsParams p, global u8* b_x, global u8* b_src, global u8* b_dst,
    global u8* b_out, global u8* b_fault) {
  EACH(i, p.count * p.row) {
    i64 pair = i / p.row;
    i64 at = AT(int, dst)[pair];
    if (AT(int, src)[pair] < 0 || at < 0) continue;
    if (at >= p.n) {
      report(AT(struct Fault, fault), INDEX_PAST_END, at, p.n);
    } else {
      moveElement(AT(u8, out), at * p.row + i % p.row, AT(u8, x), i, p.width);
    }
  }
}
