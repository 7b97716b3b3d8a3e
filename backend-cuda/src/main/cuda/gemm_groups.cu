// Products of rounded operands by warpgroups: out = x w^T + bias. sm_90a only.
#include "gemm.cuh"
#include "wgmma.cuh"

// Blocks take 16 tiles of rows beside each other before the next columns, so that those that run at
// the same time share rows of both operands in the second cache.
template <int BM, int BN>
DEVICE void blockOf(const GemmParams& p, i64* m0, i64* n0) {
  const int GROUP = 16;
  int tilesM = (int)((p.m + BM - 1) / BM);
  int tilesN = (int)((p.n + BN - 1) / BN);
  int group = (int)blockIdx.x / (GROUP * tilesN);
  int inGroup = (int)blockIdx.x % (GROUP * tilesN);
  int width = tilesM - group * GROUP < GROUP ? tilesM - group * GROUP : GROUP;
  *m0 = (i64)(group * GROUP + inGroup % width) * BM;
  *n0 = (i64)(inGroup / width) * BN;
}

// A block makes 128 x BN results, each of its two warpgroups 64 rows of them. Copies of a stage of 64
// elements of k are begun two stages ahead: the one before is then done with by both.
template <int BN, int STAGES>
DEVICE void gemmWarpgroups(const GemmParams& p, u8* shared) {
  const int BM = 128;
  const int THREADS = 256;
  const int xBytes = BM * ROW_BYTES;
  const int stageBytes = xBytes + BN * ROW_BYTES;
  int lane = threadIdx.x & 31;
  int warpgroup = threadIdx.x / 128;
  i64 m0;
  i64 n0;
  blockOf<BM, BN>(p, &m0, &n0);
  float d[BN / 8][4];
  Copier<BM, THREADS> xs;
  Copier<BN, THREADS> ws;
  xs.begin(p.x, RowsInOrder(), m0, p.m, p.k);
  ws.begin(p.weight, RowsInOrder(), n0, p.n, p.k);
  int steps = (int)((p.k + KT - 1) / KT);
  auto load = [&](int step) {
    if (step < steps) {
      u8* stage = shared + step % STAGES * stageBytes;
      i64 k0 = (i64)step * KT;
      xs.copy(stage, 0, k0, p.k);
      ws.copy(stage + xBytes, 0, k0, p.k);
    }
    commitCopies();
  };
#pragma unroll
  for (int s = 0; s < STAGES - 2; s++) load(s);
  for (int step = 0; step < steps; step++) {
    waitCopies<STAGES - 3>();
    showToProducts();
    __syncthreads();
    load(step + STAGES - 2);
    u8* stage = shared + step % STAGES * stageBytes;
    u64 x = tileDescriptor(stage + warpgroup * 64 * ROW_BYTES, 0);
    u64 w = tileDescriptor(stage + xBytes, 0);
    beginProducts();
#pragma unroll
    for (int kk = 0; kk < KT / 16; kk++) multiplyTiles<BN>(d, x + kk * 2, w + kk * 2, step > 0 || kk > 0);
    commitProducts();
    waitProducts<1>();
  }
  waitProducts<0>();
  int warp = threadIdx.x / 32 % 4;
  i64 row = m0 + warpgroup * 64 + warp * 16 + (lane >> 2);
#pragma unroll
  for (int h = 0; h < 2; h++) {
    if (row + h * 8 >= p.m) continue;
#pragma unroll
    for (int j = 0; j < BN / 8; j++) {
      i64 column = n0 + j * 8 + (lane & 3) * 2;
      if (column < p.n) storePair(p, row + h * 8, column, d[j][2 * h], d[j][2 * h + 1]);
    }
  }
}

// Dynamic shared memory is asked for by GemmTile: STAGES * (128 + BN) * ROW_BYTES. Two blocks of a
// multiprocessor, each of which waits while the other multiplies, or one with more on its way.
KERNEL_OF(gemm_groups_two, GemmParams, 256, 2) {
  SHARED_BYTES(room);
  gemmWarpgroups<128, 3>(p, (u8*)room);
}
KERNEL_OF(gemm_groups_one, GemmParams, 256, 1) {
  SHARED_BYTES(room);
  gemmWarpgroups<128, 6>(p, (u8*)room);
}
