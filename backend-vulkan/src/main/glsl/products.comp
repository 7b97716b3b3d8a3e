// Projections by weights of 16 bits that are read once: what a step of decode spends its time on.
#extension GL_KHR_shader_subgroup_arithmetic : require
#ifdef KERNEL_tile_bf16
#pragma use_vulkan_memory_model
#endif
#include "lamina.glsl"

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

#if defined(KERNEL_rows_1)
#define M 1
#define N 2
#elif defined(KERNEL_rows_2)
#define M 2
#define N 2
#elif defined(KERNEL_rows_4)
#define M 4
#define N 2
#elif defined(KERNEL_rows_8)
#define M 8
#define N 1
#endif

#ifdef M
// Eight weights of 16 bits.
void unpack(uvec4 pairs, bool isBf16, out float w[8]) {
  [[unroll]] for (int i = 0; i < 4; i++) {
    w[2 * i] = isBf16 ? uintBitsToFloat(pairs[i] << 16) : fromF16(pairs[i] & 0xFFFFu);
    w[2 * i + 1] = isBf16 ? uintBitsToFloat(pairs[i] & 0xFFFF0000u) : fromF16(pairs[i] >> 16);
  }
}

// A subgroup N rows of weights, for up to M rows of x. k is a multiple of 8, and rows of x and of
// weights begin at multiples of 16 bytes.
KERNEL(LinearParams, 256) {
  i64 n0 = (i64(blockX) * gl_NumSubgroups + gl_SubgroupID) * N;
  if (n0 >= p.n) return;
  bool isBf16 = p.weightDtype == BF16;
  int eights = int(p.k / 8);
  float sum[N][M];
  [[unroll]] for (int r = 0; r < N; r++) {
    [[unroll]] for (int m = 0; m < M; m++) sum[r][m] = 0.0;
  }
  u64 rows[N];
  [[unroll]] for (int r = 0; r < N; r++) {
    // Where there is no such row the last one is read again.
    i64 n = min(n0 + r, p.n - 1);
    rows[r] = p.weight + 2 * u64(n * p.k);
  }
  const int AHEAD = 4;
  int step = int(gl_SubgroupSize);
  int i = int(gl_SubgroupInvocationID);
  for (; i + (AHEAD - 1) * step < eights; i += AHEAD * step) {
    uvec4 w[AHEAD][N];
    [[unroll]] for (int a = 0; a < AHEAD; a++) {
      [[unroll]] for (int r = 0; r < N; r++) w[a][r] = quadAt(rows[r], i + a * step);
    }
    [[unroll]] for (int a = 0; a < AHEAD; a++) {
      float weights[N][8];
      [[unroll]] for (int r = 0; r < N; r++) unpack(w[a][r], isBf16, weights[r]);
      [[unroll]] for (int m = 0; m < M; m++) {
        float x[8];
        loadEight(p.x, min(i64(m), p.m - 1) * p.k + 8 * (i + a * step), p.xDtype, x);
        [[unroll]] for (int r = 0; r < N; r++) {
          [[unroll]] for (int e = 0; e < 8; e++) sum[r][m] = fma(weights[r][e], x[e], sum[r][m]);
        }
      }
    }
  }
  for (; i < eights; i += step) {
    float weights[N][8];
    [[unroll]] for (int r = 0; r < N; r++) unpack(quadAt(rows[r], i), isBf16, weights[r]);
    [[unroll]] for (int m = 0; m < M; m++) {
      float x[8];
      loadEight(p.x, min(i64(m), p.m - 1) * p.k + 8 * i, p.xDtype, x);
      [[unroll]] for (int r = 0; r < N; r++) {
        [[unroll]] for (int e = 0; e < 8; e++) sum[r][m] = fma(weights[r][e], x[e], sum[r][m]);
      }
    }
  }
  [[unroll]] for (int r = 0; r < N; r++) {
    [[unroll]] for (int m = 0; m < M; m++) {
      float all = subgroupAdd(sum[r][m]);
      i64 n = n0 + r;
      if (gl_SubgroupInvocationID == 0u && m < p.m && n < p.n) {
        if (p.bias != 0UL) all += loadFloat(p.bias, n, p.biasDtype);
        storeFloat(p.result, m * p.n + n, p.resultDtype, all);
      }
    }
  }
}
#endif

#ifdef KERNEL_tile_bf16
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
void fetch(LinearParams p, i64 m0, i64 n0, i64 k0, out uvec4 x[2], out uvec4 w[2]) {
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

KERNEL(LinearParams, 256) {
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
