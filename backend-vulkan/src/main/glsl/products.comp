// Projections by weights of 16 bits: those of few rows, which read each weight once and are what a
// step of decode spends its time on, and those of many rows by cooperative matrices.
#define PUSHES
#if defined(KERNEL_tile_bf16)
#pragma use_vulkan_memory_model
#elif !defined(KERNEL_round_rows) && !defined(KERNEL_settle_tiles)
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

// Rows of w that a group of warps multiplies at once.
const int COLUMNS = ROWS == 1 ? 8 : 4;
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
  int stride = p.split * WARP;
  for (int i = turn * WARP + lane; i - lane < units; i += stride) {
    // Past the end of k the last unit is read again, times nothing.
    bool inside = i < units;
    int at = min(i, units - 1);
    uvec4 w[COLUMNS];
    [[unroll]] for (int c = 0; c < COLUMNS; c++) w[c] = quadAt(rows[c], at);
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
          sum[c][r] = fma(lowOf(w[c][e]), v[2 * e], sum[c][r]);
          sum[c][r] = fma(highOf(w[c][e]), v[2 * e + 1], sum[c][r]);
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
  bool second = gated && c >= own;
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
    // What was pushed may be indexed by what all lanes have alike alone.
    u64 firstBias = p.biases[which];
    u64 secondBias = p.biases[1];
    int firstDtype = p.biasDtype[which];
    int secondDtype = p.biasDtype[1];
    u64 bias = second ? secondBias : firstBias;
    if (bias != 0UL) all += loadFloat(bias, column, second ? secondDtype : firstDtype);
    if (p.residual != 0UL) all += loadFloat(p.residual, r * n + column, p.residualDtype);
  }
  if (gated) {
    barrier();
    if (adds) part[warp][lane] = all;
    barrier();
    if (adds && c < own) all = gateOf(p.gate, all) * part[warp][lane + own * ROWS];
  }
  if (adds && c < own) storeFloat(p.outs[which], r * n + column, p.outDtype[which], all);
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
  u64 result;
  u64 spill;  // of F32, rows of `spillWidth` from `spillFrom` on, both multiples of TILE
  i64 m;
  i64 n;
  i64 k;
  i64 spillFrom;
  i64 spillWidth;
};

// A workgroup of 4 subgroups of 32 lanes a tile of 128 x 128 results by cooperative matrices
// (GL_KHR_cooperative_matrix), each 64 x 64 of them; operands pass through shared memory, 32 columns
// of k at a time, the next ones on their way while these are multiplied. k is a multiple of 32.
// Matrices are written whole, as anything else between them and memory costs more than all products
// do: where a tile is not whole, or results are not plain F32, they go to `spill`.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_bfloat16 : require

const int TILE = 128, TILE_K = 32, SIDE = 16, PARTS = 4;
const int QUADS = TILE_K / 8, ROWS_AT_ONCE = 128 / QUADS, TURNS = TILE / ROWS_AT_ONCE;
// Rows of shared memory, in quads of 16 bytes: one more than there are, against bank conflicts.
const int ROW = QUADS + 1;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Results { float v[]; };

#define SUM coopmat<float, gl_ScopeSubgroup, SIDE, SIDE, gl_MatrixUseAccumulator>

shared uvec4 xs[2 * TILE * ROW];
shared uvec4 ws[2 * TILE * ROW];

// What a thread brings: a quad of every ROWS_AT_ONCE-th row, the last one again past the end.
void offsetsOf(int rows, int k, out u32 at[TURNS]) {
  [[unroll]] for (int i = 0; i < TURNS; i++) {
    int row = min(threadIdx / QUADS + i * ROWS_AT_ONCE, rows - 1);
    at[i] = u32(row) * u32(2 * k) + 16u * u32(threadIdx % QUADS);
  }
}

void fetch(u64 data, u32 at[TURNS], out uvec4 quads[TURNS]) {
  [[unroll]] for (int i = 0; i < TURNS; i++) quads[i] = Quads(data + u64(at[i])).v;
}

int placeOf(int side, int turn) {
  return (side * TILE + threadIdx / QUADS + turn * ROWS_AT_ONCE) * ROW + threadIdx % QUADS;
}

KERNEL(TileParams, 128) {
  int k = int(p.k);
  i64 m0 = i64(blockY) * TILE;
  i64 n0 = i64(blockX) * TILE;
  u64 x = p.x + u64(m0 * k) * 2;
  u64 w = p.weight + u64(n0 * k) * 2;
  u32 xAt[TURNS];
  u32 wAt[TURNS];
  offsetsOf(int(min(p.m - m0, i64(TILE))), k, xAt);
  offsetsOf(int(min(p.n - n0, i64(TILE))), k, wAt);
  int mAt = int(gl_SubgroupID) / 2 * PARTS * SIDE;
  int nAt = int(gl_SubgroupID) % 2 * PARTS * SIDE;
  SUM sum[PARTS][PARTS];
  [[unroll]] for (int i = 0; i < PARTS; i++) {
    [[unroll]] for (int j = 0; j < PARTS; j++) sum[i][j] = SUM(0.0);
  }
  uvec4 xNext[TURNS];
  uvec4 wNext[TURNS];
  fetch(x, xAt, xNext);
  fetch(w, wAt, wNext);
  int side = 0;
  [[unroll]] for (int i = 0; i < TURNS; i++) {
    xs[placeOf(0, i)] = xNext[i];
    ws[placeOf(0, i)] = wNext[i];
  }
  barrier();
  for (int k0 = 0; k0 < k; k0 += TILE_K) {
    x += 2 * TILE_K;
    w += 2 * TILE_K;
    bool more = k0 + TILE_K < k;
    if (more) {
      fetch(x, xAt, xNext);
      fetch(w, wAt, wNext);
    }
    [[unroll]] for (int s = 0; s < TILE_K / SIDE; s++) {
      coopmat<bfloat16_t, gl_ScopeSubgroup, SIDE, SIDE, gl_MatrixUseB> b[PARTS];
      [[unroll]] for (int j = 0; j < PARTS; j++) {
        coopMatLoad(b[j], ws, uint((side * TILE + nAt + SIDE * j) * ROW + 2 * s), uint(ROW),
                    gl_CooperativeMatrixLayoutColumnMajor);
      }
      [[unroll]] for (int i = 0; i < PARTS; i++) {
        coopmat<bfloat16_t, gl_ScopeSubgroup, SIDE, SIDE, gl_MatrixUseA> a;
        coopMatLoad(a, xs, uint((side * TILE + mAt + SIDE * i) * ROW + 2 * s), uint(ROW),
                    gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (int j = 0; j < PARTS; j++) sum[i][j] = coopMatMulAdd(a, b[j], sum[i][j]);
      }
    }
    side = 1 - side;
    if (more) {
      [[unroll]] for (int i = 0; i < TURNS; i++) {
        xs[placeOf(side, i)] = xNext[i];
        ws[placeOf(side, i)] = wNext[i];
      }
    }
    barrier();
  }
  bool spills = m0 >= p.spillFrom;
  i64 width = spills ? p.spillWidth : p.n;
  i64 first = (m0 - (spills ? p.spillFrom : 0L)) * width + n0;
  u64 to = (spills ? p.spill : p.result) + 4 * u64(first);
  [[unroll]] for (int i = 0; i < PARTS; i++) {
    [[unroll]] for (int j = 0; j < PARTS; j++) {
      uint at = uint(mAt + SIDE * i) * uint(width) + uint(nAt + SIDE * j);
      coopMatStore(sum[i][j], Results(to).v, at, uint(width), gl_CooperativeMatrixLayoutRowMajor);
    }
  }
}
#endif

#ifdef KERNEL_settle_tiles
PARAMS(SettleParams) {
  u64 spill;
  u64 bias;
  u64 result;
  i64 rows;
  i64 n;
  i64 spillWidth;
  int biasDtype;
  int resultDtype;
};

// What tiles spilled, with the bias and in the dtype of the result.
KERNEL(SettleParams, 256) {
  for (i64 i = globalThread; i < p.rows * p.n; i += globalThreads) {
    i64 row = i / p.n;
    i64 column = i - row * p.n;
    float y = floatAt(p.spill, row * p.spillWidth + column);
    if (p.bias != 0UL) y += loadFloat(p.bias, column, p.biasDtype);
    storeFloat(p.result, i, p.resultDtype, y);
  }
}
#endif
