// Projections of one or two rows by weights in blocks, with what comes before and after them: out =
// act(norm(x) w^T + bias) + residual. The weights are read once, as they lie, and multiplied by tensor
// cores.
//
// A block of threads makes one tile of 16 columns after another. Its warps share k: each has stages of
// its own in shared memory, into which it copies a chunk of the tile's 16 rows while it multiplies
// another, so no warp waits for another before the end. They are filled before the kernel ahead has
// ended.
//
// x becomes planes in shared memory, each a column of its own for the tensor cores: integers of 8 bits
// (IntegerX) or F16 (HalfX). Their sum holds 30 bits or more below the largest of each 256 elements.
// The norm's scale is one number a row, so it multiplies sums.
#pragma once
#include "blocks.cuh"
#include "gate.cuh"
#include "tensor_core.cuh"

#define BLOCK_GEMV_PARTS 3
#define TILE_ROWS 16   // of w
#define X_BLOCK 256    // elements of x that share a scale

// Projections of the same x, a part each; or a gate and what it gates, which give one result.
struct BlockGemvParams {
  const float* x;             // [rows, k]
  const void* norm;           // factors of an RMS norm of x, or null
  const float* residual;      // [rows, n], added to the only part, or null
  const u8* weights[BLOCK_GEMV_PARTS];
  const void* biases[BLOCK_GEMV_PARTS];
  float* outs[BLOCK_GEMV_PARTS];
  const BlockFormat* format;
  i64 n[BLOCK_GEMV_PARTS];    // 16 or more
  i64 k;                      // whole chunks
  int firstTile[BLOCK_GEMV_PARTS];
  int biasDtype[BLOCK_GEMV_PARTS];
  int parts;
  int units;                  // tiles, or pairs of them where one gates the other
  int split;                  // warps that share a tile, a power of two
  int normed;
  int normDtype;
  int plusOne;
  float eps;
  int gated;
  int gate;
  int unused;
};

// Addresses begin at the array itself, so that the compiler knows them to be of shared memory.
DEVICE u8* room(int offset) {
  SHARED_BYTES(bytes);
  return bytes + offset;
}

DEVICE u32 wordAt(int offset) { return *(const u32*)room(offset); }
DEVICE uint4 wordsAt(int offset) { return *(const uint4*)room(offset); }

// The norm's factors of eight elements of x, as they lie.
struct Factors {
  uint4 words[2] = {{0, 0, 0, 0}, {0, 0, 0, 0}};

  DEVICE void load(const BlockGemvParams& p, int at) {
    if (p.norm == nullptr) return;
    const uint4* from = (const uint4*)((const u8*)p.norm + at * (p.normDtype == F32 ? 4 : 2));
    words[0] = from[0];
    if (p.normDtype == F32) words[1] = from[1];
  }

  // Multiplies by them.
  DEVICE void multiply(const BlockGemvParams& p, float (&v)[8]) const {
    if (p.norm == nullptr) return;
    u32 all[8] = {words[0].x, words[0].y, words[0].z, words[0].w,
                  words[1].x, words[1].y, words[1].z, words[1].w};
    float one = p.plusOne ? 1.0f : 0.0f;
#pragma unroll
    for (int e = 0; e < 8; e++) {
      u16 half = (u16)(all[e / 2] >> e % 2 * 16);
      float factor = p.normDtype == BF16 ? fromBf16(half) : fromF16(half);
      if (p.normDtype == F32) factor = __int_as_float((int)all[e]);
      v[e] *= factor + one;
    }
  }
};

// Bits of the largest magnitude of a warp's 256; those of an infinity or more if one is none.
DEVICE u32 largestOf(const float (&v)[8]) {
  u32 bits = 0;
#pragma unroll
  for (int e = 0; e < 8; e++) {
    u32 own = (u32)__float_as_int(v[e]) & 0x7FFFFFFFu;
    bits = own > bits ? own : bits;
  }
  return __reduce_max_sync(FULL, bits);
}

// 2^e of the exponent field of an F32, moved by so much.
DEVICE float powerOf(int field) { return __int_as_float(field << 23); }

// Scales are powers of two and fit F32, unless x is not finite or tiny: then sums become NaN and are
// made again weight by weight.
DEVICE bool hasScale(u32 largest) {
  return largest == 0 || (largest >= 40u << 23 && largest < 0x7F800000u);
}

// x as four planes of 8 bits: the digits to the base of 256 of an integer of 30 bits. A product takes
// the elements of two sub-blocks at once, each having four columns of its own, which are zero for the
// other's elements: lanes t of 0 and 1 have one sub-block, 2 and 3 the other.
template <bool SUMS>
struct IntegerX {
  enum { PLANES = 4, ZEROS = 384, BYTES = 1024 + (SUMS ? 32 : 0) + 4 };
  // Bytes of all rows; they are followed by what else lies in shared memory.
  static DEVICE int bytes(int k, int rows) { return ZEROS + rows * (k / X_BLOCK) * BYTES; }

  int supers;
  DEVICE explicit IntegerX(int k) : supers(k / X_BLOCK) {}

  DEVICE int planesOf(int row, int super) const { return ZEROS + (row * supers + super) * 1024; }
  DEVICE int sumsOf(int rows, int row, int super) const {
    return ZEROS + rows * supers * 1024 + (row * supers + super) * 32;
  }
  DEVICE int scaleOf(int rows, int row, int super) const {
    return ZEROS + rows * supers * (1024 + (SUMS ? 32 : 0)) + (row * supers + super) * 4;
  }

  // Four integers' digits as four words, one a plane, the highest digits first.
  static DEVICE void digits(const int (&x)[4], u32 (&planes)[4]) {
    u32 y[4];
#pragma unroll
    for (int e = 0; e < 4; e++) y[e] = ((u32)x[e] + 0x00808080u) ^ 0x00808080u;
    u32 low0 = __byte_perm(y[0], y[1], 0x5140);
    u32 low1 = __byte_perm(y[2], y[3], 0x5140);
    u32 high0 = __byte_perm(y[0], y[1], 0x7362);
    u32 high1 = __byte_perm(y[2], y[3], 0x7362);
    planes[3] = __byte_perm(low0, low1, 0x5410);
    planes[2] = __byte_perm(low0, low1, 0x7632);
    planes[1] = __byte_perm(high0, high1, 0x5410);
    planes[0] = __byte_perm(high0, high1, 0x7632);
  }

  // Puts 256 elements of a row; a whole warp.
  DEVICE void put(int rows, int row, int super, const float (&v)[8]) const {
    int lane = threadIdx.x & 31;
    u32 largest = largestOf(v);
    int field = (int)(largest >> 23);
    float up = largest == 0 ? 0.0f : powerOf(283 - field);  // 2^29 over the largest's power
    if (!hasScale(largest)) up = 0;
    u32 planes[2][4];
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int whole[4];
#pragma unroll
      for (int e = 0; e < 4; e++) whole[e] = __float2int_rn(v[4 * half + e] * up);
      digits(whole, planes[half]);
    }
    int to = planesOf(row, super);
#pragma unroll
    for (int plane = 0; plane < 4; plane++) {
      *(uint2*)room(to + plane * 256 + (8 * lane ^ (plane & 1) * 32)) =
          make_uint2(planes[0][plane], planes[1][plane]);
    }
    if (SUMS) {
      float sum = ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
      sum += __shfl_xor_sync(FULL, sum, 1);
      sum += __shfl_xor_sync(FULL, sum, 2);
      u32 y = ((u32)__float2int_rn(sum * (up * 0.03125f)) + 0x00808080u) ^ 0x00808080u;
      // Lane i of four writes the digit of plane i.
      int plane = lane & 3;
      *room(sumsOf(rows, row, super) + plane * 8 + lane / 4) = (u8)(y >> (24 - 8 * plane));
    }
    if (lane == 0) {
      float scale = largest == 0 ? 0.0f : powerOf(field - 5);
      *(float*)room(scaleOf(rows, row, super)) = hasScale(largest) ? scale : quietNan();
    }
  }

  // The columns of a row of x that lane t has, of the upper and the lower rows of w, as one number.
  template <int TILES>
  static DEVICE void weigh(int t, int r, const float (&d)[TILES][4], float (&sum)[2]) {
    float weight = (t & 1) != 0 ? 1.0f / 65536 : 1.0f;
    sum[0] = fmaf(d[r][1], 1.0f / 256, d[r][0]) * weight;
    sum[1] = fmaf(d[r][3], 1.0f / 256, d[r][2]) * weight;
  }
  // Tiles of eight columns.
  template <int ROWS>
  struct Tiles {
    enum { COUNT = ROWS };
  };
};


// x as three planes of F16, a column each: a number is their sum, of 33 bits, times a scale. Of 32
// elements lane t's are 4t to 4t + 3 and 16 more.
struct HalfX {
  enum { PLANES = 3, ZEROS = 0, BYTES = 3 * 512 + 4 };
  static DEVICE int bytes(int k, int rows) { return rows * (k / X_BLOCK) * BYTES; }

  int supers;
  DEVICE explicit HalfX(int k) : supers(k / X_BLOCK) {}

  DEVICE int planesOf(int row, int super) const { return (row * supers + super) * (3 * 512); }
  DEVICE int scaleOf(int rows, int row, int super) const {
    return rows * supers * (3 * 512) + (row * supers + super) * 4;
  }

  DEVICE void put(int rows, int row, int super, const float (&v)[8]) const {
    int lane = threadIdx.x & 31;
    u32 largest = largestOf(v);
    int field = (int)(largest >> 23);
    bool fits = hasScale(largest);
    float up = largest == 0 || !fits ? 0.0f : powerOf(268 - field);  // 2^14 over the largest's power
    u32 planes[3][4];
#pragma unroll
    for (int e = 0; e < 8; e += 2) {
      float a = v[e] * up;
      float b = v[e + 1] * up;
#pragma unroll
      for (int plane = 0; plane < 3; plane++) {
        u16 low = toF16(a);
        u16 high = toF16(b);
        a -= fromF16(low);
        b -= fromF16(high);
        planes[plane][e / 2] = (u32)high << 16 | low;
      }
    }
    // Groups of 32 change places in the second plane, so that two planes lie in different banks.
    int unit = lane & 3;
#pragma unroll
    for (int plane = 0; plane < 3; plane++) {
      int to = planesOf(row, super) + plane * 512 + ((lane >> 2) ^ (plane & 1)) * 64;
      // Elements 8 * unit to 8 * unit + 7 of the group belong to two lanes.
      to += (unit & 1) * 32 + (unit >> 1) * 8;
      *(uint2*)room(to) = make_uint2(planes[plane][0], planes[plane][1]);
      *(uint2*)room(to + 16) = make_uint2(planes[plane][2], planes[plane][3]);
    }
    if (lane == 0) {
      float scale = largest == 0 ? 0.0f : powerOf(field - 14);
      *(float*)room(scaleOf(rows, row, super)) = fits ? scale : quietNan();
    }
  }

  template <int TILES>
  static DEVICE void weigh(int t, int r, const float (&d)[TILES][4], float (&sum)[2]) {
    sum[0] = sum[1] = 0;
#pragma unroll
    for (int e = 0; e < 2; e++) {
      bool own = (2 * t + e) / 3 == r;
      sum[0] += own ? d[0][e] : 0.0f;
      sum[1] += own ? d[0][2 + e] : 0.0f;
    }
  }
  template <int ROWS>
  struct Tiles {
    enum { COUNT = 1 };
  };
};

// One result weight by weight, by a whole warp.
__noinline__ __device__ float blockGemvAgain(
    const BlockGemvParams& p, const u8* weight, i64 column, i64 row) {
  float sum = 0;
  for (i64 k = threadIdx.x & 31; k < p.k; k += WARP) {
    float x = p.x[row * p.k + k];
    if (p.norm != nullptr) {
      x *= loadFloat(p.norm, k, p.normDtype) + (p.plusOne ? 1.0f : 0.0f);
    }
    sum = fmaf(blockElement(*p.format, weight, column * p.k + k), x, sum);
  }
  return warpSum(sum);
}

// What most launches do not need stays out of the way of the rest.
__noinline__ __device__ float blockGemvBias(const BlockGemvParams& p, int part, i64 column) {
  return loadFloat(p.biases[part], column, p.biasDtype[part]);
}
__noinline__ __device__ float blockGemvGate(int gate, float x) { return gateOf(gate, x); }

// Code is kept short where it runs a few times only: reading it takes longer than running it.
//
// A warp has STAGES chunks, of which DEPTH are on their way at most: memory answers in the order of
// requests when there are many, and x must not wait behind weights that are not needed yet. For the same
// reason the next kernel begins when x has been read.
template <class F, int ROWS, int STAGES, int DEPTH, int WARPS>
struct BlockGemv {
  typedef typename F::X X;
  enum {
    STAGE = TILE_ROWS * F::PIECES * 16,
    COPIES = (TILE_ROWS * F::PIECES + WARP - 1) / WARP,
    KEPT = WARPS * WARP / (TILE_ROWS * ROWS)  // tiles whose parts are added up at once
  };

  const BlockGemvParams& p;
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int turn = warp & (p.split - 1);
  int groups = WARPS / p.split;
  int group = warp / p.split;
  int chunks = (int)p.k / F::CHUNK;
  int rowBytes = chunks * F::BYTES;
  // Tiles of this block; of a pair the gate comes first.
  int perUnit = p.gated ? 2 : 1;
  int first = (int)((u32)p.units * blockIdx.x / gridDim.x) * perUnit;
  int items = (int)((u32)p.units * (blockIdx.x + 1) / gridDim.x) * perUnit - first;
  // Where in shared memory.
  int squares = (X::bytes((int)p.k, ROWS) + 15) & ~15;
  int parts = squares + ROWS * WARPS * 4;
  int stages;
  u32 offsets[COPIES];

  // The 16 rows of w that a tile has; those of the last one may be some of the one before.
  struct Tile {
    int part;
    int n0;
    int from;  // the first column that the tile writes
  };

  DEVICE explicit BlockGemv(const BlockGemvParams& params) : p(params) {
    int kept = items < KEPT ? items : KEPT;
    stages = parts + kept * p.split * ROWS * TILE_ROWS * 4 + warp * STAGES * STAGE;
#pragma unroll
    for (int i = 0; i < COPIES; i++) {
      int piece = lane + i * WARP;
      offsets[i] = (u32)(piece / F::PIECES * rowBytes + piece % F::PIECES * 16);
    }
  }

  DEVICE Tile tileOf(int item) const {
    int tile = first + item;
    int part = 0;
    if (p.gated) {
      part = tile & 1;
      tile >>= 1;
    } else {
      if (p.parts > 1 && tile >= p.firstTile[1]) part = 1;
      if (p.parts > 2 && tile >= p.firstTile[2]) part = 2;
      tile -= p.firstTile[part];
    }
    int from = tile * TILE_ROWS;
    int last = (int)p.n[part] - TILE_ROWS;
    return {part, from < last ? from : last, from};
  }

  DEVICE const u8* rowsOf(int item) const {
    Tile tile = tileOf(item);
    return p.weights[tile.part] + (i64)tile.n0 * rowBytes;
  }

  DEVICE void fetch(int stage, const u8* rows, int chunk) const {
    const u8* from = rows + chunk * F::BYTES;
    if (F::BYTES % 16 != 0) from -= (u64)from & 15;
    int to = stages + stage * STAGE + lane * 16;
#pragma unroll
    for (int i = 0; i < COPIES; i++) {
      if ((i + 1) * WARP <= TILE_ROWS * F::PIECES || lane + i * WARP < TILE_ROWS * F::PIECES) {
        copyAsync16(room(to + i * WARP * 16), from + offsets[i]);
      }
    }
  }

  // Copies x to where its planes come, then takes it apart in place; a warp does 256 elements.
  DEVICE void takeX(Factors ahead) const {
    X x((int)p.k);
    if ((int)threadIdx.x < X::ZEROS / 4) *(u32*)room(threadIdx.x * 4) = 0;
#pragma unroll 1
    for (int r = 0; r < ROWS; r++) {
#pragma unroll 1
      for (int super = warp; super < x.supers; super += WARPS) {
        const float* from = p.x + r * p.k + super * X_BLOCK + lane * 8;
        int to = x.planesOf(r, super) + lane * 32;
        copyAsync16(room(to), from);
        copyAsync16(room(to + 16), from + 4);
      }
    }
    commitCopies();
    waitCopies<0>();
#pragma unroll 1
    for (int r = 0; r < ROWS; r++) {
      float square = 0;
#pragma unroll 1
      for (int super = warp; super < x.supers; super += WARPS) {
        const float4* from = (const float4*)room(x.planesOf(r, super) + lane * 32);
        float4 a = from[0];
        float4 b = from[1];
        float v[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
#pragma unroll
        for (int e = 0; e < 8; e++) square = fmaf(v[e], v[e], square);
        ahead.multiply(p, v);
        int next = super + WARPS < x.supers ? super + WARPS : warp;
        ahead.load(p, next * X_BLOCK + lane * 8);
        __syncwarp();
        x.put(ROWS, r, super, v);
      }
      square = warpSum(square);
      if (lane == 0) *(float*)room(squares + (r * WARPS + warp) * 4) = square;
    }
  }

  DEVICE float scaleOf(int r) const {
    float square = 0;
#pragma unroll
    for (int w = 0; w < WARPS; w++) square += *(const float*)room(squares + (r * WARPS + w) * 4);
    return 1.0f / sqrtf(square / (float)p.k + p.eps);
  }

  // A result before its bias; the whole warp comes here.
  DEVICE float finish(int slot, int item, int row, int r, bool in) const {
    float sum = 0;
#pragma unroll
    for (int s = 0; s < WARPS; s++) {
      int at = parts + (((slot * p.split + s) * ROWS + r) * TILE_ROWS + row) * 4;
      if (s < p.split) sum += *(const float*)room(at);
    }
    u32 again = __ballot_sync(FULL, in && !(fabsf(sum) < infinity()));
    while (again != 0) {
      int l = __ffs((int)again) - 1;
      again &= again - 1;
      Tile tile = tileOf(__shfl_sync(FULL, item, l));
      i64 column = tile.n0 + __shfl_sync(FULL, row, l);
      float exact = blockGemvAgain(p, p.weights[tile.part], column, __shfl_sync(FULL, r, l));
      if (l == lane) sum = exact;
    }
    return sum;
  }

  // Adds up the warps' parts of some tiles and writes them, one result a thread.
  DEVICE void write(int from, int to) const {
    int slot = (int)threadIdx.x / (TILE_ROWS * ROWS) * perUnit;
    bool in = from + slot < to;
    if (!in) slot = 0;
    int row = threadIdx.x % TILE_ROWS;
    int r = threadIdx.x / TILE_ROWS % ROWS;
    Tile tile = tileOf(from + slot);
    int column = tile.n0 + row;
    i64 at = r * p.n[tile.part] + column;
    bool writes = in && column >= tile.from;
    float added = 0;
    if (writes && p.residual != nullptr) added = p.residual[at];
    float scale = p.normed ? scaleOf(r) : 1.0f;
    __syncthreads();
    // Whole warps of tiles that there are not.
    if (from + (int)(threadIdx.x - lane) / (TILE_ROWS * ROWS) * perUnit >= to) return;
    float value = finish(slot, from + slot, row, r, in) * scale;
    if (writes && p.biases[tile.part] != nullptr) value += blockGemvBias(p, tile.part, column);
    if (p.gated) {
      float up = finish(slot + 1, from + slot + 1, row, r, in) * scale;
      if (writes && p.biases[1] != nullptr) up += blockGemvBias(p, 1, column);
      value = blockGemvGate(p.gate, value) * up;
    }
    if (writes) p.outs[tile.part][at] = value + added;
  }

  DEVICE void run() {
    // What comes next of this warp's chunks, one tile after another.
    int itemAhead = turn < chunks ? group : items;
    int chunkAhead = turn;
    int stageAhead = 0;
    const u8* rowsAhead = nullptr;
    auto fetchNext = [&]() {
      if (itemAhead < items) {
        if (chunkAhead == turn) rowsAhead = rowsOf(itemAhead);
        fetch(stageAhead, rowsAhead, chunkAhead);
        stageAhead = stageAhead + 1 == STAGES ? 0 : stageAhead + 1;
        chunkAhead += p.split;
        if (chunkAhead >= chunks) {
          chunkAhead = turn;
          itemAhead += groups;
        }
      }
      commitCopies();
    };
#pragma unroll 1
    for (int s = 0; s < STAGES; s++) {
      waitCopies<DEPTH - 1>();
      fetchNext();
    }
    Factors factors;
    factors.load(p, (warp < (int)p.k / X_BLOCK ? warp : 0) * X_BLOCK + lane * 8);
    waitForPrevious();
    takeX(factors);
    __syncthreads();
    letNextBegin();
    X x((int)p.k);
    int t = lane & 3;
    int rowAbove = F::rowOf(lane >> 2);
    int made = 0;
    int stage = 0;
#pragma unroll 1
    for (int batch = 0; batch < items; batch += KEPT) {
      int end = batch + KEPT < items ? batch + KEPT : items;
#pragma unroll 1
      for (int item = batch + group; item < end; item += groups) {
        const u8* rows = F::BYTES % 16 != 0 ? rowsOf(item) : nullptr;
        float sum[X::template Tiles<ROWS>::COUNT][4];
#pragma unroll
        for (int i = 0; i < X::template Tiles<ROWS>::COUNT; i++)
#pragma unroll
          for (int e = 0; e < 4; e++) sum[i][e] = 0;
#pragma unroll 1
        for (int chunk = turn; chunk < chunks; chunk += p.split) {
          waitCopies<DEPTH - 1>();
          __syncwarp();
          // The stage that is filled now was read some turns ago.
          if (made + DEPTH >= STAGES) {
            fetchNext();
          } else {
            commitCopies();
          }
          made++;
          int at = stages + stage * STAGE;
          if (F::BYTES % 16 != 0) at += (int)((u64)(rows + chunk * F::BYTES) & 15);
          int above = at + rowAbove * (F::PIECES * 16);
          F::template multiply<ROWS>(x, above, above + 8 * (F::PIECES * 16), chunk, sum);
          stage = stage + 1 == STAGES ? 0 : stage + 1;
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          float own[2];
          X::weigh(t, r, sum, own);
#pragma unroll
          for (int e = 0; e < 2; e++) {
            own[e] += __shfl_xor_sync(FULL, own[e], 1);
            own[e] += __shfl_xor_sync(FULL, own[e], 2);
          }
          int to = parts + ((((item - batch) * p.split + turn) * ROWS + r) * TILE_ROWS + rowAbove) * 4;
          if (t == 0) {
            *(float*)room(to) = own[0];
            *(float*)room(to + 32) = own[1];
          }
        }
      }
      write(batch, end);
      if (end < items) __syncthreads();
    }
    waitCopies<0>();
  }
};
