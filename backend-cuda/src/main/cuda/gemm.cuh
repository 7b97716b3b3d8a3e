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

// Sixteen bytes of a tile's row, moved so that eight rows of a column lie in all banks.
DEVICE u8* chunkAt(u8* tile, int row, int chunk) {
  return tile + row * ROW_BYTES + ((chunk ^ (row & 7)) << 4);
}

// Rows of a tile as they lie: row i of a matrix is row i of x and of the result.
struct RowsInOrder {
  DEVICE i64 source(i64 row) const { return row; }
  DEVICE i64 target(i64 row) const { return row; }
};

// Copies `rows` rows from row r0 on, k0 to k0 + KT; what lies outside becomes zero.
template <int ROWS, int THREADS, typename Rows>
DEVICE void fetch(u8* tile, const u16* from, const Rows& order, i64 r0, i64 rows, i64 k0, i64 k) {
#pragma unroll
  for (int i = threadIdx.x; i < ROWS * 8; i += THREADS) {
    int row = i / 8;
    int chunk = i % 8;
    i64 at = k0 + chunk * 8;
    bool in = r0 + row < rows && at < k;
    const u16* source = in ? from + order.source(r0 + row) * k + at : from;
    copyAsync16(chunkAt(tile, row, chunk), source, in ? 16 : 0);
  }
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
  auto load = [&](int step) {
    u8* stage = shared + step % STAGES * stageBytes;
    i64 k0 = (i64)step * KT;
#pragma unroll
    for (int s = 0; s < XP; s++) {
      fetch<BM, threads>(stage + s * xBytes, p.x + s * p.xStride, order, m0, p.m, k0, p.k);
    }
#pragma unroll
    for (int s = 0; s < WP; s++) {
      fetch<BN, threads>(stage + XP * xBytes + s * wBytes, p.weight + s * p.weightStride,
                         RowsInOrder(), n0, p.n, k0, p.k);
    }
  };
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (s < steps) load(s);
    commitCopies();
  }
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
          int row = warpN + j * 8 + (lane & 7) + (lane >> 4) * 8;
          u32 r[4];
          loadMatrices4(r, chunkAt(stage + XP * xBytes + s * wBytes, row, kk * 2 + (lane >> 3 & 1)));
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
          int row = warpM + i * 16 + (lane & 15);
          loadMatrices4(a, chunkAt(stage + s * xBytes, row, kk * 2 + (lane >> 4)));
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
      for (int e = 0; e < 4; e++) {
        i64 m = m0 + warpM + i * 16 + (lane >> 2) + (e >> 1) * 8;
        i64 n = n0 + warpN + j * 8 + (lane & 3) * 2 + (e & 1);
        if (m >= p.m || n >= p.n) continue;
        float sum = high[i][j][e];
        // What is not finite shows in the upper planes; in the others it may meet a zero.
        if (split && fabsf(sum) < infinity()) sum += low[split ? i : 0][split ? j : 0][e];
        if (p.bias != nullptr) sum += loadFloat(p.bias, n, p.biasDtype);
        storeFloat(p.out, order.target(m) * p.outStride + n, p.outDtype, sum);
      }
    }
  }
}

// Dynamic shared memory is asked for by Gemm.java: STAGES * (XP * BM + WP * BN) * ROW_BYTES.
#define GEMM(name, XP, WP, BM, BN, WM, WN, STAGES)                    \
  KERNEL(name, GemmParams, BM / WM * (BN / WN) * WARP) {             \
    SHARED_BYTES(room);                                              \
    gemm<XP, WP, BM, BN, WM, WN, STAGES>(                            \
        p, RowsInOrder(), (i64)blockIdx.x * BM, (i64)blockIdx.y * BN, (u8*)room); \
  }
