// Projections: out = x w^T + bias, w plain or in blocks, for one row and for many.
#include "lamina.cuh"
#include "blocks.cuh"

struct LinearParams {
  const void* x;
  const void* weight;
  const void* bias;
  void* out;
  const BlockFormat* format;
  i64 m;
  i64 n;
  i64 k;
  int xDtype;
  int weightDtype;
  int biasDtype;
  int outDtype;
};

DEVICE float weightAt(const LinearParams& p, i64 i) {
  return p.format != nullptr ? blockElement(*p.format, p.weight, i)
                             : loadFloat(p.weight, i, p.weightDtype);
}

DEVICE void finish(const LinearParams& p, i64 m, i64 n, float sum) {
  if (p.bias != nullptr) sum += loadFloat(p.bias, n, p.biasDtype);
  storeFloat(p.out, m * p.n + n, p.outDtype, sum);
}

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
DEVICE float dot8(uint4 w, const float4& a, const float4& b, float sum) {
  sum = dotWord<W>(w.x, a.x, a.y, sum);
  sum = dotWord<W>(w.y, a.z, a.w, sum);
  sum = dotWord<W>(w.z, b.x, b.y, sum);
  return dotWord<W>(w.w, b.z, b.w, sum);
}

// WARPS warps make COLUMNS results for each of ROWS rows of x; SPLIT of them share a column's row of w
// and take turns on it, IN_FLIGHT loads of a row at a time, so that few columns still keep the whole
// memory busy. x is F32, k a multiple of 8, all aligned to 16 bytes.
template <typename W, int ROWS, int COLUMNS, int IN_FLIGHT, int WARPS, int SPLIT>
DEVICE void gemv(const LinearParams& p) {
  __shared__ float part[WARPS][COLUMNS * ROWS];
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  i64 n0 = ((i64)blockIdx.x * (WARPS / SPLIT) + warp / SPLIT) * COLUMNS;
  const float4* x = (const float4*)p.x;
  int units = n0 < p.n ? (int)(p.k / 8) : 0;
  int stride = (int)(p.k / 4);
  const uint4* w[COLUMNS];
  float sum[COLUMNS][ROWS];
#pragma unroll
  for (int c = 0; c < COLUMNS; c++) {
    // Past the last column the last one is read again, and not written.
    i64 n = n0 + c < p.n ? n0 + c : p.n - 1;
    w[c] = (const uint4*)((const u16*)p.weight + n * p.k);
#pragma unroll
    for (int r = 0; r < ROWS; r++) sum[c][r] = 0;
  }
  int i = lane + warp % SPLIT * (IN_FLIGHT * WARP);
  for (; i + (IN_FLIGHT - 1) * WARP < units; i += SPLIT * IN_FLIGHT * WARP) {
    uint4 v[COLUMNS][IN_FLIGHT];
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
#pragma unroll
      for (int u = 0; u < IN_FLIGHT; u++) v[c][u] = stream16(w[c] + i + u * WARP);
#pragma unroll
    for (int u = 0; u < IN_FLIGHT; u++) {
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        const float4* at = x + (i64)r * stride + 2 * (i + u * WARP);
        float4 a = at[0];
        float4 b = at[1];
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) sum[c][r] = dot8<W>(v[c][u], a, b, sum[c][r]);
      }
    }
  }
  // What is left of the last turn.
#pragma unroll
  for (int u = 0; u < IN_FLIGHT - 1; u++) {
    int at = i + u * WARP;
    if (at >= units) break;
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      uint4 v = stream16(w[c] + at);
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        const float4* xs = x + (i64)r * stride + 2 * at;
        sum[c][r] = dot8<W>(v, xs[0], xs[1], sum[c][r]);
      }
    }
  }
#pragma unroll
  for (int c = 0; c < COLUMNS; c++) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      float all = warpSum(sum[c][r]);
      if (lane == 0) part[warp][c * ROWS + r] = all;
    }
  }
  __syncthreads();
  if (warp % SPLIT == 0 && lane < COLUMNS * ROWS) {
    float all = 0;
    for (int s = 0; s < SPLIT; s++) all += part[warp + s][lane];
    i64 n = n0 + lane / ROWS;
    if (n < p.n) finish(p, lane % ROWS, n, all);
  }
}

// Long rows are shared by all warps of a block, short ones by two.
#define GEMV(dtype, W, ROWS, LONG_IN_FLIGHT)                                          \
  KERNEL(gemv_##dtype##_##ROWS, LinearParams, 256) { gemv<W, ROWS, 4, LONG_IN_FLIGHT, 8, 8>(p); } \
  KERNEL(gemv_##dtype##_##ROWS##_short, LinearParams, 128) { gemv<W, ROWS, 1, 2, 4, 2>(p); }

GEMV(bf16, AsBf16, 1, 2)
GEMV(bf16, AsBf16, 2, 2)
GEMV(bf16, AsBf16, 4, 1)
GEMV(bf16, AsBf16, 8, 1)
GEMV(f16, AsF16, 1, 2)
GEMV(f16, AsF16, 2, 2)
GEMV(f16, AsF16, 4, 1)
GEMV(f16, AsF16, 8, 1)

// A warp an element of the result, anything at any alignment.
KERNEL(linear_any, LinearParams, 128) {
  int lane = threadIdx.x & 31;
  i64 o = (i64)blockIdx.x * 4 + (threadIdx.x >> 5);
  if (o >= p.m * p.n) return;
  i64 m = o / p.n;
  i64 n = o % p.n;
  float sum = 0;
  for (i64 k = lane; k < p.k; k += WARP) {
    sum = fmaf(weightAt(p, n * p.k + k), loadFloat(p.x, m * p.k + k, p.xDtype), sum);
  }
  sum = warpSum(sum);
  if (lane == 0) finish(p, m, n, sum);
}

#define TM 64
#define TN 64
#define TK 16

// Blocks of 64 x 64 results, each thread 4 x 4 of them, in F32.
KERNEL(linear_tile, LinearParams, 256) {
  __shared__ float xs[TK][TM + 4];
  __shared__ float ws[TK][TN + 4];
  i64 m0 = (i64)blockIdx.y * TM;
  i64 n0 = (i64)blockIdx.x * TN;
  int tx = threadIdx.x % 16;
  int ty = threadIdx.x / 16;
  float sum[4][4];
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) sum[i][j] = 0;
  for (i64 k0 = 0; k0 < p.k; k0 += TK) {
    for (int i = threadIdx.x; i < TM * TK; i += 256) {
      int k = i % TK;
      int r = i / TK;
      bool inK = k0 + k < p.k;
      xs[k][r] = inK && m0 + r < p.m ? loadFloat(p.x, (m0 + r) * p.k + k0 + k, p.xDtype) : 0;
      ws[k][r] = inK && n0 + r < p.n ? weightAt(p, (n0 + r) * p.k + k0 + k) : 0;
    }
    __syncthreads();
    // Past the end of k there are zeros on both sides.
#pragma unroll
    for (int k = 0; k < TK; k++) {
      float a[4];
      float b[4];
#pragma unroll
      for (int i = 0; i < 4; i++) a[i] = xs[k][ty * 4 + i];
#pragma unroll
      for (int j = 0; j < 4; j++) b[j] = ws[k][tx * 4 + j];
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sum[i][j] = fmaf(a[i], b[j], sum[i][j]);
    }
    __syncthreads();
  }
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 4; j++) {
      i64 m = m0 + ty * 4 + i;
      i64 n = n0 + tx * 4 + j;
      if (m < p.m && n < p.n) finish(p, m, n, sum[i][j]);
    }
  }
}

struct ExpertParams {
  const void* x;
  const void* weight;
  const int* ids;
  const void* bias;
  void* out;
  const BlockFormat* format;
  i64 tokens;
  i64 experts;
  i64 n;
  i64 k;
  int choices;
  int ownRows;  // whether each choice has a row of x
  int xDtype;
  int weightDtype;
  int biasDtype;
  int outDtype;
};

// A warp an element of the result: the row of one expert for one choice of one token.
KERNEL(moe_linear_any, ExpertParams, 128) {
  int lane = threadIdx.x & 31;
  i64 n = (i64)blockIdx.x * 4 + (threadIdx.x >> 5);
  if (n >= p.n) return;
  i64 choice = (i64)blockIdx.z * 65535 + blockIdx.y;
  if (choice >= p.tokens * p.choices) return;
  i64 expert = p.ids[choice];
  i64 to = choice * p.n + n;
  if (expert < 0 || expert >= p.experts) {
    if (lane == 0) storeFloat(p.out, to, p.outDtype, 0.0f);
    return;
  }
  i64 row = p.ownRows ? choice : choice / p.choices;
  i64 w = (expert * p.n + n) * p.k;
  float sum = 0;
  for (i64 k = lane; k < p.k; k += WARP) {
    float v = p.format != nullptr ? blockElement(*p.format, p.weight, w + k)
                                  : loadFloat(p.weight, w + k, p.weightDtype);
    sum = fmaf(v, loadFloat(p.x, row * p.k + k, p.xDtype), sum);
  }
  sum = warpSum(sum);
  if (lane == 0) {
    if (p.bias != nullptr) sum += loadFloat(p.bias, expert * p.n + n, p.biasDtype);
    storeFloat(p.out, to, p.outDtype, sum);
  }
}
