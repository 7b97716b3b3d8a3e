// Prefill: each warp of a block has rows of its own, and all go through the same tiles.
#pragma once
#include "attention_tile.cuh"

#define PREFILL_ROWS (TILE_WARPS * WARP_ROWS)
#define PREFILL_KEYS(D) ((D) > 128 ? 32 : 64)

template <class F, int D>
DEVICE void prefillTile(const AttentionParams& p, const Tile& tile, unsigned char* shared) {
  const int KEYS = PREFILL_KEYS(D);
  const int mine = KEYS / TILE_WARPS;  // rows of a tile that a warp copies
  Shared<F, D, PREFILL_ROWS> s(shared, 2 * KEYS);
  int lane = threadIdx.x % 32;
  int warp = threadIdx.x / 32;
  u16* keys = s.tiles;
  u16* values = s.tiles + KEYS * STRIDE(D);
  u16* myKeys = keys + warp * mine * STRIDE(D);
  u16* myValues = values + warp * mine * STRIDE(D);
  i64 keyAt = (i64)tile.kvHead * p.keyWidth;
  i64 valueAt = (i64)tile.kvHead * p.valueWidth;
  Positions positions = tilePositions(p, tile.sequence, tile.first, tile.last);
  // Whole tiles of positions: which of them share one must not hang on the rows beside a row.
  i64 begin = positions.start / KEYS * KEYS;
  i64 slot = laneSlot<mine>(p, tile.sequence, begin + warp * mine, positions);
  copyRows<D, mine>(myKeys, p.keys, p.keyStride, keyAt, p.keyWidth, slot);
  commitCopies();
  loadQueries<F, D, PREFILL_ROWS>(p, tile, s);
  __syncthreads();
  Rows<D> rows;
  rows.begin(p, tile, s, warp * WARP_ROWS);
  for (i64 first = begin; first < positions.end; first += KEYS) {
    i64 next = laneSlot<mine>(p, tile.sequence, first + KEYS + warp * mine, positions);
    bool seen = first < rows.to && first + KEYS > rows.from;
    waitCopies<0>();
    __syncthreads();  // the keys are there, and the values before are done with
    copyRows<D, mine>(myValues, p.values, p.valueStride, valueAt, p.valueWidth, slot);
    commitCopies();
    float w[KEYS / 8][4];
    float keep[2];
    if (seen) {
      scores<F, D, PREFILL_ROWS, KEYS>(
          w, s.queries + warp * WARP_ROWS * STRIDE(D), keys, p.keyWidth);
      weigh<D, KEYS>(p, rows, w, keep, first);
    }
    waitCopies<0>();
    __syncthreads();  // the values are there, and the keys done with
    slot = next;
    copyRows<D, mine>(myKeys, p.keys, p.keyStride, keyAt, p.keyWidth, slot);
    commitCopies();
    if (seen) addValues<F, D, KEYS>(rows, w, keep, values, p.valueWidth);
  }
  waitCopies<0>();
  __syncthreads();
  // A warp's rows, in place of queries and tiles, to be stored in whole lines.
  float* room = (float*)shared + warp * WARP_ROWS * D;
  const float down = F::SCALED ? 1.0f / F16_WEIGHT : 1.0f;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    float total = rows.total[i];
    total += __shfl_xor_sync(FULL, total, 1);
    total += __shfl_xor_sync(FULL, total, 2);
    float share = 1.0f;
    int m = lane / 4 + 8 * i;
    i64 row;
    int head;
    if (p.sinks != nullptr && rowOf(p, tile, warp * WARP_ROWS + m, &row, &head)) {
      float sink = loadFloat(p.sinks, head, p.sinksDtype);
      float peak = fmaxf(rows.peak[i], sink);
      share = weightOf(rows.peak[i], peak);
      total = total * share + weightOf(sink, peak);
    }
    float factor = total == 0.0f ? 0.0f : share * down / total;
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
      float2 pair = {rows.sum[n][2 * i] * factor, rows.sum[n][2 * i + 1] * factor};
      *(float2*)&room[m * D + 8 * n + 2 * (lane % 4)] = pair;
    }
  }
  __syncwarp();
  for (int m = 0; m < WARP_ROWS; m++) {
    i64 row;
    int head;
    if (!rowOf(p, tile, warp * WARP_ROWS + m, &row, &head)) continue;
    bool nan = false;
    for (int c = lane; c < p.valueWidth; c += 32) {
      float x = room[m * D + c];
      nan |= isNan(x);
      storeFloat(p.out, (row * p.heads + head) * p.valueWidth + c, p.outDtype, x);
    }
    if (nan) s.isNan[warp * WARP_ROWS + m] = 1;
  }
  redoNans(p, tile, s.isNan, PREFILL_ROWS, shared);
}

// Blocks: tiles of rows; tiles of heads.
template <class F, int D>
DEVICE void prefill(const AttentionParams& p, unsigned char* shared) {
  Tile tile;
  if (prefillTileOf(p, &tile)) prefillTile<F, D>(p, tile, shared);
}
