// Projections by weights of 16 bits: those of few rows, which read each weight once and are what a
// step of decode spends its time on, and those of many rows by cooperative matrices.
#if defined(KERNEL_tile_bf16)
#pragma use_vulkan_memory_model
#elif !defined(KERNEL_round_rows)
#define REDUCE 256
#endif
#include "lamina.glsl"
#include "math.glsl"

#if defined(KERNEL_group_bf16_1) || defined(KERNEL_group_f16_1)
#define ROWS 1
#elif defined(KERNEL_group_bf16_2) || defined(KERNEL_group_f16_2)
#define ROWS 2
#elif defined(KERNEL_group_bf16_4) || defined(KERNEL_group_f16_4)
#define ROWS 4
#elif defined(KERNEL_group_bf16_8) || defined(KERNEL_group_f16_8)
#define ROWS 8
#endif

#ifdef ROWS
const int MAX_PARTS = 3;

// Projections of the same x, a part each; or a gate and what it gates, which give one result.
PARAMS(GroupParams) {
  u64 x;
  u64 norm;      // factors of an RMS norm of x, or 0
  u64 residual;  // added to the only part, or 0
  u64 weights[MAX_PARTS];
  u64 biases[MAX_PARTS];
  u64 outs[MAX_PARTS];
  i64 n[MAX_PARTS];
  i64 k;
  int firstBlock[MAX_PARTS];
  int biasDtype[MAX_PARTS];
  int outDtype[MAX_PARTS];
  int parts;
  int split;  // warps of 32 threads that share a row of w: 1, 2, 4 or 8
  int normDtype;
  int plusOne;
  float eps;
  int gated;
  int gate;
  int residualDtype;
  int computed;
  int normed;
};

#if defined(KERNEL_group_bf16_1) || defined(KERNEL_group_bf16_2) || defined(KERNEL_group_bf16_4) || defined(KERNEL_group_bf16_8)
float lowOf(u32 pair) { return uintBitsToFloat(pair << 16); }
float highOf(u32 pair) { return uintBitsToFloat(pair & 0xFFFF0000u); }
#else
float lowOf(u32 pair) { return fromF16(pair & 0xFFFFu); }
float highOf(u32 pair) { return fromF16(pair >> 16); }
#endif

// Rows of w that a group of warps multiplies at once; loads of each that a thread has on their way.
const int COLUMNS = 4, IN_FLIGHT = ROWS == 1 ? 2 : 1;
const int WARPS = 8, RESULTS = COLUMNS * ROWS;

shared float part[WARPS][RESULTS + ROWS];

// A group of `split` warps makes COLUMNS results for each of ROWS rows of x. The norm's scale is one
// number a row, so it multiplies the sums. k is a multiple of 8, and all begins at multiples of 16
// bytes.
KERNEL(GroupParams, 256) {
  int turn = warp & (p.split - 1);
  int group = warp / p.split;
  int which = 0;
  while (which + 1 < p.parts && blockX >= p.firstBlock[which + 1]) which++;
  // A gate's columns come first, then as many of what it gates.
  bool gated = p.gated != 0;
  int own = gated ? COLUMNS / 2 : COLUMNS;
  i64 n0 = (i64(blockX - p.firstBlock[which]) * (WARPS / p.split) + group) * own;
  i64 n = p.n[which];
  int units = int(p.k / 8);
  // Past the last column the last one is read again, and not written.
  u64 rows[COLUMNS];
  [[unroll]] for (int c = 0; c < COLUMNS; c++) {
    bool second = gated && c >= COLUMNS / 2;
    i64 column = min(n0 + (second ? c - COLUMNS / 2 : c), n - 1);
    rows[c] = p.weights[second ? 1 : which] + 2 * u64(column * p.k);
  }
  float sum[COLUMNS][ROWS];
  float squares[ROWS];
  [[unroll]] for (int r = 0; r < ROWS; r++) {
    squares[r] = 0.0;
    [[unroll]] for (int c = 0; c < COLUMNS; c++) sum[c][r] = 0.0;
  }
  u64 x = p.x;
  u64 factors = p.norm;
  bool normed = p.normed != 0;
  int normDtype = p.normDtype;
  float one = p.plusOne != 0 ? 1.0 : 0.0;
  int stride = p.split * IN_FLIGHT * WARP;
  for (int i = turn * IN_FLIGHT * WARP + lane; i - lane < units; i += stride) {
    uvec4 w[IN_FLIGHT][COLUMNS];
    [[unroll]] for (int u = 0; u < IN_FLIGHT; u++) {
      // Past the end of k the last unit is read again, times nothing.
      int at = min(i + u * WARP, units - 1);
      [[unroll]] for (int c = 0; c < COLUMNS; c++) w[u][c] = quadAt(rows[c], at);
    }
    [[unroll]] for (int u = 0; u < IN_FLIGHT; u++) {
      int at = i + u * WARP;
      bool inside = at < units;
      at = min(at, units - 1);
      float factor[8];
      if (factors != 0UL) {
        loadEight(factors, 8 * i64(at), normDtype, factor);
        [[unroll]] for (int e = 0; e < 8; e++) factor[e] += one;
      }
      [[unroll]] for (int r = 0; r < ROWS; r++) {
        float v[8];
        loadEight(x, r * p.k + 8 * i64(at), F32, v);
        [[unroll]] for (int e = 0; e < 8; e++) v[e] = inside ? v[e] : 0.0;
        if (normed) {
          [[unroll]] for (int e = 0; e < 8; e++) squares[r] = fma(v[e], v[e], squares[r]);
        }
        if (factors != 0UL) {
          [[unroll]] for (int e = 0; e < 8; e++) v[e] *= factor[e];
        }
        [[unroll]] for (int c = 0; c < COLUMNS; c++) {
          [[unroll]] for (int e = 0; e < 4; e++) {
            sum[c][r] = fma(lowOf(w[u][c][e]), v[2 * e], sum[c][r]);
            sum[c][r] = fma(highOf(w[u][c][e]), v[2 * e + 1], sum[c][r]);
          }
        }
      }
    }
  }
  [[unroll]] for (int r = 0; r < ROWS; r++) {
    [[unroll]] for (int c = 0; c < COLUMNS; c++) {
      float all = warpSum(sum[c][r]);
      if (lane == 0) part[warp][c * ROWS + r] = all;
    }
    float all = warpSum(squares[r]);
    if (lane == 0) part[warp][RESULTS + r] = all;
  }
  barrier();
  // What this thread adds up: row r of column c, behind `own` columns of what is gated.
  int r = lane % ROWS;
  int c = lane / ROWS;
  int matrix = gated && c >= own ? 1 : which;
  i64 column = n0 + (gated ? c % own : c);
  bool adds = turn == 0 && c < COLUMNS && column < n;
  float all = 0.0;
  if (adds) {
    float square = 0.0;
    for (int s = 0; s < p.split; s++) {
      all += part[warp + s][lane];
      square += part[warp + s][RESULTS + r];
    }
    if (normed) all *= 1.0 / sqrt(square / float(p.k) + p.eps);
    if (p.biases[matrix] != 0UL) all += loadFloat(p.biases[matrix], column, p.biasDtype[matrix]);
    if (p.residual != 0UL) all += loadFloat(p.residual, r * n + column, p.residualDtype);
  }
  if (gated) {
    barrier();
    if (adds) part[warp][lane] = all;
    barrier();
    if (adds && c < own) all = gateOf(p.gate, all) * part[warp][lane + own * ROWS];
  }
  if (adds && c < own) storeFloat(p.outs[matrix], r * n + column, p.outDtype[matrix], all);
}
#endif

#ifdef KERNEL_round_rows
PARAMS(RoundParams) {
  u64 x;
  u64 result;
  i64 units;
  int dtype;
};

// To BF16, eight elements a thread.
KERNEL(RoundParams, 256) {
  for (i64 i = globalThread; i < p.units; i += globalThreads) {
    float x[8];
    loadEight(p.x, 8 * i, p.dtype, x);
    storeEight(p.result, 8 * i, BF16, x);
  }
}
#endif

#ifdef KERNEL_tile_bf16
PARAMS(TileParams) {
  u64 x;
  u64 weight;
  u64 bias;
  u64 result;
  i64 m;
  i64 n;
  i64 k;
  int biasDtype;
  int resultDtype;
};

// A workgroup of 8 subgroups of 32 lanes a tile of 128 x 128 results by cooperative matrices
// (GL_KHR_cooperative_matrix); operands pass through shared memory, 32 columns of k at a time, the
// next ones on their way while these are multiplied. k is a multiple of 32.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_bfloat16 : require

const int TM = 128, TN = 128, TK = 32;
// Rows of shared memory, in quads of 16 bytes: one more than there are, against bank conflicts.
const int ROW = TK / 8 + 1;

shared uvec4 xs[2][TM * ROW];
shared uvec4 ws[2][TN * ROW];
shared float staged[8][16 * 20];

// Quads of a tile that a thread brings: row threadIdx / 4 and 64 further, quad threadIdx % 4.
void fetch(TileParams p, i64 m0, i64 n0, i64 k0, out uvec4 x[2], out uvec4 w[2]) {
  int row = threadIdx / 4;
  int quad = threadIdx % 4;
  [[unroll]] for (int i = 0; i < 2; i++) {
    i64 m = m0 + row + 64 * i;
    i64 n = n0 + row + 64 * i;
    x[i] = m < p.m ? quadAt(p.x, (m * p.k + k0) / 8 + quad) : uvec4(0);
    w[i] = n < p.n ? quadAt(p.weight, (n * p.k + k0) / 8 + quad) : uvec4(0);
  }
}

void keep(int turn, uvec4 x[2], uvec4 w[2]) {
  int row = threadIdx / 4;
  int quad = threadIdx % 4;
  [[unroll]] for (int i = 0; i < 2; i++) {
    xs[turn][(row + 64 * i) * ROW + quad] = x[i];
    ws[turn][(row + 64 * i) * ROW + quad] = w[i];
  }
}

KERNEL(TileParams, 256) {
  i64 m0 = i64(blockY) * TM;
  i64 n0 = i64(blockX) * TN;
  // Of the tile, 64 x 32 are a subgroup's.
  int mAt = int(gl_SubgroupID) / 4 * 64;
  int nAt = int(gl_SubgroupID) % 4 * 32;
  coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator> sum[4][2];
  [[unroll]] for (int i = 0; i < 4; i++) {
    [[unroll]] for (int j = 0; j < 2; j++) {
      sum[i][j] = coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>(0.0);
    }
  }
  uvec4 x[2];
  uvec4 w[2];
  fetch(p, m0, n0, 0L, x, w);
  keep(0, x, w);
  barrier();
  int turn = 0;
  for (i64 k0 = 0; k0 < p.k; k0 += TK) {
    bool more = k0 + TK < p.k;
    if (more) fetch(p, m0, n0, k0 + TK, x, w);
    [[unroll]] for (int k = 0; k < TK / 16; k++) {
      coopmat<bfloat16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA> a[4];
      coopmat<bfloat16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseB> b[2];
      [[unroll]] for (int i = 0; i < 4; i++) {
        coopMatLoad(a[i], xs[turn], uint((mAt + 16 * i) * ROW + 2 * k), uint(ROW),
                    gl_CooperativeMatrixLayoutRowMajor);
      }
      [[unroll]] for (int j = 0; j < 2; j++) {
        coopMatLoad(b[j], ws[turn], uint((nAt + 16 * j) * ROW + 2 * k), uint(ROW),
                    gl_CooperativeMatrixLayoutColumnMajor);
      }
      [[unroll]] for (int i = 0; i < 4; i++) {
        [[unroll]] for (int j = 0; j < 2; j++) sum[i][j] = coopMatMulAdd(a[i], b[j], sum[i][j]);
      }
    }
    if (more) keep(1 - turn, x, w);
    barrier();
    turn = 1 - turn;
  }
  int self = int(gl_SubgroupID);
  [[unroll]] for (int i = 0; i < 4; i++) {
    [[unroll]] for (int j = 0; j < 2; j++) {
      coopMatStore(sum[i][j], staged[self], 0u, 20u, gl_CooperativeMatrixLayoutRowMajor);
      subgroupBarrier();
      for (int e = int(gl_SubgroupInvocationID); e < 256; e += int(gl_SubgroupSize)) {
        i64 m = m0 + mAt + 16 * i + e / 16;
        i64 n = n0 + nAt + 16 * j + e % 16;
        if (m < p.m && n < p.n) {
          float y = staged[self][e / 16 * 20 + e % 16];
          if (p.bias != 0UL) y += loadFloat(p.bias, n, p.biasDtype);
          storeFloat(p.result, m * p.n + n, p.resultDtype, y);
        }
      }
      subgroupBarrier();
    }
  }
}
#endif
