// Projections: result = x w^T + bias, w plain or in blocks, for one row and for many.
#if defined(KERNEL_linear_any) || defined(KERNEL_moe_linear_any)
#define REDUCE 128
#endif
#include "lamina.glsl"
#include "blocks.glsl"

float weightAt(u64 format, u64 weight, int dtype, i64 i) {
  return format != 0UL ? blockElement(format, weight, i) : loadFloat(weight, i, dtype);
}

PARAMS(LinearParams) {
  u64 x;
  u64 weight;
  u64 bias;
  u64 result;
  u64 format;
  i64 m;
  i64 n;
  i64 k;
  int xDtype;
  int weightDtype;
  int biasDtype;
  int resultDtype;
};

void finish(LinearParams p, i64 m, i64 n, float sum) {
  if (p.bias != 0UL) sum += loadFloat(p.bias, n, p.biasDtype);
  storeFloat(p.result, m * p.n + n, p.resultDtype, sum);
}

#ifdef KERNEL_linear_any
// 32 threads an element of the result, anything at any alignment.
KERNEL(LinearParams, 128) {
  i64 o = i64(blockX) * 4 + warp;
  bool inside = o < p.m * p.n;
  i64 m = o / p.n;
  i64 n = o % p.n;
  float sum = 0.0;
  for (i64 k = lane; inside && k < p.k; k += WARP) {
    float w = weightAt(p.format, p.weight, p.weightDtype, n * p.k + k);
    sum = fma(w, loadFloat(p.x, m * p.k + k, p.xDtype), sum);
  }
  sum = warpSum(sum);
  if (inside && lane == 0) finish(p, m, n, sum);
}
#endif

#ifdef KERNEL_linear_tile
const int TM = 64, TN = 64, TK = 16;

shared float xs[TK][TM + 4];
shared float ws[TK][TN + 4];

// Blocks of 64 x 64 results, each thread 4 x 4 of them, in F32.
KERNEL(LinearParams, 256) {
  i64 m0 = i64(blockY) * TM;
  i64 n0 = i64(blockX) * TN;
  int tx = threadIdx % 16;
  int ty = threadIdx / 16;
  float sum[4][4];
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 4; j++) sum[i][j] = 0.0;
  }
  for (i64 k0 = 0; k0 < p.k; k0 += TK) {
    [[unroll]] for (int part = 0; part < 4; part++) {
      int i = threadIdx + 256 * part;
      int k = i % TK;
      int r = i / TK;
      bool inK = k0 + k < p.k;
      xs[k][r] = inK && m0 + r < p.m ? loadFloat(p.x, (m0 + r) * p.k + k0 + k, p.xDtype) : 0.0;
      ws[k][r] = inK && n0 + r < p.n
                     ? weightAt(p.format, p.weight, p.weightDtype, (n0 + r) * p.k + k0 + k)
                     : 0.0;
    }
    barrier();
    // Past the end of k there are zeros on both sides.
    [[unroll]] for (int k = 0; k < TK; k++) {
      float a[4];
      float b[4];
      [[unroll]] for (int i = 0; i < 4; i++) a[i] = xs[k][ty * 4 + i];
      [[unroll]] for (int j = 0; j < 4; j++) b[j] = ws[k][tx * 4 + j];
      [[unroll]] for (int i = 0; i < 4; i++) {
        [[unroll]] for (int j = 0; j < 4; j++) sum[i][j] = fma(a[i], b[j], sum[i][j]);
      }
    }
    barrier();
  }
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 4; j++) {
      i64 m = m0 + ty * 4 + i;
      i64 n = n0 + tx * 4 + j;
      if (m < p.m && n < p.n) finish(p, m, n, sum[i][j]);
    }
  }
}
#endif

#ifdef KERNEL_moe_linear_any
PARAMS(ExpertParams) {
  u64 x;
  u64 weight;
  u64 ids;
  u64 bias;
  u64 result;
  u64 format;
  i64 tokens;
  i64 experts;
  i64 n;
  i64 k;
  int choices;
  int ownRows;  // whether each choice has a row of x
  int xDtype;
  int weightDtype;
  int biasDtype;
  int resultDtype;
};

// 32 threads an element of the result: the row of one expert for one choice of one token.
KERNEL(ExpertParams, 128) {
  i64 n = i64(blockX) * 4 + warp;
  i64 choice = i64(blockZ) * 65535 + blockY;
  bool inside = n < p.n && choice < p.tokens * p.choices;
  int expert = inside ? intAt(p.ids, choice) : -1;
  bool chosen = expert >= 0 && i64(expert) < p.experts;
  i64 row = p.ownRows != 0 ? choice : choice / p.choices;
  i64 w = (i64(expert) * p.n + n) * p.k;
  bool isWide = p.format == 0UL && p.k % 8 == 0 && ((p.weight | p.x) & 15UL) == 0UL;
  float sum = 0.0;
  if (isWide) {
    for (i64 k = lane * 8; chosen && k < p.k; k += WARP * 8) {
      float a[8];
      float b[8];
      loadEight(p.weight, w + k, p.weightDtype, a);
      loadEight(p.x, row * p.k + k, p.xDtype, b);
      [[unroll]] for (int e = 0; e < 8; e++) sum = fma(a[e], b[e], sum);
    }
  } else {
    for (i64 k = lane; chosen && k < p.k; k += WARP) {
      float v = weightAt(p.format, p.weight, p.weightDtype, w + k);
      sum = fma(v, loadFloat(p.x, row * p.k + k, p.xDtype), sum);
    }
  }
  sum = warpSum(sum);
  if (inside && lane == 0) {
    if (chosen && p.bias != 0UL) sum += loadFloat(p.bias, i64(expert) * p.n + n, p.biasDtype);
    storeFloat(p.result, choice * p.n + n, p.resultDtype, sum);
  }
}
#endif
