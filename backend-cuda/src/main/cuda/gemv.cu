// Projections of a few rows, with what comes before and after them: out = act(norm(x) w^T + bias)
// + residual. Weights of BF16 and F16, read once at full width.
#include "lamina.cuh"
#include "gate.cuh"

#define MAX_PARTS 3
#define GEMV_WARPS 8

// Projections of the same x, a part each; or a gate and what it gates, which give one result.
struct GemvParams {
  const float* x;
  const void* norm;      // factors of an RMS norm of x, or null
  const void* residual;  // added to the only part, or null
  const void* weights[MAX_PARTS];
  const void* biases[MAX_PARTS];
  void* outs[MAX_PARTS];
  i64 n[MAX_PARTS];
  i64 k;
  int firstBlock[MAX_PARTS];
  int biasDtype[MAX_PARTS];
  int outDtype[MAX_PARTS];
  int parts;
  int split;  // warps that share a row of w: 1, 2, 4 or 8
  int normDtype;
  int plusOne;
  float eps;
  int gated;
  int gate;
  int residualDtype;
  int computed;  // whether a kernel wrote the weights, which then must be waited for
  int normed;    // which a kernel knows by its name
};

// Sixteen bytes of a weight that nobody reads again soon.
DEVICE uint4 stream16(const uint4* at) {
#if defined(__CUDA_ARCH__)
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at));
  return v;
#else
  return *at;
#endif
}

template <typename W>
DEVICE float dotWord(u32 w, float x0, float x1, float sum) {
  sum = fmaf(W::get((u16)(w & 0xFFFF)), x0, sum);
  return fmaf(W::get((u16)(w >> 16)), x1, sum);
}

template <typename W>
DEVICE float dot8(const uint4& w, const float (&x)[8], float sum) {
  sum = dotWord<W>(w.x, x[0], x[1], sum);
  sum = dotWord<W>(w.y, x[2], x[3], sum);
  sum = dotWord<W>(w.z, x[4], x[5], sum);
  return dotWord<W>(w.w, x[6], x[7], sum);
}

// The eight factors of a norm from a unit on: 1 if it has none.
template <typename W>
DEVICE void normFactors(const GemvParams& p, int unit, float (&to)[8]) {
  if (p.norm == nullptr) {
#pragma unroll
    for (int e = 0; e < 8; e++) to[e] = 1;
    return;
  }
  if (p.normDtype == F32) {
    loadEight(p.norm, (i64)unit * 8, F32, to);
  } else {
    uint4 w = ((const uint4*)p.norm)[unit];
    u32 words[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
    for (int e = 0; e < 8; e++) to[e] = W::get((u16)(words[e / 2] >> e % 2 * 16));
  }
  if (p.plusOne) {
#pragma unroll
    for (int e = 0; e < 8; e++) to[e] += 1;
  }
}

// A group of `split` warps makes COLUMNS results for each of ROWS rows of x; its warps take turns on
// the rows of w, IN_FLIGHT loads of a row at a time, so that few columns still keep the whole memory
// busy. The first turn's weights are on their way before the kernel ahead has ended, unless a kernel
// wrote them. The norm's scale is one number a row, so it multiplies the sums. k is a
// multiple of 8, and all begins at multiples of 16 bytes.
template <typename W, int ROWS, int COLUMNS, int IN_FLIGHT, bool NORMED>
DEVICE void gemv(const GemvParams& p) {
  __shared__ float part[GEMV_WARPS][(COLUMNS + 1) * ROWS];
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int turn = warp & (p.split - 1);
  int group = warp / p.split;
  int groups = GEMV_WARPS / p.split;
  int which = 0;
  while (which + 1 < p.parts && (int)blockIdx.x >= p.firstBlock[which + 1]) which++;
  // A gate's columns come first, then as many of what it gates.
  int own = p.gated ? COLUMNS / 2 : COLUMNS;
  i64 n0 = ((i64)((int)blockIdx.x - p.firstBlock[which]) * groups + group) * own;
  i64 n = p.n[which];
  int units = (int)(p.k / 8);
  int last = (int)(n - 1 - n0 < own - 1 ? n - 1 - n0 : own - 1);
  const uint4* gates = (const uint4*)((const u16*)p.weights[which] + n0 * p.k);
  const uint4* gated = (const uint4*)((const u16*)p.weights[p.gated ? 1 : which] + n0 * p.k);
  // A lane's unit of column c; past the last column the last one is read again, and not written.
  auto unit = [&](int c, int at) {
    bool second = p.gated && c >= COLUMNS / 2;
    int column = second ? c - COLUMNS / 2 : c;
    return stream16((second ? gated : gates) + (i64)(column < last ? column : last) * units + at);
  };
  float sum[COLUMNS][ROWS];
#pragma unroll
  for (int c = 0; c < COLUMNS; c++)
#pragma unroll
    for (int r = 0; r < ROWS; r++) sum[c][r] = 0;
  float squares[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; r++) squares[r] = 0;

  if (p.computed) waitForPrevious();
  uint4 v[COLUMNS][IN_FLIGHT];
  int first = lane + turn * (IN_FLIGHT * WARP);
#pragma unroll
  for (int u = 0; u < IN_FLIGHT; u++)
    if (first + u * WARP < units) {
#pragma unroll
      for (int c = 0; c < COLUMNS; c++) v[c][u] = unit(c, first + u * WARP);
    }
  waitForPrevious();

  // What this thread writes in the end: row r of column c.
  int r0 = lane % ROWS;
  int c0 = lane / ROWS;
  i64 column = n0 + (p.gated ? c0 % own : c0);
  bool writes = turn == 0 && lane < own * ROWS && column < n;
  bool adds = turn == 0 && lane < COLUMNS * ROWS && column < n;
  int matrix = p.gated ? (c0 < own ? 0 : 1) : which;
  float extra = 0;
  if (adds) {
    if (p.biases[matrix] != nullptr) extra = loadFloat(p.biases[matrix], column, p.biasDtype[matrix]);
    if (p.residual != nullptr) extra += loadFloat(p.residual, r0 * n + column, p.residualDtype);
  }

  for (int i = first;;) {
#pragma unroll
    for (int u = 0; u < IN_FLIGHT; u++) {
      int at = i + u * WARP;
      if (at < units) {
        float factors[8];
        if (NORMED) normFactors<W>(p, at, factors);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          float x[8];
          loadEight(p.x, (i64)r * p.k + (i64)at * 8, F32, x);
          if (NORMED) {
#pragma unroll
            for (int e = 0; e < 8; e++) {
              squares[r] = fmaf(x[e], x[e], squares[r]);
              x[e] *= factors[e];
            }
          }
#pragma unroll
          for (int c = 0; c < COLUMNS; c++) sum[c][r] = dot8<W>(v[c][u], x, sum[c][r]);
        }
      }
    }
    i += p.split * (IN_FLIGHT * WARP);
    if (i - lane >= units) break;
#pragma unroll
    for (int u = 0; u < IN_FLIGHT; u++)
      if (i + u * WARP < units) {
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) v[c][u] = unit(c, i + u * WARP);
      }
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      float all = warpSum(sum[c][r]);
      if (lane == 0) part[warp][c * ROWS + r] = all;
    }
    if (NORMED) {
      float all = warpSum(squares[r]);
      if (lane == 0) part[warp][COLUMNS * ROWS + r] = all;
    }
  }
  __syncthreads();
  if (turn != 0) return;
  float all = 0;
  if (lane < COLUMNS * ROWS) {
    float square = 0;
    for (int s = 0; s < p.split; s++) {
      all += part[warp + s][lane];
      if (NORMED) square += part[warp + s][COLUMNS * ROWS + r0];
    }
    if (NORMED) all *= 1.0f / sqrtf(square / (float)p.k + p.eps);
    all += extra;
  }
  if (p.gated) all = gateOf(p.gate, all) * __shfl_down_sync(FULL, all, own * ROWS);
  if (writes) storeFloat(p.outs[matrix], r0 * n + column, p.outDtype[matrix], all);
}

#define GEMV(dtype, W, ROWS, form, COLUMNS, IN_FLIGHT, BLOCKS)                 \
  EAGER_KERNEL(gemv_##dtype##_##ROWS##_##form, GemvParams, 256, BLOCKS) {     \
    gemv<W, ROWS, COLUMNS, IN_FLIGHT, false>(p);                              \
  }                                                                           \
  EAGER_KERNEL(gemv_##dtype##_##ROWS##_##form##_normed, GemvParams, 256, BLOCKS) { \
    gemv<W, ROWS, COLUMNS, IN_FLIGHT, true>(p);                               \
  }

// Four columns a warp, the same with twice the loads on their way where rows are short, and two where
// there are few columns.
#define GEMVS(dtype, W)           \
  GEMV(dtype, W, 1, four, 4, 1, 4) \
  GEMV(dtype, W, 1, deep, 4, 2, 3) \
  GEMV(dtype, W, 1, two, 2, 2, 4)  \
  GEMV(dtype, W, 2, four, 4, 1, 3) \
  GEMV(dtype, W, 2, two, 2, 1, 3)  \
  GEMV(dtype, W, 4, four, 4, 1, 2) \
  GEMV(dtype, W, 4, two, 2, 1, 2)  \
  GEMV(dtype, W, 8, four, 4, 1, 2) \
  GEMV(dtype, W, 8, two, 2, 1, 2)

GEMVS(bf16, AsBf16)
GEMVS(f16, AsF16)
