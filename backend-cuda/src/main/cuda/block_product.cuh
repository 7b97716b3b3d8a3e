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
#define PRODUCT_BATCH 3       // tiles that the warps make before they add up their parts

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

  // A tile of a product's columns, and where this lane's two rows of w begin.
  struct Place {
    i64 product;
    int tile;
    const u8* above;
    const u8* below;
  };

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
  int part = columns * PRODUCT_ROWS;  // floats of a warp's part of a tile
  // Bytes from one column to the next; two of them lie in different banks.
  int xStride = p.length * 2 + (p.length % 64 == 0 ? 64 : 0);
  int sumStride = C::HAS_MIN ? (p.length / 256) * 16 + 16 : 0;
  // Where in shared memory: what the warps read; x as [columns, length] BF16, of each group each
  // lane's elements in the order of pairs; planes of sums of x over a group, [3 / planes, columns,
  // length / 32] BF16; parts of results.
  int stages = warp * T::STAGES * T::STAGE;
  int xs = warps * T::STAGES * T::STAGE;
  int sums = xs + xStride * columns;
  int parts = sums + sumStride * p.rows * 3;

  DEVICE explicit BlockProduct(const BlockProductParams& params) : p(params) {}

  // Addresses begin at the array itself, so that the compiler knows them to be of shared memory.
  static DEVICE u8* room(int offset) {
    SHARED_BYTES(bytes);
    return bytes + offset;
  }

  DEVICE i64 expertOf(i64 product) const { return p.ids != nullptr ? p.ids[product] : 0; }
  DEVICE bool isChosen(i64 expert) const { return expert >= 0 && expert < p.experts; }

  // Past the last column the last one is read again, and not used.
  DEVICE Place placeOf(i64 product, int tile) const {
    i64 expert = expertOf(product);
    const u8* rows = p.weight + (isChosen(expert) ? expert : 0) * p.n * rowBytes +
                     p.from / C::ELEMENTS * C::BYTES;
    i64 n = (i64)tile * PRODUCT_ROWS + g;
    return {product, tile, rows + (n < p.n ? n : p.n - 1) * rowBytes,
            rows + (n + 8 < p.n ? n + 8 : p.n - 1) * rowBytes};
  }

  DEVICE void advance(Place& at) const {
    if (at.tile + 2 < tiles) {
      at.tile++;
      at.above += PRODUCT_ROWS * rowBytes;
      at.below += PRODUCT_ROWS * rowBytes;
    } else if (at.tile + 1 < tiles) {
      at = placeOf(at.product, at.tile + 1);
    } else if (at.product + 1 < p.products) {
      at = placeOf(at.product + 1, 0);
    }
  }

  static DEVICE int before(const u8* row) { return C::ALIGNED == 16 ? 0 : (int)((u64)row & 15); }

  // Copies the 16-byte pieces of a row that hold `count` bytes; four lanes share a row.
  DEVICE void fetchRow(int to, const u8* from, int count) const {
    int skip = before(from);
    const u8* piece = from - skip + t * 16;
    int left = count + skip - t * 16;
#pragma unroll
    for (int i = 0; i < T::PIECES; i += 4) {
      if (left > i * 16) {
        int now = C::ALIGNED == 16 || left >= i * 16 + 16 ? 16 : left - i * 16;
        copyAsync16(room(to + t * 16 + i * 16), piece + i * 16, now);
      }
    }
  }

  DEVICE void fetch(int stage, const Place& place, int turn) const {
    int from = turn * T::BYTES;
    int count = T::BLOCKS == 1 || bytes - from > T::BYTES ? T::BYTES : bytes - from;
    fetchRow(stage + g * T::STRIDE, place.above + from, count);
    fetchRow(stage + (g + 8) * T::STRIDE, place.below + from, count);
  }

  // Rows of x in planes. What is not finite makes sums that are not, which are made again.
  DEVICE void takeX(i64 source) {
    const int loads = 4;  // under way at once
    int units = p.length / 4;
    for (int r = 0; r < p.rows; r++) {
      const float* x = p.x + (source * p.rows + r) * p.k + p.from;
      for (int from = threadIdx.x; from - (int)threadIdx.x < units; from += loads * (int)blockDim.x) {
        float4 v[loads];
#pragma unroll
        for (int i = 0; i < loads; i++) {
          int unit = from + i * (int)blockDim.x;
          v[i] = {0, 0, 0, 0};
          if (unit < units) v[i] = *(const float4*)(x + unit * 4);
        }
#pragma unroll
        for (int i = 0; i < loads; i++) {
          int unit = from + i * (int)blockDim.x;
          // Whole warps of units that there are not.
          if (unit - lane >= units) break;
          putX(r, unit, unit < units, v[i]);
        }
      }
    }
  }

  // Four elements of a row of x; the warp's lanes have those that follow each other.
  DEVICE void putX(int r, int unit, bool in, float4 v) {
    u8* to = room(xs + r * p.planes * xStride) + unit / 8 * 64 +
             (C::HALVES ? unit % 4 * 16 + unit / 4 % 2 * 8 : unit % 8 * 8);
    if (p.planes == 1) {
      uint2 pairs = make_uint2(toBf16Pair(v.x, v.z), toBf16Pair(v.y, v.w));
      if (in) *(uint2*)to = pairs;
      v = {fromBf16((u16)pairs.x), fromBf16((u16)pairs.y), fromBf16((u16)(pairs.x >> 16)),
           fromBf16((u16)(pairs.y >> 16))};
    }
    float sum = (v.x + v.y) + (v.z + v.w);
    if (p.planes > 1) {
#pragma unroll
      for (int plane = 0; plane < 3; plane++) {
        u32 a = upperHalf(v.x);
        u32 b = upperHalf(v.y);
        u32 c = upperHalf(v.z);
        u32 d = upperHalf(v.w);
        if (in) {
          *(uint2*)(to + plane * xStride) =
              make_uint2(__byte_perm(a, c, 0x7632), __byte_perm(b, d, 0x7632));
        }
      }
    }
    if (C::HAS_MIN) {
#pragma unroll
      for (int d = 4; d > 0; d >>= 1) sum += __shfl_xor_sync(FULL, sum, d);
      if (in && unit % 8 == 0) {
        u8* at = room(sums + r * p.planes * sumStride + unit / 8 * 2);
#pragma unroll
        for (int plane = 0; plane < 3; plane++) {
          *(u16*)at = (u16)(upperHalf(sum) >> 16);
          at += p.planes == 1 ? columns * sumStride : sumStride;
        }
      }
    }
  }

  // The upper half of a number, cut; the rest stays.
  static DEVICE u32 upperHalf(float& x) {
    u32 bits = (u32)__float_as_int(x) & 0xFFFF0000u;
    x -= __int_as_float((int)bits);
    return bits;
  }

  // A turn of this lane's rows, from element k0 on. Columns that there are not read the last one.
  DEVICE void multiply(int first, int second, int k0, float (&sum)[TILES][4],
                       u32 (&nans)[2]) const {
    int blocks = (p.length - k0) / C::ELEMENTS;
    int x[TILES];
    int s[TILES];
#pragma unroll
    for (int i = 0; i < TILES; i++) {
      int column = i * 8 + g < columns ? i * 8 + g : columns - 1;
      x[i] = xs + column * xStride + k0 * 2 + t * 16;
      s[i] = sums + column * sumStride + k0 / 16 + t * 4;
    }
#pragma unroll
    for (int b = 0; b < T::BLOCKS; b++) {
      if (b >= blocks) break;
      C above(room(first + b * C::BYTES));
      C below(room(second + b * C::BYTES));
      float all[TILES][4];  // of the block
      float d[TILES][4];    // of a sub-block
#pragma unroll
      for (int group = 0; group < C::ELEMENTS / CODE_GROUP; group++) {
        uint4 xv[TILES];
#pragma unroll
        for (int i = 0; i < TILES; i++) {
          xv[i] = *(const uint4*)room(x[i] + (b * (C::ELEMENTS / CODE_GROUP) + group) * 64);
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
          const bool begins = at % C::SUB == 0;
          const bool ends = C::SUB < C::ELEMENTS && (at + 16) % C::SUB == 0;
          float scales[2];
          if (ends) {
            scales[0] = above.subScale(group, half);
            scales[1] = below.subScale(group, half);
          }
#pragma unroll
          for (int i = 0; i < TILES; i++) {
            if (begins) d[i][0] = d[i][1] = d[i][2] = d[i][3] = 0;
            u32 bx[2] = {half == 0 ? xv[i].x : xv[i].z, half == 0 ? xv[i].y : xv[i].w};
            mmaBf16(d[i], a, bx);
            if (ends) {
#pragma unroll
              for (int e = 0; e < 4; e++) {
                float old = at + 16 == C::SUB ? 0.0f : all[i][e];
                all[i][e] = fmaf(scales[e >> 1], d[i][e], old);
              }
            }
          }
        }
      }
      float factors[2] = {above.factor(), below.factor()};
      if constexpr (C::HAS_MIN != 0) {
        u32 minima[4] = {above.minimumPair(t), below.minimumPair(t), 0, 0};
        u32 counts[4] = {above.subScalePair(t), below.subScalePair(t), 0, 0};
        float lowest[2] = {above.minimum(), below.minimum()};
#pragma unroll
        for (int i = 0; i < TILES; i++) {
          float m[4] = {0, 0, 0, 0};
          float raised[4] = {0, 0, 0, 0};
          // The planes of a sum lie in the columns of those of x, or one after the other.
          for (int plane = 0; plane < 3; plane += p.planes) {
            u32 bx[2] = {*(const u32*)room(s[i] + plane * columns * sumStride + b * 16), 0};
            mmaBf16(m, minima, bx);
            mmaBf16(raised, counts, bx);
          }
#pragma unroll
          for (int e = 0; e < 4; e++) {
            all[i][e] = fmaf(-(float)C::OFFSET, raised[e], all[i][e]);
            sum[i][e] = fmaf(-lowest[e >> 1], m[e], sum[i][e]);
          }
        }
      }
#pragma unroll
      for (int i = 0; i < TILES; i++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          float own = C::SUB < C::ELEMENTS ? all[i][e] : d[i][e];
          sum[i][e] = fmaf(factors[e >> 1], own, sum[i][e]);
        }
      }
    }
  }

  // Adds the warps' parts of a tile and writes it: one warp.
  DEVICE void write(i64 product, i64 n0, const float* from) const {
    i64 expert = expertOf(product);
    bool chosen = isChosen(expert);
    bool first = p.from == 0;
    bool last = p.from + p.length == p.k;
    int share = lane / PRODUCT_ROWS;  // two lanes make a result
    i64 n = n0 + lane % PRODUCT_ROWS;
    for (int r = 0; r < p.rows; r++) {
      float sum = 0;
      for (int plane = 0; plane < p.planes; plane++) {
        const float* at = from + (r * p.planes + plane) * PRODUCT_ROWS + lane % PRODUCT_ROWS;
#pragma unroll 4
        for (int w = share; w < warps; w += 2) sum += at[w * part];
      }
      sum += __shfl_xor_sync(FULL, sum, PRODUCT_ROWS);
      bool in = share == 0 && n < p.n;
      i64 to = (product * p.rows + r) * p.n + n;
      if (in && !first) sum += loadFloat(p.out, to, p.outDtype);
      u32 again = __ballot_sync(FULL, in && chosen && last && !(fabsf(sum) < infinity()));
      while (again != 0) {
        int l = __ffs((int)again) - 1;
        again &= again - 1;
        const float* x = p.x + (product / p.sharing * p.rows + r) * p.k;
        float exact = productAgain(p, x, expert * p.n + n0 + l);
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
    int made = 0;
    for (; made < count; advance(now)) {
      i64 source = p.sharing == 1 ? now.product : now.product / p.sharing;
      if (source != taken) {
        __syncthreads();
        takeX(source);
        __syncthreads();
        taken = source;
      }
      float sum[TILES][4];
      u32 nans[2] = {0, 0};
#pragma unroll
      for (int i = 0; i < TILES; i++)
#pragma unroll
        for (int e = 0; e < 4; e++) sum[i][e] = 0;
      for (int turn = warp; turn < turns; turn += warps) {
        waitCopies<T::STAGES - 2>();
        __syncwarp();
        fetchNext();
        int row = stages + stage * T::STAGE + g * T::STRIDE;
        int above = row + before(now.above + turn * T::BYTES);
        int below = row + 8 * T::STRIDE + before(now.below + turn * T::BYTES);
        multiply(above, below, turn * T::ELEMENTS, sum, nans);
        stage = stage == T::STAGES - 1 ? 0 : stage + 1;
      }
      // Two batches of parts: while one is added up, the other fills.
      int slot = made % (2 * PRODUCT_BATCH);
      float* mine = (float*)room(parts) + (slot * warps + warp) * part;
#pragma unroll
      for (int i = 0; i < TILES; i++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          int column = i * 8 + 2 * t + (e & 1);
          float v = nans[e >> 1] != 0 ? quietNan() : sum[i][e];
          if (column < columns) mine[column * PRODUCT_ROWS + g + (e >> 1) * 8] = v;
        }
      }
      made++;
      if (made % PRODUCT_BATCH != 0 && made != count) continue;
      __syncthreads();
      int begun = (made - 1) / PRODUCT_BATCH * PRODUCT_BATCH;
      for (int i = begun + (warp + begun) % warps; i < made; i += warps) {
        i64 tile = first + i;
        const float* from = (const float*)room(parts) + i % (2 * PRODUCT_BATCH) * warps * part;
        write(tile / tiles, tile % tiles * PRODUCT_ROWS, from);
      }
    }
    waitCopies<0>();
  }
};
