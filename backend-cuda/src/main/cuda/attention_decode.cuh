// Decode: the warps of a block have the same rows and take positions in turn, sixteen each.
#pragma once
#include "attention_tile.cuh"

#define DECODE_KEYS 16
#define DECODE_STAGES 2

// Element c of row m over the warps, each by its share.
template <int D>
DEVICE float mergedSum(const float* room, const float* share, int m, int c) {
  float sum = 0.0f;
#pragma unroll
  for (int w = 0; w < TILE_WARPS; w++) sum = fmaf(share[w], room[(w * WARP_ROWS + m) * D + c], sum);
  return sum;
}

template <class F, int D>
DEVICE void decodeTile(const AttentionParams& p, const Tile& tile, unsigned char* shared) {
  const int stage = 2 * DECODE_KEYS * STRIDE(D);
  Shared<F, D, WARP_ROWS> s(shared, 2 * DECODE_KEYS * DECODE_STAGES * TILE_WARPS);
  int tid = threadIdx.x;
  int lane = tid % 32;
  int warp = tid / 32;
  int split = blockIdx.z;
  Positions positions = tilePositions(p, tile.sequence, tile.first, tile.last);
  int splits = splitsOf(p, positions);
  if (split >= splits) return;
  u16* mine = s.tiles + warp * DECODE_STAGES * stage;
  i64 keyAt = (i64)tile.kvHead * p.keyWidth;
  i64 valueAt = (i64)tile.kvHead * p.valueWidth;
  const int turns = SPLIT_POSITIONS / (TILE_WARPS * DECODE_KEYS);
  // Of the parts that this split has, every fourth sixteen positions of each.
  i64 origin = positions.start + (i64)split * SPLIT_POSITIONS + warp * DECODE_KEYS;
  i64 nextPart = (i64)p.splits * SPLIT_POSITIONS;
#define TURN(i) (origin + (i) / turns * nextPart + (i) % turns * (TILE_WARPS * DECODE_KEYS))
  i64 slot = laneSlot<DECODE_KEYS>(p, tile.sequence, TURN(0), positions.end);
  copyRows<D, DECODE_KEYS>(mine, p.keys, p.keyStride, keyAt, p.keyWidth, slot);
  copyRows<D, DECODE_KEYS>(
      mine + stage / 2, p.values, p.valueStride, valueAt, p.valueWidth, slot);
  commitCopies();
  slot = laneSlot<DECODE_KEYS>(p, tile.sequence, TURN(1), positions.end);
  loadQueries<F, D, WARP_ROWS>(p, tile, s);
  __syncthreads();
  Rows<D> rows;
  rows.begin(p, tile, s, 0);
  for (int i = 0;; i++) {
    i64 first = TURN(i);
    if (first >= positions.end) break;
    u16* keys = mine + i % DECODE_STAGES * stage;
    u16* next = mine + (i + 1) % DECODE_STAGES * stage;
    if (TURN(i + 1) < positions.end) {
      copyRows<D, DECODE_KEYS>(next, p.keys, p.keyStride, keyAt, p.keyWidth, slot);
      copyRows<D, DECODE_KEYS>(
          next + stage / 2, p.values, p.valueStride, valueAt, p.valueWidth, slot);
    }
    commitCopies();
    slot = laneSlot<DECODE_KEYS>(p, tile.sequence, TURN(i + 2), positions.end);
    waitCopies<1>();
    __syncwarp();
    float w[DECODE_KEYS / 8][4];
    float keep[2];
    scores<F, D, WARP_ROWS, DECODE_KEYS>(w, s.queries, keys, p.keyWidth);
    weigh<D, DECODE_KEYS>(p, rows, w, keep, first);
    addValues<F, D, DECODE_KEYS>(rows, w, keep, keys + stage / 2, p.valueWidth);
    __syncwarp();
  }
#undef TURN
  waitCopies<0>();
  __syncthreads();
  // The warps' sums, in place of the tiles.
  float* room = (float*)s.tiles;
  const float down = F::SCALED ? 1.0f / F16_WEIGHT : 1.0f;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    int m = warp * WARP_ROWS + lane / 4 + 8 * i;
    float total = rows.total[i];
    total += __shfl_xor_sync(FULL, total, 1);
    total += __shfl_xor_sync(FULL, total, 2);
    if (lane % 4 == 0) {
      s.peaks[m] = rows.peak[i];
      s.sums[m] = total;
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
      float2 pair = {rows.sum[n][2 * i] * down, rows.sum[n][2 * i + 1] * down};
      *(float2*)&room[m * D + 8 * n + 2 * (lane % 4)] = pair;
    }
  }
  __syncthreads();
  const int threads = TILE_THREADS / WARP_ROWS;  // a row
  int m = tid / threads;
  i64 row;
  int head;
  if (rowOf(p, tile, m, &row, &head)) {
    float peak = -infinity();
    for (int w = 0; w < TILE_WARPS; w++) peak = fmaxf(peak, s.peaks[w * WARP_ROWS + m]);
    bool whole = splits == 1;
    float sink = -infinity();
    if (whole && p.sinks != nullptr) sink = loadFloat(p.sinks, head, p.sinksDtype);
    peak = fmaxf(peak, sink);
    float share[TILE_WARPS];
    float total = whole && p.sinks != nullptr ? weightOf(sink, peak) : 0.0f;
#pragma unroll
    for (int w = 0; w < TILE_WARPS; w++) {
      share[w] = weightOf(s.peaks[w * WARP_ROWS + m], peak);
      total += share[w] * s.sums[w * WARP_ROWS + m];
    }
    i64 at = row * p.heads + head;
    if (whole) {
      bool nan = false;
      for (int c = tid % threads; c < p.valueWidth; c += threads) {
        float x = total == 0.0f ? 0.0f : mergedSum<D>(room, share, m, c) / total;
        nan |= isNan(x);
        storeFloat(p.out, at * p.valueWidth + c, p.outDtype, x);
      }
      if (nan) s.isNan[m] = 1;
    } else {
      at = (partialRow(p, tile.sequence, row) * p.heads + head) * p.splits + split;
      for (int c = tid % threads; c < p.valueWidth; c += threads) {
        p.partials[at * p.valueWidth + c] = mergedSum<D>(room, share, m, c);
      }
      if (tid % threads == 0) {
        float* to = partialShare(p, at);
        to[0] = peak;
        to[1] = total;
      }
    }
  }
  if (splits == 1) redoNans(p, tile, s.isNan, WARP_ROWS, shared);
}

// Blocks: sequences, and one for rows of none; tiles of heads; splits.
template <class F, int D>
DEVICE void decode(const AttentionParams& p, unsigned char* shared) {
  int s = blockIdx.x;
  if (s == p.sequences) {
    if (blockIdx.z == 0) {
      zeroRows(p, 0, p.cuSeqlensQ[0]);
      zeroRows(p, p.cuSeqlensQ[s], p.tokens);
    }
    return;
  }
  int first = p.cuSeqlensQ[s];
  int last = p.cuSeqlensQ[s + 1];
  if (last - first > p.fewRows) return;
  for (; first < last; first += p.tileTokens) {
    decodeTile<F, D>(p, tileOf(p, s, first), shared);
    __syncthreads();
  }
}
