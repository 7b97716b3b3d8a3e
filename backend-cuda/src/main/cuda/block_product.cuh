// Products of few rows of x with weights in blocks, also those of chosen experts: the weights are read
// once, as they lie, and multiplied by tensor cores.
//
// A warp makes 16 columns of the result for all rows. Codes are exact as BF16; a number of x is the sum
// of three planes that are (gemm.cuh says how), each a column of its own, so that products are exact and
// sums are in F32. Where one plane is asked for, x is rounded. The warps of a block share the columns
// and take turns along k; a block makes one tile of columns after another, and what it reads is under
// way some turns ahead.
#pragma once
#include "block_codes.cuh"
#include "blocks.cuh"
#include "tensor_core.cuh"

struct BlockProductParams {
  const float* x;             // [products / sharing, rows, k]
  const u8* weight;           // [experts, n, k]
  const int* ids;             // the expert of each product, null for 0
  const void* bias;           // [experts, n]
  void* out;                  // [products, rows, n]
  const BlockFormat* format;  // null for BF16
  i64 products;
  i64 experts;
  i64 n;
  i64 k;
  int from;                   // the elements of k that this launch multiplies, whole blocks: where
  int length;                 // shared memory has no room for all of x, it takes several
  int sharing;                // products that have the same x
  int rows;
  int planes;                 // of x, 3 or 1
  int biasDtype;
  int outDtype;
};

#define PRODUCT_THREADS 512   // at most
#define PRODUCT_ROWS 16       // of w that a warp multiplies at once

// What a warp reads of a row in a turn. Rows lie an odd number of 16 bytes apart in shared memory, so
// that eight of them are in different banks, with room for rows that begin anywhere. BlockProducts.java
// asks for as much.
template <typename C>
struct Turn {
  enum {
    ELEMENTS = C::BYTES > C::ELEMENTS ? 128 : 256,
    BLOCKS = ELEMENTS / C::ELEMENTS,
    BYTES = BLOCKS * C::BYTES,
    PIECES = (BYTES + 15) / 16 + 1,
    STRIDE = (PIECES | 1) * 16,
    STAGE = PRODUCT_ROWS * STRIDE,
    STAGES = BYTES > 192 ? 2 : 3  // under way or in use
  };
};

// One result weight by weight, by a whole warp. Sums of a group may be infinite where those of its
// products are not, and an infinite scale makes NaN of codes of both signs.
__noinline__ __device__ float productAgain(
    const BlockProductParams& p, const float* x, i64 row) {
  float sum = 0;
  for (i64 k = threadIdx.x & 31; k < p.k; k += WARP) {
    float w = p.format != nullptr ? blockElement(*p.format, p.weight, row * p.k + k)
                                  : fromBf16(((const u16*)p.weight)[row * p.k + k]);
    sum = fmaf(w, x[k], sum);
  }
  return warpSum(sum);
}

template <typename C, int TILES>
struct BlockProduct {
  typedef Turn<C> T;
  enum { COLUMNS = TILES * 8, PART = COLUMNS * PRODUCT_ROWS };

  const BlockProductParams& p;
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int warps = (int)(blockDim.x >> 5);
  int g = lane >> 2;
  int t = lane & 3;
  int columns = p.rows * p.planes;
  i64 rowBytes = p.k / C::ELEMENTS * C::BYTES;
  int tiles = (int)((p.n + PRODUCT_ROWS - 1) / PRODUCT_ROWS);
  int turns = (p.length + T::ELEMENTS - 1) / T::ELEMENTS;
  int bytes = p.length / C::ELEMENTS * C::BYTES;
  u8* stages;
  u8* xs;     // [length / 32, columns, 32] BF16: of each lane of four its elements, as pairs come
  u16* sums;  // [length / 256, columns, 8] BF16: of x over a group, for minima
  float* part;

  DEVICE BlockProduct(const BlockProductParams& params, u8* shared) : p(params) {
    part = (float*)shared;
    stages = shared + 2 * warps * PART * 4;
    xs = stages + warps * T::STAGES * T::STAGE;
    sums = (u16*)(xs + p.length * columns * 2);
    stages += warp * T::STAGES * T::STAGE;
  }

  DEVICE i64 expertOf(i64 product) const { return p.ids != nullptr ? p.ids[product] : 0; }
  DEVICE bool isChosen(i64 expert) const { return expert >= 0 && expert < p.experts; }

  // A tile of a product's columns, and where the first of its rows of w begins.
  struct Place {
    i64 product;
    int tile;
    const u8* rows;
  };

  DEVICE Place placeOf(i64 product, int tile) const {
    i64 expert = expertOf(product);
    i64 row = (isChosen(expert) ? expert : 0) * p.n + (i64)tile * PRODUCT_ROWS;
    return {product, tile, p.weight + row * rowBytes + p.from / C::ELEMENTS * C::BYTES};
  }

  DEVICE void advance(Place& at) const {
    if (at.tile + 1 < tiles) {
      at.tile++;
      at.rows += PRODUCT_ROWS * rowBytes;
    } else if (at.product + 1 < p.products) {
      at = placeOf(at.product + 1, 0);
    }
  }

  // First byte of a row; past the last column the last one is read again, and not used.
  DEVICE const u8* rowOf(const Place& at, int row) const {
    int last = (int)(p.n - 1 - (i64)at.tile * PRODUCT_ROWS);
    return at.rows + (row < last ? row : last) * rowBytes;
  }

  DEVICE void fetch(u8* stage, const Place& place, int turn) const {
    int from = turn * T::BYTES;
    int now = bytes - from < T::BYTES ? bytes - from : T::BYTES;
#pragma unroll
    for (int i = 0; i < (PRODUCT_ROWS * T::PIECES + WARP - 1) / WARP; i++) {
      int piece = i * WARP + lane;
      int row = piece / T::PIECES;
      int at = piece % T::PIECES * 16;
      if (row >= PRODUCT_ROWS) break;
      const u8* first = rowOf(place, row) + from;
      int before = (int)((u64)first & 15);
      int left = now + before - at;
      if (left > 0) {
        copyAsync16(stage + row * T::STRIDE + at, first - before + at, left < 16 ? left : 16);
      }
    }
  }

  // Rows of x in planes.
  DEVICE void takeX(i64 source) {
    const float* x = p.x + source * p.rows * p.k + p.from;
    int units = p.length / 4;
    for (int from = 0; from < p.rows * units; from += (int)blockDim.x) {
      int i = from + threadIdx.x;
      bool in = i < p.rows * units;
      int r = in ? i / units : 0;
      int unit = in ? i % units : 0;
      float4 v = {0, 0, 0, 0};
      if (in) v = *(const float4*)(x + r * p.k + unit * 4);
      u8* to = xs + ((unit / 8) * columns + r * p.planes) * 64 + (unit % 4) * 16 + (unit / 4 % 2) * 8;
      float sum = 0;
      for (int plane = 0; plane < p.planes; plane++) {
        uint2 pairs;
        if (p.planes == 1) {
          pairs = make_uint2(toBf16Pair(v.x, v.z), toBf16Pair(v.y, v.w));
        } else {
          pairs.x = (u32)nextPlane(v.x) | (u32)nextPlane(v.z) << 16;
          pairs.y = (u32)nextPlane(v.y) | (u32)nextPlane(v.w) << 16;
        }
        if (in) *(uint2*)(to + plane * 64) = pairs;
        if (C::HAS_MIN) {
          sum += (fromBf16((u16)pairs.x) + fromBf16((u16)(pairs.x >> 16))) +
                 (fromBf16((u16)pairs.y) + fromBf16((u16)(pairs.y >> 16)));
        }
      }
      if (C::HAS_MIN) {
#pragma unroll
        for (int d = 4; d > 0; d >>= 1) sum += __shfl_xor_sync(FULL, sum, d);
        if (in && unit % 8 == 0) {
          int group = unit / 8;
          u16* at = sums + ((group / 8) * columns + r * p.planes) * 8 + group % 8;
          for (int plane = 0; plane < p.planes; plane++) {
            at[plane * 8] = p.planes == 1 ? toBf16(sum) : nextPlane(sum);
          }
        }
      }
    }
  }

  // One turn of 16 rows; `x` and `groupSums` begin where it does.
  DEVICE void multiply(const u8* first, const u8* second, int blocks, const u8* x, const u16* groupSums,
                       float (&sum)[TILES][4], u32 (&nans)[2]) const {
#pragma unroll
    for (int b = 0; b < T::BLOCKS; b++) {
      if (b >= blocks) break;
      C above(first + b * C::BYTES);
      C below(second + b * C::BYTES);
      float d[TILES][4];
#pragma unroll
      for (int group = 0; group < C::ELEMENTS / CODE_GROUP; group++) {
        uint4 xv[TILES];
#pragma unroll
        for (int i = 0; i < TILES; i++) {
          int column = i * 8 + g;
          xv[i] = {0, 0, 0, 0};
          if (column < columns) {
            int at = b * (C::ELEMENTS / CODE_GROUP) + group;
            xv[i] = *(const uint4*)(x + (at * columns + column) * 64 + t * 16);
          }
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
          u32 upper[2];
          u32 lower[2];
          above.pairs(group, half, t, upper);
          below.pairs(group, half, t, lower);
          u32 a[4] = {upper[0], lower[0], upper[1], lower[1]};
          if constexpr (C::HAS_NAN != 0) {
            nans[0] |= above.nans(group, half, t);
            nans[1] |= below.nans(group, half, t);
          }
          const int at = group * CODE_GROUP + half * 16;
          const bool begins = at % C::SCALED == 0;
          const bool ends = (at + 16) % C::SCALED == 0;
          float scales[2];
          if (ends) {
            scales[0] = above.scale(group, half);
            scales[1] = below.scale(group, half);
          }
#pragma unroll
          for (int i = 0; i < TILES; i++) {
            if (begins) d[i][0] = d[i][1] = d[i][2] = d[i][3] = 0;
            u32 bx[2] = {half == 0 ? xv[i].x : xv[i].z, half == 0 ? xv[i].y : xv[i].w};
            mmaBf16(d[i], a, bx);
            if (ends) {
#pragma unroll
              for (int e = 0; e < 4; e++) sum[i][e] = fmaf(scales[e >> 1], d[i][e], sum[i][e]);
            }
          }
        }
      }
      if constexpr (C::HAS_MIN != 0) {
        u32 a[4] = {above.minimumPair(t), below.minimumPair(t), 0, 0};
        float lowest[2] = {above.minimum(), below.minimum()};
#pragma unroll
        for (int i = 0; i < TILES; i++) {
          int column = i * 8 + g;
          u32 bx[2] = {0, 0};
          if (column < columns) bx[0] = ((const u32*)(groupSums + (b * columns + column) * 8))[t];
          float m[4] = {0, 0, 0, 0};
          mmaBf16(m, a, bx);
#pragma unroll
          for (int e = 0; e < 4; e++) sum[i][e] = fmaf(-lowest[e >> 1], m[e], sum[i][e]);
        }
      }
    }
  }

  // Adds the warps' parts of a tile and writes it: one warp.
  DEVICE void write(const Place& place, const float* parts) const {
    i64 product = place.product;
    i64 expert = expertOf(product);
    i64 n0 = (i64)place.tile * PRODUCT_ROWS;
    for (int from = 0; from < PRODUCT_ROWS * p.rows; from += WARP) {
      int i = from + lane;
      int r = i / PRODUCT_ROWS;
      i64 n = n0 + i % PRODUCT_ROWS;
      bool in = r < p.rows && n < p.n;
      float sum = 0;
      if (in) {
        for (int plane = 0; plane < p.planes; plane++) {
          const float* at = parts + (r * p.planes + plane) * PRODUCT_ROWS + i % PRODUCT_ROWS;
          float all = 0;
#pragma unroll 8
          for (int w = 0; w < warps; w++) all += at[w * PART];
          sum += all;
        }
      }
      bool chosen = isChosen(expert);
      i64 to = (product * p.rows + r) * p.n + n;
      bool first = p.from == 0;
      bool last = p.from + p.length == p.k;
      if (in && !first) sum += loadFloat(p.out, to, p.outDtype);
      u32 again = __ballot_sync(FULL, in && chosen && last && !(fabsf(sum) < infinity()));
      for (int l = 0; l < WARP; l++) {
        if ((again >> l & 1) == 0) continue;
        int j = from + l;
        const float* x = p.x + (product / p.sharing * p.rows + j / PRODUCT_ROWS) * p.k;
        float exact = productAgain(p, x, expert * p.n + n0 + j % PRODUCT_ROWS);
        if (l == lane) sum = exact;
      }
      if (!in) continue;
      if (p.bias != nullptr && chosen && last) sum += loadFloat(p.bias, expert * p.n + n, p.biasDtype);
      storeFloat(p.out, to, p.outDtype, chosen ? sum : 0.0f);
    }
  }

  DEVICE void run() {
    // No kernel writes blocks, but routers write ids, and plain weights may be computed.
    if (p.ids != nullptr) waitForPrevious();
    i64 all = p.products * tiles;
    i64 first = all * blockIdx.x / gridDim.x;
    int count = (int)(all * (blockIdx.x + 1) / gridDim.x - first);
    Place now = placeOf(first / tiles, (int)(first % tiles));
    // The turns of this warp, one tile after another; those to come are fetched ahead.
    Place ahead = now;
    int countAhead = warp < turns ? count : 0;
    int turnAhead = warp;
    int stageAhead = 0;
    auto fetchNext = [&]() {
      if (countAhead > 0) {
        fetch(stages + stageAhead * T::STAGE, ahead, turnAhead);
        stageAhead = stageAhead == T::STAGES - 1 ? 0 : stageAhead + 1;
        turnAhead += warps;
        if (turnAhead >= turns) {
          turnAhead = warp;
          countAhead--;
          advance(ahead);
        }
      }
      commitCopies();
    };
#pragma unroll
    for (int s = 0; s < T::STAGES - 1; s++) fetchNext();
    waitForPrevious();
    int stage = 0;
    i64 taken = -1;  // x that lies in shared memory
    int parity = 0;
    for (; count > 0; count--, advance(now), parity ^= 1) {
      float sum[TILES][4];
      u32 nans[2] = {0, 0};
#pragma unroll
      for (int i = 0; i < TILES; i++)
#pragma unroll
        for (int e = 0; e < 4; e++) sum[i][e] = 0;
      i64 source = p.sharing == 1 ? now.product : now.product / p.sharing;
      if (source != taken) {
        __syncthreads();
        takeX(source);
        __syncthreads();
        taken = source;
      }
      for (int turn = warp; turn < turns; turn += warps) {
        waitCopies<T::STAGES - 2>();
        __syncwarp();
        fetchNext();
        const u8* above = stages + stage * T::STAGE + g * T::STRIDE;
        const u8* below = above + 8 * T::STRIDE;
        above += (u64)(rowOf(now, g) + turn * T::BYTES) & 15;
        below += (u64)(rowOf(now, g + 8) + turn * T::BYTES) & 15;
        int from = turn * T::ELEMENTS;
        multiply(above, below, (p.length - from) / C::ELEMENTS, xs + from * columns * 2,
                 sums + from / 32 * columns, sum, nans);
        stage = stage == T::STAGES - 1 ? 0 : stage + 1;
      }
      float* parts = part + parity * warps * PART;
      float* mine = parts + warp * PART;
#pragma unroll
      for (int i = 0; i < TILES; i++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          float v = nans[e >> 1] != 0 ? quietNan() : sum[i][e];
          mine[(i * 8 + 2 * t + (e & 1)) * PRODUCT_ROWS + g + (e >> 1) * 8] = v;
        }
      }
      __syncthreads();
      if (warp == parity) write(now, parts);
    }
    waitCopies<0>();
  }
};
