// Prefill by warpgroups: relaxed numerics over BF16.
//
// A block has two warpgroups of 64 rows each, which go through the same tiles of keys and values and
// take turns: while one multiplies, the other makes weights. The first one copies the tiles.
#pragma once
#include "attention_tile.cuh"
#include "wgmma.cuh"

#define GROUP_THREADS 256
#define GROUP_WARPS (GROUP_THREADS / WARP)
#define COPY_WARPS 4  // of the first warpgroup
#define GROUP_ROWS 128
#define GROUP_COLUMNS 64

// Floats from one row of a warp's room to the next, so that eight rows lie in other banks.
#define ROOM_STRIDE(D) ((D) + 8)

DEVICE float power2(float x) {
#if defined(__CUDA_ARCH__)
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2f(x);
#endif
}

// Queries, two stages of keys, two of values, then which rows are NaN, a word a warp. Rows have their
// columns in tiles of 64.
template <int D>
struct GroupShared {
  enum { KEYS = D > 128 ? 64 : 128, STAGE_BYTES = KEYS * D * 2 };
  u8* queries;
  u8* keys;
  u8* values;
  u32* nans;

  DEVICE GroupShared(u8* at) {
    queries = at;
    keys = queries + GROUP_ROWS * D * 2;
    values = keys + 2 * STAGE_BYTES;
    nans = (u32*)(values + 2 * STAGE_BYTES);
  }
};

// Where element c, a multiple of two, of a row lies in tiles of so many rows.
template <int ROWS>
DEVICE u32 tiledAt(int row, int c) {
  return c / GROUP_COLUMNS * (ROWS * TILE_ROW_BYTES) + row * TILE_ROW_BYTES +
         ((c % GROUP_COLUMNS / 8 ^ (row & 7)) << 4) + c % 8 * 2;
}

// Where the row that a lane holds of a warp's sixteen begins in memory that lies as [tokens, heads,
// width]; -1 where the tile has no such row.
DEVICE i64 heldRow(const AttentionParams& p, const Tile& tile, int firstRow, int width) {
  i64 row;
  int head;
  bool valid = rowOf(p, tile, firstRow + threadIdx.x % WARP_ROWS, &row, &head);
  return valid ? (row * p.heads + head) * width : -1;
}

// Four elements from one whose index is a multiple of four.
DEVICE float4 load4(const void* from, i64 at, int dtype) {
  if (dtype == F32) return *(const float4*)((const float*)from + at);
  return make_float4(loadFloat(from, at, dtype), loadFloat(from, at + 1, dtype),
                     loadFloat(from, at + 2, dtype), loadFloat(from, at + 3, dtype));
}

// A warp's rows of the queries, of a dtype that the compiler knows where it is F32.
template <int D>
DEVICE void loadWarpQueries(
    const AttentionParams& p, u8* queries, int firstRow, i64 held, int dtype) {
  enum { LANES = D / 4 < WARP ? D / 4 : WARP, ROWS = WARP / LANES };  // of a row; at once
  int lane = threadIdx.x % WARP;
#pragma unroll 8
  for (int m = lane / LANES; m < WARP_ROWS; m += ROWS) {
    i64 at = __shfl_sync(FULL, held, m);
#pragma unroll
    for (int c = lane % LANES * 4; c < D; c += LANES * 4) {
      float4 x = {0.0f, 0.0f, 0.0f, 0.0f};
      if (at >= 0 && c < p.keyWidth) x = load4(p.q, at + c, dtype);
      uint2 pairs = make_uint2(toBf16Pair(x.x, x.y), toBf16Pair(x.z, x.w));
      *(uint2*)(queries + tiledAt<GROUP_ROWS>(firstRow + m, c)) = pairs;
    }
  }
}

template <int D>
DEVICE void loadGroupQueries(const AttentionParams& p, const Tile& tile, u8* queries, int firstRow) {
  i64 held = heldRow(p, tile, firstRow, p.keyWidth);
  if (p.qDtype == F32) {
    loadWarpQueries<D>(p, queries, firstRow, held, F32);
  } else {
    loadWarpQueries<D>(p, queries, firstRow, held, p.qDtype);
  }
}

// Copies a tile of keys or values: a warp of the first warpgroup its rows of it, eight lanes 128 bytes
// of one.
template <int D>
struct TileCopier {
  enum { KEYS = GroupShared<D>::KEYS, ROWS = KEYS / COPY_WARPS };
  const u16* from;
  i64 stride;
  int width;  // of a row, from this lane's first chunk on
  u32 to;

  DEVICE void begin(const void* pool, i64 slotStride, i64 offset, int rowWidth) {
    int lane = threadIdx.x % WARP;
    from = (const u16*)pool + offset + lane % 8 * 8;
    stride = slotStride;
    width = rowWidth - lane % 8 * 8;
    to = tiledAt<KEYS>(threadIdx.x / WARP % COPY_WARPS * ROWS + lane / 8, lane % 8 * 8);
  }

  // From the slots that the lanes hold; zeros where one is below 0.
  DEVICE void copy(u8* tile, int slot) const {
#pragma unroll
    for (int i = 0; i < ROWS; i += 4) {
      int mine = __shfl_sync(FULL, slot, i + threadIdx.x % WARP / 8);
      const u16* row = from + (mine < 0 ? 0 : mine * stride);
      // The swizzle of row r + 4 differs in its third bit.
      u32 at = i * TILE_ROW_BYTES + (to ^ (i % 8 << 4));
#pragma unroll
      for (int j = 0; j < D / GROUP_COLUMNS; j++) {
        u8* chunk = tile + j * (KEYS * TILE_ROW_BYTES) + at;
        bool inside = mine >= 0 && j * GROUP_COLUMNS < width;
        copyAsync16(chunk, row + j * GROUP_COLUMNS, inside ? 16 : 0);
      }
    }
  }
};

// The slot of the row that this lane holds of the tile at `first`, -1 outside of `positions`.
template <int D>
DEVICE int copiedSlot(const AttentionParams& p, int sequence, int first, Positions positions) {
  enum { ROWS = TileCopier<D>::ROWS };
  int position = first + threadIdx.x / WARP % COPY_WARPS * ROWS + threadIdx.x % ROWS;
  if (position < positions.start || position >= positions.end) return -1;
  return (int)slotOf(p, sequence, position);
}

// A warp's sixteen rows; a thread has columns of rows g and g + 8.
template <int D>
struct GroupRows {
  float sum[D / 8][4];
  float peak[2];
  float total[2];

  DEVICE void begin() {
#pragma unroll
    for (int i = 0; i < D / 8; i++) {
#pragma unroll
      for (int e = 0; e < 4; e++) sum[i][e] = 0.0f;
    }
    for (int i = 0; i < 2; i++) {
      peak[i] = -infinity();
      total[i] = 0.0f;
    }
  }
};

// Makes dot products logits, or leaves them to be multiplied by the scale, where they are PLAIN;
// -infinity where a row may not see.
template <bool PLAIN, int KEYS>
DEVICE void maskDots(
    const AttentionParams& p, const Tile& tile, int firstRow, float (&s)[KEYS / 8][4], int first) {
  int lane = threadIdx.x % WARP;
  int column = 2 * (lane % 4);
#pragma unroll
  for (int i = 0; i < 2; i++) {
    i64 row;
    int head;
    bool valid = rowOf(p, tile, firstRow + lane / 4 + 8 * i, &row, &head);
    i64 position = row + tile.shift;
    Positions allowed = {0, 0};
    if (valid) allowed = allowedOf(p, position, tile.length);
    float slope = 0.0f;
    if (!PLAIN && valid && p.alibi != nullptr) slope = loadFloat(p.alibi, head, p.alibiDtype);
    int start = (int)allowed.start - first - column;
    int end = (int)allowed.end - first - column;
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
      for (int e = 0; e < 2; e++) {
        int j = 8 * n + e;
        float x = s[n][2 * i + e];
        if (!PLAIN) {
          x *= p.scale;
          if (p.softcap > 0.0f) x = p.softcap * tanhf(x / p.softcap);
          if (p.alibi != nullptr) x += slope * (float)(first + column + j - position);
        }
        s[n][2 * i + e] = j < start || j >= end ? -infinity() : x;
      }
    }
  }
}

// Makes logits weights, two to the power of a logit's difference from the peak times `unit`; `keep`
// is what is kept of the sums before.
template <int D, int KEYS>
DEVICE void weighGroup(GroupRows<D>& rows, float (&s)[KEYS / 8][4], float (&keep)[2], float unit) {
#pragma unroll
  for (int i = 0; i < 2; i++) {
    float top = -infinity();
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) top = fmaxf(top, fmaxf(s[n][2 * i], s[n][2 * i + 1]));
    top = fmaxf(top, __shfl_xor_sync(FULL, top, 1));
    top = fmaxf(top, __shfl_xor_sync(FULL, top, 2));
    float peak = fmaxf(rows.peak[i], top);
    float base = peak == -infinity() ? 0.0f : peak * unit;
    keep[i] = power2(fmaf(rows.peak[i], unit, -base));
    rows.peak[i] = peak;
    float total = 0.0f;
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
      float x = power2(fmaf(s[n][2 * i], unit, -base));
      float y = power2(fmaf(s[n][2 * i + 1], unit, -base));
      total += x + y;
      s[n][2 * i] = x;
      s[n][2 * i + 1] = y;
    }
    rows.total[i] = rows.total[i] * keep[i] + total;
  }
}

// Weights as the products with values take them.
template <int KEYS>
DEVICE void roundWeights(const float (&s)[KEYS / 8][4], u32 (&a)[KEYS / 16][4]) {
#pragma unroll
  for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
    for (int i = 0; i < 2; i++) a[n / 2][n % 2 * 2 + i] = toBf16Pair(s[n][2 * i], s[n][2 * i + 1]);
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

// redoNans for all rows of a block; a lane says whether the row that it holds is NaN.
DEVICE void redoNanRows(
    const AttentionParams& p, const Tile& tile, u32* nans, int firstRow, bool isNan, u8* shared) {
  u32 mine = __ballot_sync(FULL, isNan) & 0xFFFF;
  if (!__syncthreads_or(mine != 0)) return;
  if (threadIdx.x % WARP == 0) nans[firstRow / WARP_ROWS] = mine;
  __syncthreads();
  for (int m = 0; m < GROUP_ROWS; m++) {
    i64 row;
    int head;
    bool again = (nans[m / WARP_ROWS] >> m % WARP_ROWS & 1) != 0;
    if (!again || !rowOf(p, tile, m, &row, &head)) continue;
    attendRow(p, row, head, shared);
    __syncthreads();
  }
}

// Stores a warp's rows from its room, in whole lines; returns whether the row that a lane holds is NaN.
template <int D>
DEVICE bool storeRoom(const AttentionParams& p, const float* room, i64 held, int dtype) {
  int lane = threadIdx.x % WARP;
  bool isNan = false;
#pragma unroll 4
  for (int m = 0; m < WARP_ROWS; m++) {
    i64 at = __shfl_sync(FULL, held, m);
    bool nan = false;
#pragma unroll
    for (int c = 4 * lane; c < D; c += 4 * WARP) {
      if (at < 0 || c >= p.valueWidth) continue;
      float4 x = *(const float4*)&room[m * ROOM_STRIDE(D) + c];
      nan |= isNan4(x);
      store4(p.out, at + c, dtype, x);
      if (p.rounded != nullptr) {
        *(uint2*)((u16*)p.rounded + at + c) = make_uint2(toBf16Pair(x.x, x.y), toBf16Pair(x.z, x.w));
      }
    }
    if (__any_sync(FULL, nan) && m == lane) isNan = true;
  }
  return isNan;
}

// A warp's rows by its room; whether the row that a lane holds is NaN.
template <int D>
DEVICE bool storeGroup(
    const AttentionParams& p, const Tile& tile, int firstRow, const GroupRows<D>& rows, float* room,
    float logit) {
  int lane = threadIdx.x % WARP;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    float total = rows.total[i];
    total += __shfl_xor_sync(FULL, total, 1);
    total += __shfl_xor_sync(FULL, total, 2);
    float share = 1.0f;
    int m = lane / 4 + 8 * i;
    i64 row;
    int head;
    if (p.sinks != nullptr && rowOf(p, tile, firstRow + m, &row, &head)) {
      float sink = loadFloat(p.sinks, head, p.sinksDtype);
      float old = rows.peak[i] == -infinity() ? -infinity() : rows.peak[i] * logit;
      float peak = fmaxf(old, sink);
      share = weightOf(old, peak);
      total = total * share + weightOf(sink, peak);
    }
    float factor = total == 0.0f ? 0.0f : share / total;
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
      float2 pair = {rows.sum[n][2 * i] * factor, rows.sum[n][2 * i + 1] * factor};
      *(float2*)&room[m * ROOM_STRIDE(D) + 8 * n + 2 * (lane % 4)] = pair;
    }
  }
  __syncwarp();
  i64 held = heldRow(p, tile, firstRow, p.valueWidth);
  return p.outDtype == F32 ? storeRoom<D>(p, room, held, F32) : storeRoom<D>(p, room, held, p.outDtype);
}

// Products of a warpgroup's queries and a tile of keys.
template <int D, int KEYS>
DEVICE void beginScores(float (&dots)[KEYS / 8][4], u64 queries, u64 keys) {
#pragma unroll
  for (int k = 0; k < D / 16; k++) {
    u32 at = k / 4 * (GROUP_ROWS * TILE_ROW_BYTES / 16) + k % 4 * 2;
    u32 to = k / 4 * (KEYS * TILE_ROW_BYTES / 16) + k % 4 * 2;
    multiplyTiles<KEYS>(dots, queries + at, keys + to, k > 0);
  }
  commitProducts();
}

// Products of a warpgroup's weights and a tile of values.
template <int D, int KEYS>
DEVICE void beginSums(GroupRows<D>& rows, const u32 (&weights)[KEYS / 16][4], u64 values) {
#pragma unroll
  for (int k = 0; k < KEYS / 16; k++) {
    multiplyRows<D>(rows.sum, weights[k], values + k * (16 * TILE_ROW_BYTES / 16));
  }
  commitProducts();
}

// A block's walk through tiles of keys and values. PLAIN: a logit is a dot product times a positive
// scale, and nothing else.
template <int D, bool PLAIN>
struct GroupWalk {
  enum { KEYS = GroupShared<D>::KEYS, BYTES = GroupShared<D>::STAGE_BYTES };
  GroupShared<D> s;
  Positions positions;
  TileCopier<D> keyRows;
  TileCopier<D> valueRows;
  GroupRows<D> rows;
  float dots[KEYS / 8][4];
  u32 weights[KEYS / 16][4];
  float keep[2];
  float unit;    // of a dot product or logit, in powers of two
  int firstRow;  // of this warp
  int first;     // position of the tile whose weights are made
  int slot;      // that this lane copies of the next tile
  int afterNext;
  int stage;
  u64 queries;

  DEVICE GroupWalk(u8* shared) : s(shared) {}

  DEVICE void beginDots(int stage) {
    beginScores<D, KEYS>(dots, queries, tileDescriptor(s.keys + stage * BYTES, 0));
  }

  DEVICE void addValues() {
    u64 values = tileDescriptor(s.values + stage * BYTES, KEYS * TILE_ROW_BYTES);
    beginSums<D, KEYS>(rows, weights, values);
  }

  template <bool MASKED>
  DEVICE void weigh(const AttentionParams& p, const Tile& tile) {
    if (MASKED) maskDots<PLAIN, KEYS>(p, tile, firstRow, dots, first);
    weighGroup<D, KEYS>(rows, dots, keep, unit);
  }

  int warpgroup;  // 0 or 1

  // Waits until it is this warpgroup's turn to multiply, and its tiles are there. Those before them are
  // done with then by the other one, too.
  DEVICE void takeTurn() {
    if (warpgroup == 0) {
      waitCopies<0>();
      showToProducts();
    }
    barrierSync(1 + warpgroup, GROUP_THREADS);
  }
  DEVICE void giveTurn() { barrierArrive(2 - warpgroup, GROUP_THREADS); }

  // Up to the weights of the first tile.
  DEVICE void begin(const AttentionParams& p, const Tile& tile) {
    warpgroup = __shfl_sync(FULL, (int)threadIdx.x / 128, 0);
    firstRow = threadIdx.x / WARP * WARP_ROWS;
    unit = (PLAIN ? p.scale : 1.0f) * LOG2E;
    stage = 0;
    positions = tilePositions(p, tile.sequence, tile.first, tile.last);
    // Whole tiles of positions: which of them share one must not hang on the rows beside a row.
    first = (int)positions.start / KEYS * KEYS;
    keyRows.begin(p.keys, p.keyStride, (i64)tile.kvHead * p.keyWidth, p.keyWidth);
    valueRows.begin(p.values, p.valueStride, (i64)tile.kvHead * p.valueWidth, p.valueWidth);
    int now = copiedSlot<D>(p, tile.sequence, first, positions);
    slot = copiedSlot<D>(p, tile.sequence, first + KEYS, positions);
    if (warpgroup == 0) keyRows.copy(s.keys, now);
    commitCopies();
    loadGroupQueries<D>(p, tile, s.queries, firstRow);
    if (warpgroup == 0) {
      keyRows.copy(s.keys + BYTES, slot);
      valueRows.copy(s.values, now);
    }
    commitCopies();
    afterNext = copiedSlot<D>(p, tile.sequence, first + 2 * KEYS, positions);
    rows.begin();
    queries = tileDescriptor(s.queries + threadIdx.x / 128 * (64 * TILE_ROW_BYTES), 0);
    waitCopies<1>();
    showToProducts();
    __syncthreads();  // queries and the first keys are there
    beginProducts();
    beginDots(0);
    waitProducts<0>();
    weigh<true>(p, tile);
    roundWeights<KEYS>(dots, weights);
    if (warpgroup == 1) giveTurn();
  }

  // From the weights of a tile to those of the next, which all rows see whole unless it is MASKED.
  template <bool MASKED>
  DEVICE void turn(const AttentionParams& p, const Tile& tile) {
    takeTurn();
    beginProducts();
    beginDots(stage ^ 1);
    if (warpgroup == 0) {
      valueRows.copy(s.values + (stage ^ 1) * BYTES, slot);
      keyRows.copy(s.keys + stage * BYTES, afterNext);
      commitCopies();
    }
    addValues();
    first += KEYS;
    stage ^= 1;
    slot = afterNext;
    afterNext = copiedSlot<D>(p, tile.sequence, first + 2 * KEYS, positions);
    waitProducts<0>();
    giveTurn();
    weigh<MASKED>(p, tile);
    roundWeights<KEYS>(dots, weights);
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
#pragma unroll
      for (int e = 0; e < 4; e++) rows.sum[n][e] *= keep[e / 2];
    }
  }

  DEVICE void run(const AttentionParams& p, const Tile& tile) {
    begin(p, tile);
    // All rows of the block see inner to outer.
    int inner = (int)allowedOf(p, tile.last - 1 + tile.shift, tile.length).start;
    int outer = (int)allowedOf(p, tile.first + tile.shift, tile.length).end;
    int end = (int)positions.end;
    if (PLAIN) {
      while (first + KEYS < inner && first + KEYS < end) turn<true>(p, tile);
      while (first + 2 * KEYS <= outer) turn<false>(p, tile);
    }
    while (first + KEYS < end) turn<true>(p, tile);
    takeTurn();
    beginProducts();
    addValues();
    waitProducts<0>();
    if (warpgroup == 0) giveTurn();
    __syncthreads();
    float* room = (float*)s.queries + firstRow * ROOM_STRIDE(D);
    bool isNan = storeGroup<D>(p, tile, firstRow, rows, room, PLAIN ? p.scale : 1.0f);
    redoNanRows(p, tile, s.nans, firstRow, isNan, s.queries);
  }
};

template <int D>
DEVICE void prefillGroups(const AttentionParams& p, u8* shared) {
  Tile tile;
  if (!prefillTileOf(p, &tile)) return;
  if (p.softcap <= 0.0f && p.alibi == nullptr && p.scale > 0.0f) {
    GroupWalk<D, true>(shared).run(p, tile);
  } else {
    GroupWalk<D, false>(shared).run(p, tile);
  }
}
