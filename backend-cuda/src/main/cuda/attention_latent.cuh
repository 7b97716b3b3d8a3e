// Attention over latents, each key and value of all heads: a block has sixteen rows of heads, reads a
// latent once for them, and its warps share out first the positions, then the columns of the values.
#pragma once
#include "attention_tile.cuh"

#define LATENT_WIDTH 576
#define LATENT_RANK 512
#define LATENT_KEYS 64
#define LATENT_STRIDE STRIDE(LATENT_WIDTH)

template <class F>
DEVICE void latentTile(const AttentionParams& p, const Tile& tile, unsigned char* shared) {
  const int stage = LATENT_KEYS * LATENT_STRIDE;
  const int mine = LATENT_KEYS / TILE_WARPS;
  const int columns = LATENT_RANK / TILE_WARPS;
  const int weightStride = STRIDE(LATENT_KEYS);
  Shared<F, LATENT_WIDTH, WARP_ROWS> s(shared, 2 * LATENT_KEYS);
  u16* weights = (u16*)(s.sums + TILE_WARPS * WARP_ROWS);  // [TERMS, WARP_ROWS, weightStride]
  int tid = threadIdx.x;
  int lane = tid % 32;
  int warp = tid / 32;
  int split = blockIdx.z;
  Positions positions = tilePositions(p, tile.sequence, tile.first, tile.last);
  int splits = splitsOf(p, positions);
  if (split >= splits) return;
  const int turns = SPLIT_POSITIONS / LATENT_KEYS;
  i64 origin = positions.start + (i64)split * SPLIT_POSITIONS;
  i64 nextPart = (i64)p.splits * SPLIT_POSITIONS;
#define TURN(i) (origin + (i) / turns * nextPart + (i) % turns * LATENT_KEYS)
  u16* to = s.tiles + warp * mine * LATENT_STRIDE;
  i64 slot = laneSlot<mine>(p, tile.sequence, TURN(0) + warp * mine, positions.end);
  copyRows<LATENT_WIDTH, mine>(to, p.keys, p.keyStride, 0, p.keyWidth, slot);
  commitCopies();
  slot = laneSlot<mine>(p, tile.sequence, TURN(1) + warp * mine, positions.end);
  loadQueries<F, LATENT_WIDTH, WARP_ROWS>(p, tile, s);
  __syncthreads();
  Rows<columns> rows;
  rows.begin(p, tile, s, 0);
  for (int i = 0;; i++) {
    i64 first = TURN(i);
    if (first >= positions.end) break;
    u16* keys = s.tiles + i % 2 * stage;
    waitCopies<0>();
    __syncthreads();  // this tile is there, and the one before done with
    if (TURN(i + 1) < positions.end) {
      u16* next = to + (i + 1) % 2 * stage;
      copyRows<LATENT_WIDTH, mine>(next, p.keys, p.keyStride, 0, p.keyWidth, slot);
    }
    commitCopies();
    slot = laneSlot<mine>(p, tile.sequence, TURN(i + 2) + warp * mine, positions.end);
    float w[mine / 8][4];
    float top[2];
    float keep[2];
    scores<F, LATENT_WIDTH, WARP_ROWS, mine>(
        w, s.queries, keys + warp * mine * LATENT_STRIDE, p.keyWidth);
    makeLogits<columns, mine>(p, rows, w, top, first + warp * mine);
    if (lane % 4 == 0) {
      s.peaks[warp * WARP_ROWS + lane / 4] = top[0];
      s.peaks[warp * WARP_ROWS + lane / 4 + 8] = top[1];
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < 2; r++) {
      for (int v = 0; v < TILE_WARPS; v++) {
        top[r] = fmaxf(top[r], s.peaks[v * WARP_ROWS + lane / 4 + 8 * r]);
      }
    }
    makeWeights<columns, mine>(rows, w, top, keep);
    const float up = F::SCALED ? F16_WEIGHT : 1.0f;
#pragma unroll
    for (int n = 0; n < mine / 8; n++) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        u32 terms[F::TERMS];
        F::split(w[n][2 * r] * up, w[n][2 * r + 1] * up, terms);
#pragma unroll
        for (int t = 0; t < F::TERMS; t++) {
          int m = t * WARP_ROWS + lane / 4 + 8 * r;
          *(u32*)&weights[m * weightStride + warp * mine + 8 * n + 2 * (lane % 4)] = terms[t];
        }
      }
    }
    __syncthreads();
    u32 a[LATENT_KEYS / 16][F::TERMS][4];
#pragma unroll
    for (int k = 0; k < LATENT_KEYS / 16; k++) {
#pragma unroll
      for (int t = 0; t < F::TERMS; t++) {
        int m = t * WARP_ROWS + lane % 16;
        loadMatrices4(a[k][t], weights + m * weightStride + 16 * k + lane / 16 * 8);
      }
    }
    addTerms<F, columns, LATENT_KEYS, LATENT_STRIDE>(
        rows, a, keep, keys + warp * columns, p.valueWidth - warp * columns);
  }
#undef TURN
  waitCopies<0>();
  __syncthreads();
  float* room = (float*)s.tiles;  // [WARP_ROWS, LATENT_RANK]
  const float down = F::SCALED ? 1.0f / F16_WEIGHT : 1.0f;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    int m = lane / 4 + 8 * i;
    float total = rows.total[i];
    total += __shfl_xor_sync(FULL, total, 1);
    total += __shfl_xor_sync(FULL, total, 2);
    if (lane % 4 == 0) {
      s.peaks[warp * WARP_ROWS + m] = rows.peak[i];
      s.sums[warp * WARP_ROWS + m] = total;
    }
#pragma unroll
    for (int n = 0; n < columns / 8; n++) {
      float2 pair = {rows.sum[n][2 * i] * down, rows.sum[n][2 * i + 1] * down};
      *(float2*)&room[m * LATENT_RANK + warp * columns + 8 * n + 2 * (lane % 4)] = pair;
    }
  }
  __syncthreads();
  for (int m = warp; m < WARP_ROWS; m += TILE_WARPS) {
    i64 row;
    int head;
    if (!rowOf(p, tile, m, &row, &head)) continue;
    float total = 0.0f;
    for (int v = 0; v < TILE_WARPS; v++) total += s.sums[v * WARP_ROWS + m];
    i64 at = row * p.heads + head;
    i64 partial = (partialRow(p, tile.sequence, row) * p.heads + head) * p.splits + split;
    bool nan = false;
    for (int c = lane; c < p.valueWidth; c += 32) {
      float x = room[m * LATENT_RANK + c];
      if (splits > 1) {
        p.partials[partial * p.valueWidth + c] = x;
        continue;
      }
      x = total == 0.0f ? 0.0f : x / total;
      nan |= isNan(x);
      storeFloat(p.out, at * p.valueWidth + c, p.outDtype, x);
    }
    if (nan) s.isNan[m] = 1;
    if (splits > 1 && lane == 0) {
      float* share = partialShare(p, partial);
      share[0] = s.peaks[m];
      share[1] = total;
    }
  }
  if (splits == 1) redoNans(p, tile, s.isNan, WARP_ROWS, shared);
}

// Blocks: tiles of rows, tiles of heads, splits.
template <class F>
DEVICE void latent(const AttentionParams& p, unsigned char* shared) {
  int first;
  int last;
  int s = tileRows(p, blockIdx.x, &first, &last);
  if (first >= last) return;
  if (s < 0 || s == p.sequences) {
    if (last > first + p.tileTokens) last = first + p.tileTokens;
    if (blockIdx.z == 0) zeroRows(p, first, last);
    return;
  }
  latentTile<F>(p, tileOf(p, s, first), shared);
}
