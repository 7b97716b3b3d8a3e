// Matrix products of many rows on tensor cores: out = x w^T + bias.
//
// Tensor cores multiply numbers of 8 bits (BF16) exactly and add in F32. A number of more bits is the
// sum of planes: its upper 8 bits, the next 8 and the last 8, cut and not rounded, so that nothing is
// lost and nothing overflows. Products of planes whose sum is below a rounding of F32 are left out.
#pragma once
#include "lamina.cuh"
#include "tensor_core.cuh"

struct GemmParams {
  const u16* x;        // planes [m, k]
  const u16* weight;   // planes [n, k]
  const void* bias;
  const float* added;  // lies as out does, F32 too; null for nothing
  void* out;
  i64 xStride;         // elements from one plane to the next
  i64 weightStride;
  i64 m;
  i64 n;
  i64 k;
  i64 outStride;       // elements from one row of out to the next
  int biasDtype;
  int outDtype;
};

#define KT 64          // elements of k a stage
#define ROW_BYTES 128  // of them in shared memory

// Rows of a tile as they lie: row i of a matrix is row i of x and of the result.
struct RowsInOrder {
  DEVICE i64 source(i64 row) const { return row; }
  DEVICE i64 target(i64 row) const { return row; }
};

// Where every STEP-th row from one on begins, of COPIES.
template <typename Rows, int COPIES, int STEP>
struct RowStarts {
  i64 at[COPIES];
  DEVICE void begin(const Rows& order, i64 row, int rows, i64 k) {
#pragma unroll
    for (int i = 0; i < COPIES; i++) at[i] = i < rows ? order.source(row + i * STEP) * k : 0;
  }
  DEVICE i64 of(int i) const { return at[i]; }
};
template <int COPIES, int STEP>
struct RowStarts<RowsInOrder, COPIES, STEP> {
  i64 at;
  i64 step;
  DEVICE void begin(const RowsInOrder&, i64 row, int rows, i64 k) {
    at = rows > 0 ? row * k : 0;
    step = STEP * k;
  }
  DEVICE i64 of(int i) const { return at + i * step; }
};

// What a thread copies of a tile of ROWS rows and KT columns: a chunk of 16 bytes of some rows, always
// the same chunk. What lies outside of the matrix becomes zero. Chunks are moved within their row so
// that eight rows of a column lie in all banks.
template <int ROWS, int THREADS, typename Rows = RowsInOrder>
struct Copier {
  enum { STEP = THREADS / 8, COPIES = ROWS / STEP };
  const u16* from;
  RowStarts<Rows, COPIES, STEP> starts;
  int first;  // column of the chunk
  int rows;   // of its rows that the matrix has
  u32 to;

  DEVICE void begin(const u16* matrix, const Rows& order, i64 r0, i64 numRows, i64 k) {
    int row = threadIdx.x / 8;
    i64 left = numRows - r0 - row;
    rows = left <= 0 ? 0 : left >= ROWS ? COPIES : ((int)left + STEP - 1) / STEP;
    first = threadIdx.x % 8 * 8;
    starts.begin(order, r0 + row, rows, k);
    from = matrix;
    to = row * ROW_BYTES + ((threadIdx.x % 8 ^ (row & 7)) << 4);
  }

  // From column k0 on, of the matrix that lies `plane` elements behind the first.
  DEVICE void copy(u8* tile, i64 plane, i64 k0, i64 k) const {
    bool inK = k0 + first < k;
#pragma unroll
    for (int i = 0; i < COPIES; i++) {
      bool in = inK && i < rows;
      const u16* source = in ? from + plane + starts.of(i) + k0 + first : from;
      copyAsync16(tile + to + i * (STEP * ROW_BYTES), source, in ? 16 : 0);
    }
  }
};

// Adds what is to be added to two results in a row and writes them.
DEVICE void storePair(const GemmParams& p, i64 m, i64 n, float x, float y) {
  bool both = n + 1 < p.n;
  if (p.bias != nullptr) {
    x += loadFloat(p.bias, n, p.biasDtype);
    if (both) y += loadFloat(p.bias, n + 1, p.biasDtype);
  }
  i64 at = m * p.outStride + n;
  if (p.added != nullptr) {
    x += p.added[at];
    if (both) y += p.added[at + 1];
  }
  if (both && p.outDtype == F32 && p.outStride % 2 == 0 && ((u64)p.out & 7) == 0) {
    *(float2*)((float*)p.out + at) = make_float2(x, y);
    return;
  }
  storeFloat(p.out, at, p.outDtype, x);
  if (both) storeFloat(p.out, at + 1, p.outDtype, y);
}

// XP planes of x, WP of w; a block makes the BM x BN results from row m0 and column n0 on, a warp
// WM x WN of them. Rows from p.m on are not there.
template <int XP, int WP, int BM, int BN, int WM, int WN, int STAGES, typename Rows>
DEVICE void gemm(const GemmParams& p, const Rows& order, i64 m0, i64 n0, u8* shared) {
  const int warpsN = BN / WN;
  const int threads = BM / WM * warpsN * WARP;
  const int xBytes = BM * ROW_BYTES;
  const int wBytes = BN * ROW_BYTES;
  const int stageBytes = XP * xBytes + WP * wBytes;
  const bool split = XP > 1 || WP > 1;
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int warpM = warp / warpsN * WM;
  int warpN = warp % warpsN * WN;
  float high[WM / 16][WN / 8][4];
  float low[split ? WM / 16 : 1][split ? WN / 8 : 1][4];
#pragma unroll
  for (int i = 0; i < WM / 16; i++)
#pragma unroll
    for (int j = 0; j < WN / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        high[i][j][e] = 0;
        if (split) low[split ? i : 0][split ? j : 0][e] = 0;
      }
  int steps = (int)((p.k + KT - 1) / KT);
  Copier<BM, threads, Rows> xs;
  Copier<BN, threads> ws;
  xs.begin(p.x, order, m0, p.m, p.k);
  ws.begin(p.weight, RowsInOrder(), n0, p.n, p.k);
  auto load = [&](int step) {
    u8* stage = shared + step % STAGES * stageBytes;
    i64 k0 = (i64)step * KT;
#pragma unroll
    for (int s = 0; s < XP; s++) xs.copy(stage + s * xBytes, s * p.xStride, k0, p.k);
#pragma unroll
    for (int s = 0; s < WP; s++) ws.copy(stage + XP * xBytes + s * wBytes, s * p.weightStride, k0, p.k);
  };
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (s < steps) load(s);
    commitCopies();
  }
  // Where this lane's rows of the operands lie in a stage; the chunk of step kk is moved by kk * 32.
  u32 xAt = (warpM + (lane & 15)) * ROW_BYTES + (((lane >> 4) ^ (lane & 7)) << 4);
  u32 wAt = XP * xBytes + (warpN + (lane & 7) + (lane >> 4) * 8) * ROW_BYTES + (((lane >> 3 & 1) ^ (lane & 7)) << 4);
  for (int step = 0; step < steps; step++) {
    waitCopies<STAGES - 2>();
    __syncthreads();
    if (step + STAGES - 1 < steps) load(step + STAGES - 1);
    commitCopies();
    u8* stage = shared + step % STAGES * stageBytes;
#pragma unroll
    for (int kk = 0; kk < KT / 16; kk++) {
      u32 b[WP][WN / 8][2];
#pragma unroll
      for (int s = 0; s < WP; s++) {
#pragma unroll
        for (int j = 0; j < WN / 8; j += 2) {
          u32 r[4];
          loadMatrices4(r, stage + (wAt ^ kk * 32) + s * wBytes + j * 8 * ROW_BYTES);
          b[s][j][0] = r[0];
          b[s][j][1] = r[1];
          b[s][j + 1][0] = r[2];
          b[s][j + 1][1] = r[3];
        }
      }
#pragma unroll
      for (int s = 0; s < XP; s++) {
#pragma unroll
        for (int i = 0; i < WM / 16; i++) {
          u32 a[4];
          loadMatrices4(a, stage + (xAt ^ kk * 32) + s * xBytes + i * 16 * ROW_BYTES);
#pragma unroll
          for (int t = 0; t < WP; t++) {
            if (s + t > 2) continue;
#pragma unroll
            for (int j = 0; j < WN / 8; j++) {
              if (s + t == 0) {
                mmaBf16(high[i][j], a, b[t][j]);
              } else {
                mmaBf16(low[split ? i : 0][split ? j : 0], a, b[t][j]);
              }
            }
          }
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < WM / 16; i++) {
#pragma unroll
    for (int j = 0; j < WN / 8; j++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        i64 m = m0 + warpM + i * 16 + (lane >> 2) + h * 8;
        i64 n = n0 + warpN + j * 8 + (lane & 3) * 2;
        if (m >= p.m || n >= p.n) continue;
        float sum[2];
#pragma unroll
        for (int e = 0; e < 2; e++) {
          sum[e] = high[i][j][2 * h + e];
          // What is not finite shows in the upper planes; in the others it may meet a zero.
          if (split && fabsf(sum[e]) < infinity()) {
            sum[e] += low[split ? i : 0][split ? j : 0][2 * h + e];
          }
        }
        storePair(p, order.target(m), n, sum[0], sum[1]);
      }
    }
  }
}

// Dynamic shared memory is asked for by Gemm.java: STAGES * (XP * BM + WP * BN) * ROW_BYTES. Kernels
// have registers for so many blocks on a multiprocessor.
#define GEMM_OF(name, XP, WP, BM, BN, WM, WN, STAGES, BLOCKS)                     \
  KERNEL_OF(name, GemmParams, BM / WM * (BN / WN) * WARP, BLOCKS) {               \
    SHARED_BYTES(room);                                                           \
    gemm<XP, WP, BM, BN, WM, WN, STAGES>(                                         \
        p, RowsInOrder(), (i64)blockIdx.x * BM, (i64)blockIdx.y * BN, (u8*)room); \
  }
#define GEMM(name, XP, WP, BM, BN, WM, WN, STAGES) GEMM_OF(name, XP, WP, BM, BN, WM, WN, STAGES, 1)
