// Decode of many sequences: each warp of a block has rows of its own, one KV head of one sequence, and
// goes through all of its positions, so that nothing is merged.
#pragma once
#include "attention_tile.cuh"

#define MANY_KEYS 16
#define MANY_STAGES 2

// A warp's queries, stages of keys and values; then, of the block, factors and NaNs of its rows.
template <class F, int D>
struct ManyShared {
  enum {
    QUERIES = F::TERMS * WARP_ROWS * STRIDE(D),
    STAGE = 2 * MANY_KEYS * STRIDE(D),
    A_WARP = QUERIES + MANY_STAGES * STAGE
  };
  u16* queries;
  u16* stages;
  float* factor;  // [WARP_ROWS] of this warp
  u32* nans;      // [TILE_WARPS] which rows are NaN

  DEVICE ManyShared(u8* at) {
    queries = (u16*)at + threadIdx.x / WARP * A_WARP;
    stages = queries + QUERIES;
    float* factors = (float*)((u16*)at + TILE_WARPS * A_WARP);
    factor = factors + threadIdx.x / WARP * WARP_ROWS;
    nans = (u32*)(factors + TILE_WARPS * WARP_ROWS);
  }
};

// The queries' terms of a warp's rows, and the factor that makes a dot product with them a logit.
template <class F, int D>
DEVICE void loadManyQueries(
    const AttentionParams& p, const Tile& tile, const ManyShared<F, D>& s, int dtype) {
  int lane = threadIdx.x % WARP;
#pragma unroll 4
  for (int m = 0; m < WARP_ROWS; m++) {
    i64 row;
    int head;
    bool valid = rowOf(p, tile, m, &row, &head);
    i64 at = (row * p.heads + head) * p.keyWidth;
#pragma unroll
    for (int c = 2 * lane; c < D; c += 2 * WARP) {
      bool inside = valid && c < p.keyWidth;
      float x = inside ? loadFloat(p.q, at + c, dtype) : 0.0f;
      float y = inside ? loadFloat(p.q, at + c + 1, dtype) : 0.0f;
      u32 terms[F::TERMS];
      F::split(x, y, terms);
#pragma unroll
      for (int t = 0; t < F::TERMS; t++) {
        *(u32*)&s.queries[(t * WARP_ROWS + m) * STRIDE(D) + c] = terms[t];
      }
    }
    if (lane == 0) s.factor[m] = p.scale;
  }
}

// Stores a warp's rows, of a dtype that the compiler knows where it is F32; returns which are NaN.
template <int D>
DEVICE u32 storeMany(const AttentionParams& p, const Tile& tile, const Rows<D>& rows, int dtype) {
  int lane = threadIdx.x % WARP;
  u32 nans = 0;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    int m = lane / 4 + 8 * i;
    i64 row;
    int head;
    bool valid = rowOf(p, tile, m, &row, &head);
    float total = rows.total[i];
    total += __shfl_xor_sync(FULL, total, 1);
    total += __shfl_xor_sync(FULL, total, 2);
    float share = 1.0f;
    if (valid && p.sinks != nullptr) {
      float sink = loadFloat(p.sinks, head, p.sinksDtype);
      float peak = fmaxf(rows.peak[i], sink);
      share = weightOf(rows.peak[i], peak);
      total = total * share + weightOf(sink, peak);
    }
    float factor = total == 0.0f ? 0.0f : share / total;
    bool nan = false;
    if (valid) {
      i64 at = (row * p.heads + head) * p.valueWidth;
#pragma unroll
      for (int n = 0; n < D / 8; n++) {
        int c = 8 * n + 2 * (lane % 4);
        if (c >= p.valueWidth) break;
        float2 pair = {rows.sum[n][2 * i] * factor, rows.sum[n][2 * i + 1] * factor};
        nan |= isNan(pair.x) || isNan(pair.y);
        if (dtype == F32) {
          *(float2*)((float*)p.out + at + c) = pair;
        } else {
          storeFloat(p.out, at + c, dtype, pair.x);
          storeFloat(p.out, at + c + 1, dtype, pair.y);
        }
        if (p.rounded != nullptr) *(u32*)((u16*)p.rounded + at + c) = toBf16Pair(pair.x, pair.y);
      }
    }
    nans |= nan ? 1u << m : 0;
  }
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) nans |= __shfl_xor_sync(FULL, nans, d);
  return nans;
}

// A warp's rows; returns which are NaN.
template <class F, int D>
DEVICE u32 manyTile(const AttentionParams& p, const Tile& tile, const ManyShared<F, D>& s) {
  Positions positions = tilePositions(p, tile.sequence, tile.first, tile.last);
  i64 keyAt = (i64)tile.kvHead * p.keyWidth;
  i64 valueAt = (i64)tile.kvHead * p.valueWidth;
  auto copy = [&](int stage, i64 slot) {
    u16* keys = s.stages + stage * ManyShared<F, D>::STAGE;
    copyRows<D, MANY_KEYS>(keys, p.keys, p.keyStride, keyAt, p.keyWidth, slot);
    u16* values = keys + MANY_KEYS * STRIDE(D);
    copyRows<D, MANY_KEYS>(values, p.values, p.valueStride, valueAt, p.valueWidth, slot);
    commitCopies();
  };
  i64 first = positions.start;
  copy(0, laneSlot<MANY_KEYS>(p, tile.sequence, first, positions.end));
  i64 slot = laneSlot<MANY_KEYS>(p, tile.sequence, first + MANY_KEYS, positions.end);
  if (p.qDtype == F32) {
    loadManyQueries<F, D>(p, tile, s, F32);
  } else {
    loadManyQueries<F, D>(p, tile, s, p.qDtype);
  }
  __syncwarp();
  Rows<D> rows;
  rows.begin(p, tile, s, 0);
  for (int stage = 0; first < positions.end; first += MANY_KEYS, stage ^= 1) {
    copy(stage ^ 1, slot);
    slot = laneSlot<MANY_KEYS>(p, tile.sequence, first + 2 * MANY_KEYS, positions.end);
    waitCopies<1>();
    __syncwarp();
    const u16* keys = s.stages + stage * ManyShared<F, D>::STAGE;
    float w[MANY_KEYS / 8][4];
    float keep[2];
    scores<F, D, WARP_ROWS, MANY_KEYS>(w, s.queries, keys, p.keyWidth);
    weigh<D, MANY_KEYS>(p, rows, w, keep, first);
    addValues<F, D, MANY_KEYS>(rows, w, keep, keys + MANY_KEYS * STRIDE(D), p.valueWidth);
    __syncwarp();
  }
  waitCopies<0>();
  __syncwarp();
  return p.outDtype == F32 ? storeMany<D>(p, tile, rows, F32) : storeMany<D>(p, tile, rows, p.outDtype);
}

// Tile `item` of those of all sequences and heads, of which it is the one numbered `part` of rows; false
// where there is none, or it is left to the kernel for more rows.
DEVICE bool manyTileOf(const AttentionParams& p, i64 item, int part, Tile* tile) {
  int group = p.heads / p.kvHeads;
  int headTiles = p.kvHeads * ((group + p.tileHeads - 1) / p.tileHeads);
  int s = (int)(item / headTiles);
  if (s >= p.sequences) return false;
  int first = p.cuSeqlensQ[s];
  int last = p.cuSeqlensQ[s + 1];
  if (last - first > p.fewRows || first + part * p.tileTokens >= last) return false;
  *tile = tileOf(p, s, first + part * p.tileTokens, (int)(item % headTiles));
  return true;
}

// Blocks: four tiles each, and one for rows of no sequence. A sequence has as many parts as its rows
// fill tiles; the warps of a block go on until none has another.
template <class F, int D>
DEVICE void decodeMany(const AttentionParams& p, u8* shared) {
  if (blockIdx.x == gridDim.x - 1) {
    zeroRows(p, 0, p.cuSeqlensQ[0]);
    zeroRows(p, p.cuSeqlensQ[p.sequences], p.tokens);
    return;
  }
  ManyShared<F, D> s(shared);
  i64 item = (i64)blockIdx.x * TILE_WARPS;
  for (int part = 0;; part++) {
    Tile tile;
    bool has = manyTileOf(p, item + threadIdx.x / WARP, part, &tile);
    u32 nans = 0;
    if (has) nans = manyTile<F, D>(p, tile, s);
    if (!__syncthreads_or(has)) break;
    if (!__syncthreads_or(nans != 0)) continue;
    if (threadIdx.x % WARP == 0) s.nans[threadIdx.x / WARP] = nans;
    __syncthreads();
    for (int w = 0; w < TILE_WARPS; w++) {
      if (s.nans[w] == 0 || !manyTileOf(p, item + w, part, &tile)) continue;
      for (int m = 0; m < WARP_ROWS; m++) {
        i64 row;
        int head;
        if ((s.nans[w] >> m & 1) == 0 || !rowOf(p, tile, m, &row, &head)) continue;
        attendRow(p, row, head, shared);
        __syncthreads();
      }
    }
  }
}
