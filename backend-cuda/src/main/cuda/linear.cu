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

// Part of a lane of a row of weights times one of x, both of which begin at a multiple of 16 bytes.
DEVICE float wideDot(const ExpertParams& p, i64 w, i64 x, int lane) {
  float sum = 0;
#pragma unroll 2
  for (i64 k = lane * 8; k < p.k; k += WARP * 8) {
    float a[8];
    float b[8];
    loadEight(p.weight, w + k, p.weightDtype, a);
    loadEight(p.x, x + k, p.xDtype, b);
#pragma unroll
    for (int e = 0; e < 8; e++) sum = fmaf(a[e], b[e], sum);
  }
  return sum;
}

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
  bool isWide = p.format == nullptr && p.k % 8 == 0 && (((size_t)p.weight | (size_t)p.x) & 15) == 0;
  float sum = 0;
  if (isWide) {
    sum = wideDot(p, w, row * p.k, lane);
  } else {
    for (i64 k = lane; k < p.k; k += WARP) {
      float v = p.format != nullptr ? blockElement(*p.format, p.weight, w + k)
                                    : loadFloat(p.weight, w + k, p.weightDtype);
      sum = fmaf(v, loadFloat(p.x, row * p.k + k, p.xDtype), sum);
    }
  }
  sum = warpSum(sum);
  if (lane == 0) {
    if (p.bias != nullptr) sum += loadFloat(p.bias, expert * p.n + n, p.biasDtype);
    storeFloat(p.out, to, p.outDtype, sum);
  }
}
