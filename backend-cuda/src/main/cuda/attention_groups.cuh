// Prefill by warpgroups: relaxed numerics over BF16.
//
// A block has 128 rows in two halves of 64, whose products with a tile of 64 keys or values read it
// from shared memory once for all four warps. While the weights of one half are made, the other's
// products run.
#pragma once
#include "attention_tile.cuh"
#include "wgmma.cuh"

#define HALVES 2
#define HALF_ROWS 64
#define GROUP_ROWS (HALVES * HALF_ROWS)
#define GROUP_KEYS 64
#define GROUP_COLUMNS 64

DEVICE float power2(float x) {
#if defined(__CUDA_ARCH__)
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2f(x);
#endif
}

// Queries, two stages of keys, two of values, then whether a row is NaN. Each of `rows` rows has its
// columns in tiles of 64.
template <int D>
struct GroupShared {
  enum { KEYS_BYTES = GROUP_KEYS * D * 2 };
  u8* queries;
  u8* keys;
  u8* values;
  int* isNan;

  DEVICE GroupShared(u8* at) {
    queries = at;
    keys = queries + GROUP_ROWS * D * 2;
    values = keys + 2 * KEYS_BYTES;
    isNan = (int*)(values + 2 * KEYS_BYTES);
  }
};

// Where element c, a multiple of two, of a row lies in tiles of so many rows.
template <int ROWS>
DEVICE u32 tiledAt(int row, int c) {
  return c / GROUP_COLUMNS * (ROWS * TILE_ROW_BYTES) + row * TILE_ROW_BYTES +
         ((c % GROUP_COLUMNS / 8 ^ (row & 7)) << 4) + c % 8 * 2;
}

template <int D>
DEVICE void loadGroupQueries(const AttentionParams& p, const Tile& tile, const GroupShared<D>& s) {
  int lane = threadIdx.x % 32;
#pragma unroll 4
  for (int m = threadIdx.x / 32; m < GROUP_ROWS; m += TILE_WARPS) {
    i64 row;
    int head;
    bool valid = rowOf(p, tile, m, &row, &head);
#pragma unroll
    for (int i = 0; i < D / 64; i++) {
      int c = 64 * i + 2 * lane;
      i64 at = (row * p.heads + head) * p.keyWidth + c;
      float2 x = {0.0f, 0.0f};
      if (valid && c < p.keyWidth) {
        if (p.qDtype == F32) {
          x = *(const float2*)((const float*)p.q + at);
        } else {
          x = {loadFloat(p.q, at, p.qDtype), loadFloat(p.q, at + 1, p.qDtype)};
        }
      }
      *(u32*)(s.queries + tiledAt<GROUP_ROWS>(m, c)) = toBf16Pair(x.x, x.y);
    }
    if (lane == 0) s.isNan[m] = 0;
  }
}

// Copies of a row of a tile of keys or values by two threads, which take chunks of 16 bytes in turn.
template <int D>
struct RowCopier {
  const u16* from;
  i64 stride;
  int width;   // of a row, from the first chunk of this thread on
  u32 to;

  DEVICE void begin(const void* pool, i64 slotStride, i64 offset, int rowWidth) {
    int row = threadIdx.x / 2;
    int odd = threadIdx.x % 2;
    from = (const u16*)pool + offset + odd * 8;
    stride = slotStride;
    width = rowWidth - odd * 8;
    to = tiledAt<GROUP_KEYS>(row, odd * 8);
  }

  // From a slot; zeros where it is below 0.
  DEVICE void copy(u8* tile, i64 slot) const {
    const u16* row = from + (slot < 0 ? 0 : slot * stride);
#pragma unroll
    for (int j = 0; j < D / 16; j++) {
      bool inside = slot >= 0 && j * 16 < width;
      u32 at = j / 4 * (GROUP_KEYS * TILE_ROW_BYTES) + (to ^ (j % 4 << 5));
      copyAsync16(tile + at, inside ? row + j * 16 : from, inside ? 16 : 0);
    }
  }
};

// The slot of the row that this thread copies of the tile at `first`, -1 outside of `positions`.
DEVICE i64 copiedSlot(const AttentionParams& p, int sequence, int first, Positions positions) {
  u32 position = first + threadIdx.x / 2;
  if (position < positions.start || position >= positions.end) return -1;
  u32 page = position / (u32)p.page;
  i64 begin = (i64)p.blockTable[(i64)sequence * p.maxPages + page] * p.page;
  return begin + (position - page * (u32)p.page);
}

// A half's rows; a thread has columns of rows g and g + 8 of its warp's sixteen.
template <int D>
struct Half {
  float sum[D / 8][4];
  float peak[2];
  float total[2];
  int inner;  // all rows see inner to outer
  int outer;

  DEVICE void begin(const AttentionParams& p, const Tile& tile, int firstRow) {
#pragma unroll
    for (int i = 0; i < D / 8; i++) {
#pragma unroll
      for (int e = 0; e < 4; e++) sum[i][e] = 0.0f;
    }
    for (int i = 0; i < 2; i++) {
      peak[i] = -infinity();
      total[i] = 0.0f;
    }
    // Rows that the tile does not have ask for nothing and hide nothing.
    inner = outer = 0;
    int token = tile.first + firstRow / p.tileHeads;
    if (token >= tile.last) return;
    int lastToken = tile.first + (firstRow + HALF_ROWS - 1) / p.tileHeads;
    if (lastToken >= tile.last) lastToken = tile.last - 1;
    Positions low = allowedOf(p, token + tile.shift, tile.length);
    Positions high = allowedOf(p, lastToken + tile.shift, tile.length);
    inner = (int)high.start;
    outer = (int)low.end;
  }

};

// Makes dot products weights, rounded to a, and scales the sums to the new peaks. A weight is two to
// the power of a logit's difference from the peak, times `unit`.
template <int D>
DEVICE void weighHalf(
    const AttentionParams& p, const Tile& tile, int firstRow, Half<D>& half,
    float (&s)[GROUP_KEYS / 8][4], u32 (&a)[GROUP_KEYS / 16][4], int first, bool plain, float unit) {
  int lane = threadIdx.x % 32;
  int column = 2 * (lane % 4);
  bool whole = first >= half.inner && first + GROUP_KEYS <= half.outer;
  if (!plain || !whole) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      i64 row;
      int head;
      bool valid = rowOf(p, tile, firstRow + threadIdx.x / 32 * WARP_ROWS + lane / 4 + 8 * i, &row, &head);
      i64 position = row + tile.shift;
      Positions allowed = {0, 0};
      if (valid) allowed = allowedOf(p, position, tile.length);
      float slope = valid && p.alibi != nullptr ? loadFloat(p.alibi, head, p.alibiDtype) : 0.0f;
      int start = (int)allowed.start - first;
      int end = (int)allowed.end - first;
#pragma unroll
      for (int n = 0; n < GROUP_KEYS / 8; n++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
          int j = 8 * n + column + e;
          float x = s[n][2 * i + e];
          if (!plain) {
            x *= p.scale;
            if (p.softcap > 0.0f) x = p.softcap * tanhf(x / p.softcap);
            if (p.alibi != nullptr) x += slope * (float)(first + j - position);
          }
          s[n][2 * i + e] = j < start || j >= end ? -infinity() : x;
        }
      }
    }
  }
  float keep[2];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    float top = -infinity();
#pragma unroll
    for (int n = 0; n < GROUP_KEYS / 8; n++) top = fmaxf(top, fmaxf(s[n][2 * i], s[n][2 * i + 1]));
    top = fmaxf(top, __shfl_xor_sync(FULL, top, 1));
    top = fmaxf(top, __shfl_xor_sync(FULL, top, 2));
    float peak = fmaxf(half.peak[i], top);
    float base = peak == -infinity() ? 0.0f : peak * unit;
    keep[i] = power2(fmaf(half.peak[i], unit, -base));
    half.peak[i] = peak;
    float total = 0.0f;
#pragma unroll
    for (int n = 0; n < GROUP_KEYS / 8; n++) {
      float x = power2(fmaf(s[n][2 * i], unit, -base));
      float y = power2(fmaf(s[n][2 * i + 1], unit, -base));
      total += x + y;
      a[n / 2][n % 2 * 2 + i] = toBf16Pair(x, y);
    }
    half.total[i] = half.total[i] * keep[i] + total;
  }
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
#pragma unroll
    for (int e = 0; e < 4; e++) half.sum[n][e] *= keep[e / 2];
  }
}

DEVICE bool isNan4(const float4& x) { return isNan(x.x) || isNan(x.y) || isNan(x.z) || isNan(x.w); }

// Four elements from one whose index is a multiple of four.
DEVICE void store4(void* to, i64 at, int dtype, const float4& x) {
  if (dtype == F32) {
    *(float4*)((float*)to + at) = x;
  } else {
    storeFloat(to, at, dtype, x.x);
    storeFloat(to, at + 1, dtype, x.y);
    storeFloat(to, at + 2, dtype, x.z);
    storeFloat(to, at + 3, dtype, x.w);
  }
}

// redoNans for all rows of a block.
DEVICE void redoNanRows(const AttentionParams& p, const Tile& tile, const int* isNan, u8* shared) {
  __syncthreads();
  u64 redo[HALVES] = {0, 0};
  for (int m = 0; m < GROUP_ROWS; m++) redo[m / HALF_ROWS] |= (u64)(isNan[m] != 0) << m % HALF_ROWS;
  __syncthreads();
  for (int m = 0; m < GROUP_ROWS; m++) {
    i64 row;
    int head;
    if ((redo[m / HALF_ROWS] >> m % HALF_ROWS & 1) == 0 || !rowOf(p, tile, m, &row, &head)) continue;
    attendRow(p, row, head, shared);
    __syncthreads();
  }
}

// The rows of a half by the room of a warp, to be stored in whole lines.
template <int D>
DEVICE void storeHalf(
    const AttentionParams& p, const Tile& tile, int firstRow, const Half<D>& half, float* room,
    int* isNan, float logit) {
  int lane = threadIdx.x % 32;
  int own = firstRow + threadIdx.x / 32 * WARP_ROWS;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    float total = half.total[i];
    total += __shfl_xor_sync(FULL, total, 1);
    total += __shfl_xor_sync(FULL, total, 2);
    float share = 1.0f;
    int m = lane / 4 + 8 * i;
    i64 row;
    int head;
    if (p.sinks != nullptr && rowOf(p, tile, own + m, &row, &head)) {
      float sink = loadFloat(p.sinks, head, p.sinksDtype);
      float old = half.peak[i] == -infinity() ? -infinity() : half.peak[i] * logit;
      float peak = fmaxf(old, sink);
      share = weightOf(old, peak);
      total = total * share + weightOf(sink, peak);
    }
    float factor = total == 0.0f ? 0.0f : share / total;
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
      float2 pair = {half.sum[n][2 * i] * factor, half.sum[n][2 * i + 1] * factor};
      *(float2*)&room[m * D + 8 * n + 2 * (lane % 4)] = pair;
    }
  }
  __syncwarp();
  for (int m = 0; m < WARP_ROWS; m++) {
    i64 row;
    int head;
    if (!rowOf(p, tile, own + m, &row, &head)) continue;
    bool nan = false;
    i64 at = (row * p.heads + head) * p.valueWidth;
    for (int c = 4 * lane; c < p.valueWidth; c += 4 * WARP) {
      float4 x = *(const float4*)&room[m * D + c];
      nan |= isNan4(x);
      store4(p.out, at + c, p.outDtype, x);
    }
    if (nan) isNan[own + m] = 1;
  }
  __syncwarp();
}

// Products of a half's queries and a tile of keys.
template <int D>
DEVICE void beginScores(float (&dots)[GROUP_KEYS / 8][4], u64 queries, u64 keys) {
#pragma unroll
  for (int k = 0; k < D / 16; k++) {
    u32 at = k / 4 * (GROUP_ROWS * TILE_ROW_BYTES / 16) + k % 4 * 2;
    u32 to = k / 4 * (GROUP_KEYS * TILE_ROW_BYTES / 16) + k % 4 * 2;
    multiplyTiles<GROUP_KEYS>(dots, queries + at, keys + to, k > 0);
  }
  commitProducts();
}

// Products of a half's weights and a tile of values.
template <int D>
DEVICE void beginSums(Half<D>& half, const u32 (&weights)[GROUP_KEYS / 16][4], u64 values) {
  beginProducts();
#pragma unroll
  for (int k = 0; k < GROUP_KEYS / 16; k++) {
    multiplyRows<D>(half.sum, weights[k], values + k * (16 * TILE_ROW_BYTES / 16));
  }
  commitProducts();
}

template <int D>
DEVICE void groupTile(const AttentionParams& p, const Tile& tile, u8* shared) {
  enum { BYTES = GroupShared<D>::KEYS_BYTES };
  GroupShared<D> s(shared);
  bool plain = p.softcap <= 0.0f && p.alibi == nullptr && p.scale > 0.0f;
  float logit = plain ? p.scale : 1.0f;
  Positions positions = tilePositions(p, tile.sequence, tile.first, tile.last);
  // Whole tiles of positions: which of them share one must not hang on the rows beside a row.
  int start = (int)positions.start / GROUP_KEYS * GROUP_KEYS;
  int end = (int)positions.end;
  RowCopier<D> keyRows;
  RowCopier<D> valueRows;
  keyRows.begin(p.keys, p.keyStride, (i64)tile.kvHead * p.keyWidth, p.keyWidth);
  valueRows.begin(p.values, p.valueStride, (i64)tile.kvHead * p.valueWidth, p.valueWidth);
  i64 slot = copiedSlot(p, tile.sequence, start, positions);
  i64 next = copiedSlot(p, tile.sequence, start + GROUP_KEYS, positions);
  keyRows.copy(s.keys, slot);
  commitCopies();
  valueRows.copy(s.values, slot);
  commitCopies();
  loadGroupQueries<D>(p, tile, s);
  Half<D> low;
  Half<D> high;
  low.begin(p, tile, 0);
  high.begin(p, tile, HALF_ROWS);
  u64 queries = tileDescriptor(s.queries, 0);
  int stage = 0;
  for (int first = start; first < end; first += GROUP_KEYS, stage ^= 1) {
    float dotLow[GROUP_KEYS / 8][4];
    float dotHigh[GROUP_KEYS / 8][4];
    u32 weights[GROUP_KEYS / 16][4];
    u32 weightsHigh[GROUP_KEYS / 16][4];
    u64 keys = tileDescriptor(s.keys + stage * BYTES, 0);
    u64 values = tileDescriptor(s.values + stage * BYTES, GROUP_KEYS * TILE_ROW_BYTES);
    waitCopies<1>();
    showToProducts();
    __syncthreads();  // the keys are there, and those before are done with
    beginProducts();
    beginScores<D>(dotLow, queries, keys);
    beginScores<D>(dotHigh, queries + HALF_ROWS * TILE_ROW_BYTES / 16, keys);
    keyRows.copy(s.keys + (stage ^ 1) * BYTES, next);
    commitCopies();
    i64 afterNext = copiedSlot(p, tile.sequence, first + 2 * GROUP_KEYS, positions);
    waitProducts<1>();
    weighHalf<D>(p, tile, 0, low, dotLow, weights, first, plain, logit * LOG2E);
    waitCopies<1>();
    showToProducts();
    __syncthreads();  // the values are there, and those before are done with
    beginSums<D>(low, weights, values);
    valueRows.copy(s.values + (stage ^ 1) * BYTES, next);
    commitCopies();
    next = afterNext;
    waitProducts<1>();
    weighHalf<D>(p, tile, HALF_ROWS, high, dotHigh, weightsHigh, first, plain, logit * LOG2E);
    beginSums<D>(high, weightsHigh, values);
    waitProducts<0>();
  }
  waitCopies<0>();
  __syncthreads();
  float* room = (float*)shared + threadIdx.x / 32 * WARP_ROWS * D;
  storeHalf<D>(p, tile, 0, low, room, s.isNan, logit);
  storeHalf<D>(p, tile, HALF_ROWS, high, room, s.isNan, logit);
  redoNanRows(p, tile, s.isNan, shared);
}

template <int D>
DEVICE void prefillGroups(const AttentionParams& p, u8* shared) {
  int first;
  int s = prefillRows(p, &first);
  if (s >= 0) groupTile<D>(p, tileOf(p, s, first), shared);
}
