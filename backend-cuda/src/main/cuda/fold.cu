// Folds of axes, running folds along one, and matrix products of any dtypes.
#include "lamina.cuh"

enum Fold { SUM, MAXIMUM, MINIMUM };

// The kept axes make the result's order; the folded ones are walked in row-major order.
struct FoldParams {
  const void* x;
  void* out;
  i64 n;
  i64 folded;
  i64 keptSize[MAX_RANK];
  i64 keptStride[MAX_RANK];
  i64 foldSize[MAX_RANK];
  i64 foldStride[MAX_RANK];
  int keptRank;
  int foldRank;
  int kind;
  int dtype;
};

DEVICE i64 walk(i64 i, const i64* size, const i64* stride, int rank) {
  i64 at = 0;
  for (int axis = rank - 1; axis >= 0; axis--) {
    at += i % size[axis] * stride[axis];
    i /= size[axis];
  }
  return at;
}

DEVICE float foldFloat(int kind, float a, float b) {
  return kind == SUM ? a + b : kind == MAXIMUM ? maxNan(a, b) : minNan(a, b);
}

DEVICE i64 foldInt(int kind, i64 a, i64 b) {
  return kind == SUM ? (i64)((u64)a + (u64)b) : kind == MAXIMUM ? (a > b ? a : b) : (a < b ? a : b);
}

DEVICE float firstFloat(int kind) {
  return kind == SUM ? 0.0f : kind == MAXIMUM ? -infinity() : infinity();
}

// The least or largest value of a type.
DEVICE i64 firstInt(int kind, int dtype) {
  if (kind == SUM) return 0;
  bool low = kind == MAXIMUM;
  switch (dtype) {
    case I64: return low ? (i64)(1ull << 63) : (i64)~(1ull << 63);
    case I32: return low ? -2147483648ll : 2147483647ll;
    case I16: return low ? -32768 : 32767;
    case I8: return low ? -128 : 127;
    case U32: return low ? 0 : 4294967295ll;
    case U16: return low ? 0 : 65535;
    case U8: return low ? 0 : 255;
    default: return low ? 0 : 1;
  }
}

#define FOLD_THREADS 128

// A block a result.
KERNEL(fold_block, FoldParams, FOLD_THREADS) {
  __shared__ float floats[FOLD_THREADS];
  __shared__ i64 ints[FOLD_THREADS];
  bool isF = isFloat(p.dtype);
  for (i64 o = blockIdx.x; o < p.n; o += gridDim.x) {
    i64 base = walk(o, p.keptSize, p.keptStride, p.keptRank);
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 i = threadIdx.x; i < p.folded; i += FOLD_THREADS) {
      i64 at = base + walk(i, p.foldSize, p.foldStride, p.foldRank);
      if (isF) {
        f = foldFloat(p.kind, f, loadFloat(p.x, at, p.dtype));
      } else {
        v = foldInt(p.kind, v, loadInt(p.x, at, p.dtype));
      }
    }
    floats[threadIdx.x] = f;
    ints[threadIdx.x] = v;
    __syncthreads();
    for (int d = FOLD_THREADS / 2; d > 0; d >>= 1) {
      if ((int)threadIdx.x < d) {
        floats[threadIdx.x] = foldFloat(p.kind, floats[threadIdx.x], floats[threadIdx.x + d]);
        ints[threadIdx.x] = foldInt(p.kind, ints[threadIdx.x], ints[threadIdx.x + d]);
      }
      __syncthreads();
    }
    if (threadIdx.x == 0) {
      if (isF) {
        storeFloat(p.out, o, p.dtype, floats[0]);
      } else {
        storeInt(p.out, o, p.dtype, wrapTo(p.dtype, ints[0]));
      }
    }
    __syncthreads();
  }
}

// A thread a result.
KERNEL(fold_thread, FoldParams, 128) {
  bool isF = isFloat(p.dtype);
  for (i64 o = globalThread(); o < p.n; o += globalThreads()) {
    i64 base = walk(o, p.keptSize, p.keptStride, p.keptRank);
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 i = 0; i < p.folded; i++) {
      i64 at = base + walk(i, p.foldSize, p.foldStride, p.foldRank);
      if (isF) {
        f = foldFloat(p.kind, f, loadFloat(p.x, at, p.dtype));
      } else {
        v = foldInt(p.kind, v, loadInt(p.x, at, p.dtype));
      }
    }
    if (isF) {
      storeFloat(p.out, o, p.dtype, f);
    } else {
      storeInt(p.out, o, p.dtype, wrapTo(p.dtype, v));
    }
  }
}

// x is [outer, length, inner].
struct ScanParams {
  const void* x;
  void* out;
  i64 outer;
  i64 length;
  i64 inner;
  int kind;
  int exclusive;
  int dtype;
};

#define SCAN_THREADS 128

// A block a line; the threads take SCAN_THREADS elements at a time and hand the fold on.
KERNEL(scan, ScanParams, SCAN_THREADS) {
  __shared__ float floats[SCAN_THREADS];
  __shared__ i64 ints[SCAN_THREADS];
  bool isF = isFloat(p.dtype);
  int t = threadIdx.x;
  for (i64 line = blockIdx.x; line < p.outer * p.inner; line += gridDim.x) {
    i64 base = line / p.inner * p.length * p.inner + line % p.inner;
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 start = 0; start < p.length; start += SCAN_THREADS) {
      i64 i = start + t;
      bool in = i < p.length;
      floats[t] = in && isF ? loadFloat(p.x, base + i * p.inner, p.dtype) : firstFloat(p.kind);
      ints[t] = in && !isF ? loadInt(p.x, base + i * p.inner, p.dtype) : firstInt(p.kind, p.dtype);
      __syncthreads();
      for (int d = 1; d < SCAN_THREADS; d <<= 1) {
        float g = t >= d ? foldFloat(p.kind, floats[t - d], floats[t]) : floats[t];
        i64 w = t >= d ? foldInt(p.kind, ints[t - d], ints[t]) : ints[t];
        __syncthreads();
        floats[t] = g;
        ints[t] = w;
        __syncthreads();
      }
      if (in) {
        bool own = !p.exclusive;
        if (isF) {
          float x = own ? foldFloat(p.kind, f, floats[t])
                        : t == 0 ? f : foldFloat(p.kind, f, floats[t - 1]);
          storeFloat(p.out, base + i * p.inner, p.dtype, x);
        } else {
          i64 x = own ? foldInt(p.kind, v, ints[t]) : t == 0 ? v : foldInt(p.kind, v, ints[t - 1]);
          storeInt(p.out, base + i * p.inner, p.dtype, wrapTo(p.dtype, x));
        }
      }
      f = foldFloat(p.kind, f, floats[SCAN_THREADS - 1]);
      v = foldInt(p.kind, v, ints[SCAN_THREADS - 1]);
      __syncthreads();
    }
  }
}

struct MatmulParams {
  const void* a;
  const void* b;
  void* out;
  i64 m;
  i64 n;
  i64 k;
  int aDtype;
  int bDtype;
  int outDtype;
  int transposed;
};

#define TILE 32

// A block of 256 threads a tile of 32 x 32; the batch is the grid's third axis.
KERNEL(matmul, MatmulParams, 256) {
  __shared__ float as[TILE][TILE + 1];
  __shared__ float bs[TILE][TILE + 1];
  int column = threadIdx.x % TILE;
  int row = threadIdx.x / TILE;
  i64 m0 = (i64)blockIdx.y * TILE;
  i64 n0 = (i64)blockIdx.x * TILE;
  i64 batch = blockIdx.z;
  i64 aAt = batch * p.m * p.k;
  i64 bAt = batch * p.n * p.k;
  float sum[4] = {0, 0, 0, 0};
  for (i64 k0 = 0; k0 < p.k; k0 += TILE) {
    for (int i = row; i < TILE; i += 8) {
      i64 k = k0 + column;
      as[i][column] = m0 + i < p.m && k < p.k ? loadFloat(p.a, aAt + (m0 + i) * p.k + k, p.aDtype) : 0;
      if (p.transposed) {
        bs[i][column] =
            n0 + i < p.n && k < p.k ? loadFloat(p.b, bAt + (n0 + i) * p.k + k, p.bDtype) : 0;
      } else {
        bs[column][i] = k0 + i < p.k && n0 + column < p.n
                            ? loadFloat(p.b, bAt + (k0 + i) * p.n + n0 + column, p.bDtype)
                            : 0;
      }
    }
    __syncthreads();
    i64 left = p.k - k0;
    int steps = left < TILE ? (int)left : TILE;
    for (int k = 0; k < steps; k++) {
      float b = bs[column][k];
#pragma unroll
      for (int r = 0; r < 4; r++) sum[r] = fmaf(as[row + 8 * r][k], b, sum[r]);
    }
    __syncthreads();
  }
  for (int r = 0; r < 4; r++) {
    i64 m = m0 + row + 8 * r;
    i64 n = n0 + column;
    if (m < p.m && n < p.n) storeFloat(p.out, (batch * p.m + m) * p.n + n, p.outDtype, sum[r]);
  }
}

// x is [outer, length, inner]; k largest of each line, or with `values` null the index of the largest.
struct PickParams {
  const void* x;
  void* values;
  int* indices;
  i64 outer;
  i64 length;
  i64 inner;
  i64 k;
  int dtype;
};

#define PICK_THREADS 256

// Whether a comes before b: larger first, then the lower index (R6).
DEVICE bool before(bool floats, float fa, i64 va, i64 ia, float fb, i64 vb, i64 ib) {
  if (floats) return fa > fb || (fa == fb && ia < ib);
  return va > vb || (va == vb && ia < ib);
}

// A block a line; each pick is the best of what comes after the pick before.
KERNEL(pick, PickParams, PICK_THREADS) {
  __shared__ float floats[PICK_THREADS];
  __shared__ i64 ints[PICK_THREADS];
  __shared__ i64 at[PICK_THREADS];
  bool isF = isFloat(p.dtype);
  int t = threadIdx.x;
  for (i64 line = blockIdx.x; line < p.outer * p.inner; line += gridDim.x) {
    i64 o = line / p.inner;
    i64 in = line % p.inner;
    i64 base = o * p.length * p.inner + in;
    float lastF = infinity();
    i64 lastV = 0;
    i64 lastI = -1;
    for (i64 pick = 0; pick < p.k; pick++) {
      float bestF = 0;
      i64 bestV = 0;
      i64 bestI = -1;
      for (i64 i = t; i < p.length; i += PICK_THREADS) {
        float f = 0;
        i64 v = 0;
        if (isF) {
          f = loadFloat(p.x, base + i * p.inner, p.dtype);
          if (isNan(f)) f = -infinity();
        } else {
          v = loadInt(p.x, base + i * p.inner, p.dtype);
        }
        if (pick > 0 && !before(isF, lastF, lastV, lastI, f, v, i)) continue;
        if (bestI < 0 || before(isF, f, v, i, bestF, bestV, bestI)) {
          bestF = f;
          bestV = v;
          bestI = i;
        }
      }
      floats[t] = bestF;
      ints[t] = bestV;
      at[t] = bestI;
      __syncthreads();
      for (int d = PICK_THREADS / 2; d > 0; d >>= 1) {
        if (t < d && at[t + d] >= 0 &&
            (at[t] < 0 || before(isF, floats[t + d], ints[t + d], at[t + d], floats[t], ints[t], at[t]))) {
          floats[t] = floats[t + d];
          ints[t] = ints[t + d];
          at[t] = at[t + d];
        }
        __syncthreads();
      }
      lastF = floats[0];
      lastV = ints[0];
      lastI = at[0];
      __syncthreads();
      if (t == 0) {
        i64 to = (o * p.k + pick) * p.inner + in;
        p.indices[to] = (int)(lastI < 0 ? 0 : lastI);
        if (p.values != nullptr) {
          i64 from = base + lastI * p.inner;
          switch (widthOf(p.dtype)) {
            case 1: ((u8*)p.values)[to] = ((const u8*)p.x)[from]; break;
            case 2: ((u16*)p.values)[to] = ((const u16*)p.x)[from]; break;
            case 4: ((u32*)p.values)[to] = ((const u32*)p.x)[from]; break;
            default: ((u64*)p.values)[to] = ((const u64*)p.x)[from]; break;
          }
        }
      }
    }
  }
}

struct ArgmaxParams {
  const float* x;  // [rows, length]
  int* indices;
  i64 length;
  int quads;  // whether rows begin at multiples of 16 bytes
};

#define ARGMAX_THREADS 512

// A float's order and, among equals, the lower index, as one number; NaN counts as -infinity (R6).
DEVICE u64 orderOf(float x, u32 index) {
  u32 bits = (u32)__float_as_int(x + 0.0f);  // -0 is 0
  bits ^= bits >> 31 ? 0xFFFFFFFFu : 0x80000000u;
  return (u64)bits << 32 | (0xFFFFFFFFu - index);
}

DEVICE void keepLarger(float x, u32 index, float* best, u32* at) {
  if (x > *best) {
    *best = x;
    *at = index;
  }
}

// The index of each row's largest element: a block a row.
KERNEL(argmax_rows, ArgmaxParams, ARGMAX_THREADS) {
  __shared__ u64 room[ARGMAX_THREADS / WARP];
  const float* x = p.x + (i64)blockIdx.x * p.length;
  float best = -infinity();
  u32 at = 0;
  u32 quads = p.quads ? (u32)(p.length / 4) : 0;
#pragma unroll 4
  for (u32 i = threadIdx.x; i < quads; i += ARGMAX_THREADS) {
    float4 v = ((const float4*)x)[i];
    keepLarger(v.x, 4 * i, &best, &at);
    keepLarger(v.y, 4 * i + 1, &best, &at);
    keepLarger(v.z, 4 * i + 2, &best, &at);
    keepLarger(v.w, 4 * i + 3, &best, &at);
  }
  for (u32 i = 4 * quads + threadIdx.x; i < p.length; i += ARGMAX_THREADS) {
    keepLarger(x[i], i, &best, &at);
  }
  u64 order = orderOf(best, at);
#pragma unroll
  for (int d = WARP / 2; d > 0; d >>= 1) {
    u64 other = __shfl_xor_sync(FULL, order, d);
    if (other > order) order = other;
  }
  if (threadIdx.x % WARP == 0) room[threadIdx.x / WARP] = order;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < ARGMAX_THREADS / WARP; w++) order = room[w] > order ? room[w] : order;
  p.indices[blockIdx.x] = (int)(0xFFFFFFFFu - (u32)order);
}
