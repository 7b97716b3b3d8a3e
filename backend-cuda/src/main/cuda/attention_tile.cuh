// Attention over 16-bit keys and values on tensor cores.
//
// A warp has sixteen rows, each one query row and one of the heads that share a KV head, so that
// keys and values are read once for all of them. F32 factors are split in terms of 16 bits whose
// products with a key or a value are exact: three of BF16 hold 24 bits; of F16 two do, as rounding
// to nearest leaves a remainder of a bit less, once a row is scaled to F16's range. Sums are F32;
// those over values leave the tensor core after each tile, so that its truncation does not add up.
// Running softmax: arXiv:2112.05682; splits over positions: Flash-Decoding (2023).
#pragma once
#include "attention_splits.cuh"
#include "tensor_core.cuh"

#define TILE_THREADS 128
#define TILE_WARPS 4
#define WARP_ROWS 16

#define LOG2E 1.44269504088896340736f

// ---- Terms.

struct Bf16Exact {
  enum { TERMS = 3, SCALED = 0 };
  static DEVICE void split(float x, float y, u32 (&terms)[3]) {
#pragma unroll
    for (int t = 0; t < 3; t++) {
      u32 high = (u32)__float_as_int(y) & 0xFFFF0000u;
      u32 low = (u32)__float_as_int(x) & 0xFFFF0000u;
      terms[t] = high | low >> 16;
      x -= __int_as_float((int)low);
      y -= __int_as_float((int)high);
    }
  }
  static DEVICE void multiply(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { mmaBf16(d, a, b); }
};

// One term: relaxed numerics.
struct Bf16Rounded {
  enum { TERMS = 1, SCALED = 0 };
  static DEVICE void split(float x, float y, u32 (&terms)[1]) {
    terms[0] = toBf16Pair(x, y);
  }
  static DEVICE void multiply(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { mmaBf16(d, a, b); }
};

struct F16Exact {
  enum { TERMS = 2, SCALED = 1 };
  static DEVICE void split(float x, float y, u32 (&terms)[2]) {
    u16 low = toF16(x);
    u16 high = toF16(y);
    terms[0] = (u32)high << 16 | low;
    terms[1] = (u32)toF16(y - fromF16(high)) << 16 | toF16(x - fromF16(low));
  }
  static DEVICE void multiply(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) { mmaF16(d, a, b); }
};

// Weights are at most 1; F16 takes them times this.
#define F16_WEIGHT 32768.0f

// ---- Who has what.

// Rows `first` to `last`, which is not one of them, of a sequence, for heads of one KV head.
struct Tile {
  int sequence;
  int first;
  int last;
  int kvHead;
  int head;
  int heads;
  i64 length;
  i64 shift;  // from a row to its position
};

// Of the tiles of heads the one numbered `heads`.
DEVICE Tile tileOf(const AttentionParams& p, int s, int first, int heads) {
  int group = p.heads / p.kvHeads;
  int parts = (group + p.tileHeads - 1) / p.tileHeads;
  Tile t;
  t.sequence = s;
  t.first = first;
  t.last = p.cuSeqlensQ[s + 1];
  if (t.last > first + p.tileTokens) t.last = first + p.tileTokens;
  t.kvHead = heads / parts;
  int part = heads % parts;
  t.head = t.kvHead * group + part * p.tileHeads;
  t.heads = group - part * p.tileHeads < p.tileHeads ? group - part * p.tileHeads : p.tileHeads;
  t.length = p.kvLens[s];
  t.shift = t.length - p.cuSeqlensQ[s + 1];
  return t;
}
DEVICE Tile tileOf(const AttentionParams& p, int s, int first) {
  return tileOf(p, s, first, (int)blockIdx.y);
}

// Row m of a tile: its query row and head; false where the tile has no such row.
DEVICE bool rowOf(const AttentionParams& p, const Tile& t, int m, i64* row, int* head) {
  int token = m / p.tileHeads;
  *row = t.first + token;
  *head = t.head + m % p.tileHeads;
  return token < p.tileTokens && *row < t.last && m % p.tileHeads < t.heads;
}

// ---- Shared memory: elements from one row to the next, so that eight rows lie in other banks.

#define STRIDE(D) ((D) + 8)

// Terms of the queries, then keys and values, then what rows need.
template <class F, int D, int M>
struct Shared {
  u16* queries;   // [TERMS, M, STRIDE]
  u16* tiles;
  float* factor;  // [M]
  int* isNan;     // [M]
  float* peaks;   // [TILE_WARPS, WARP_ROWS]
  float* sums;    // [TILE_WARPS, WARP_ROWS]

  DEVICE Shared(unsigned char* at, int tileRows) {
    queries = (u16*)at;
    tiles = queries + F::TERMS * M * STRIDE(D);
    factor = (float*)(tiles + tileRows * STRIDE(D));
    isNan = (int*)(factor + M);
    peaks = (float*)(isNan + M);
    sums = peaks + TILE_WARPS * WARP_ROWS;
  }
};

// The queries' terms, and the factor that makes a dot product with them a logit. By all warps.
template <class F, int D, int M>
DEVICE void loadQueries(const AttentionParams& p, const Tile& tile, const Shared<F, D, M>& s) {
  int lane = threadIdx.x % 32;
  for (int m = threadIdx.x / 32; m < M; m += TILE_WARPS) {
    i64 row;
    int head;
    bool valid = rowOf(p, tile, m, &row, &head);
    float x[D / 64][2];
    float most = 0.0f;
#pragma unroll
    for (int i = 0; i < D / 64; i++) {
#pragma unroll
      for (int e = 0; e < 2; e++) {
        int c = 64 * i + 2 * lane + e;
        bool inside = valid && c < p.keyWidth;
        x[i][e] = inside ? loadFloat(p.q, (row * p.heads + head) * p.keyWidth + c, p.qDtype) : 0.0f;
        most = fmaxf(most, fabsf(x[i][e]));
      }
    }
    float factor = p.scale;
    float up = 1.0f;
    if (F::SCALED) {
      // The largest becomes at least 2^14 and less than 2^15.
      int exponent = ((__float_as_int(warpMax(most)) >> 23) & 255) - 127;
      int by = exponent > 127 ? 0 : 14 - exponent;
      if (by > 126) by = 126;
      up = __int_as_float((by + 127) << 23);
      factor *= __int_as_float((127 - by) << 23);
    }
#pragma unroll
    for (int i = 0; i < D / 64; i++) {
      u32 terms[F::TERMS];
      F::split(x[i][0] * up, x[i][1] * up, terms);
#pragma unroll
      for (int t = 0; t < F::TERMS; t++) {
        *(u32*)&s.queries[(t * M + m) * STRIDE(D) + 64 * i + 2 * lane] = terms[t];
      }
    }
    if (lane == 0) {
      s.factor[m] = factor;
      s.isNan[m] = 0;
    }
  }
}

// The slot of this lane's position of the N that begin at `from`, -1 from `end` on.
template <int N>
DEVICE i64 laneSlot(const AttentionParams& p, int sequence, i64 from, i64 end) {
  i64 position = from + threadIdx.x % N;
  return position < end ? slotOf(p, sequence, position) : -1;
}

// The same, with -1 before `positions` too.
template <int N>
DEVICE i64 laneSlot(const AttentionParams& p, int sequence, i64 from, Positions positions) {
  bool before = from + threadIdx.x % N < positions.start;
  return before ? -1 : laneSlot<N>(p, sequence, from, positions.end);
}

// Begins copies of N rows of keys or values by a warp, whose lanes hold their slots; zeros where
// there is no row or column.
template <int D, int N>
DEVICE void copyRows(u16* to, const void* from, i64 stride, i64 offset, int width, i64 slot) {
  int lane = threadIdx.x % 32;
#pragma unroll 4
  for (int i = 0; i < N * D / 8; i += 32) {
    int row = (i + lane) / (D / 8);
    int c = (i + lane) % (D / 8) * 8;
    i64 at = __shfl_sync(FULL, slot, row);
    bool inside = at >= 0 && c < width;
    const u16* source = (const u16*)from + (inside ? at * stride + offset + c : 0);
    copyAsync16(&to[row * STRIDE(D) + c], source, inside ? 16 : 0);
  }
}

// ---- A warp's sixteen rows; a thread has columns of rows g and g + 8.

template <int D>
struct Rows {
  float sum[D / 8][4];
  float peak[2];
  float total[2];
  float factor[2];
  float slope[2];
  i64 start[2];
  i64 end[2];
  i64 position[2];
  i64 from;   // the least start of the warp's rows
  i64 to;     // the greatest end
  i64 inner;  // all rows see inner to outer
  i64 outer;

  template <class S>
  DEVICE void begin(const AttentionParams& p, const Tile& tile, const S& s, int firstRow) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < D / 8; i++) {
      for (int e = 0; e < 4; e++) sum[i][e] = 0.0f;
    }
    for (int i = 0; i < 2; i++) {
      int m = firstRow + lane / 4 + 8 * i;
      i64 row;
      int head;
      bool valid = rowOf(p, tile, m, &row, &head);
      peak[i] = -infinity();
      total[i] = 0.0f;
      factor[i] = s.factor[m];
      slope[i] = valid && p.alibi != nullptr ? loadFloat(p.alibi, head, p.alibiDtype) : 0.0f;
      position[i] = row + tile.shift;
      Positions allowed = {0, 0};
      if (valid) allowed = allowedOf(p, position[i], tile.length);
      start[i] = allowed.start;
      end[i] = allowed.end;
    }
    // Rows that the tile does not have ask for nothing and hide nothing.
    from = to = inner = outer = 0;
    int token = tile.first + firstRow / p.tileHeads;
    if (token >= tile.last) return;
    int lastToken = tile.first + (firstRow + WARP_ROWS - 1) / p.tileHeads;
    if (lastToken >= tile.last) lastToken = tile.last - 1;
    Positions low = allowedOf(p, token + tile.shift, tile.length);
    Positions high = allowedOf(p, lastToken + tile.shift, tile.length);
    from = low.start;
    to = high.end;
    inner = high.start;
    outer = low.end;
  }
};

// s[16, KEYS] = the dot products of a warp's rows and the keys of a tile.
template <class F, int D, int M, int KEYS>
DEVICE void scores(float (&s)[KEYS / 8][4], const u16* queries, const u16* keys, int width) {
  int lane = threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < KEYS / 8; n++) {
    for (int e = 0; e < 4; e++) s[n][e] = 0.0f;
  }
  const u16* q = queries + lane % 16 * STRIDE(D) + lane / 16 * 8;
  const u16* k = keys + (lane / 16 * 8 + lane % 8) * STRIDE(D) + (lane / 8 & 1) * 8;
#pragma unroll 2
  for (int c = 0; c < width; c += 16) {
    u32 a[F::TERMS][4];
#pragma unroll
    for (int t = 0; t < F::TERMS; t++) loadMatrices4(a[t], q + t * M * STRIDE(D) + c);
#pragma unroll
    for (int n = 0; n < KEYS; n += 16) {
      u32 b[4];
      loadMatrices4(b, k + n * STRIDE(D) + c);
      u32 b0[2] = {b[0], b[1]};
      u32 b1[2] = {b[2], b[3]};
#pragma unroll
      for (int t = F::TERMS - 1; t >= 0; t--) {
        F::multiply(s[n / 8], a[t], b0);
        F::multiply(s[n / 8 + 1], a[t], b1);
      }
    }
  }
}

// Makes dot products logits, -infinity where a row may not see; top is a row's largest.
template <int D, int KEYS>
DEVICE void makeLogits(
    const AttentionParams& p, const Rows<D>& rows, float (&s)[KEYS / 8][4], float (&top)[2], i64 first) {
  int column = 2 * (threadIdx.x % 4);
  float inverse = 1.0f / p.softcap;
  bool whole = first >= rows.inner && first + KEYS <= rows.outer;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    top[i] = -infinity();
    int start = (int)(rows.start[i] - first);
    int end = (int)(rows.end[i] - first);
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
      for (int e = 0; e < 2; e++) {
        int j = 8 * n + column + e;
        float x = s[n][2 * i + e] * rows.factor[i];
        if (p.softcap > 0.0f) x = p.softcap * tanhf(x * inverse);
        if (p.alibi != nullptr) x += rows.slope[i] * (float)(first + j - rows.position[i]);
        if (!whole && (j < start || j >= end)) x = -infinity();
        s[n][2 * i + e] = x;
        top[i] = fmaxf(top[i], x);
      }
    }
    top[i] = fmaxf(top[i], __shfl_xor_sync(FULL, top[i], 1));
    top[i] = fmaxf(top[i], __shfl_xor_sync(FULL, top[i], 2));
  }
}

// Makes logits weights against the new peaks, and says what is kept of the sums before.
template <int D, int KEYS>
DEVICE void makeWeights(
    Rows<D>& rows, float (&s)[KEYS / 8][4], const float (&top)[2], float (&keep)[2]) {
#pragma unroll
  for (int i = 0; i < 2; i++) {
    float peak = fmaxf(rows.peak[i], top[i]);
    float base = peak == -infinity() ? 0.0f : peak;
    keep[i] = exp2f((rows.peak[i] - base) * LOG2E);
    rows.peak[i] = peak;
    float total = 0.0f;
#pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
      for (int e = 0; e < 2; e++) {
        float w = exp2f((s[n][2 * i + e] - base) * LOG2E);
        s[n][2 * i + e] = w;
        total += w;
      }
    }
    rows.total[i] = rows.total[i] * keep[i] + total;
  }
}

template <int D, int KEYS>
DEVICE void weigh(
    const AttentionParams& p, Rows<D>& rows, float (&s)[KEYS / 8][4], float (&keep)[2], i64 first) {
  float top[2];
  makeLogits<D, KEYS>(p, rows, s, top, first);
  makeWeights<D, KEYS>(rows, s, top, keep);
}

// sum = sum * keep + weights x values, of a warp's D columns; values have STRIDE elements a row.
template <class F, int D, int KEYS, int STRIDE>
DEVICE void addTerms(
    Rows<D>& rows, const u32 (&a)[KEYS / 16][F::TERMS][4], const float (&keep)[2], const u16* values,
    int width) {
  int lane = threadIdx.x % 32;
  const u16* v = values + (lane & 15) * STRIDE + lane / 16 * 8;
#pragma unroll
  for (int n = 0; n < D; n += 32) {
    if (n >= width) break;
    float d[4][4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      for (int e = 0; e < 4; e++) d[i][e] = 0.0f;
    }
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        u32 b[4];
        loadMatrices4Transposed(b, v + 16 * k * STRIDE + n + 16 * h);
        u32 b0[2] = {b[0], b[1]};
        u32 b1[2] = {b[2], b[3]};
#pragma unroll
        for (int t = F::TERMS - 1; t >= 0; t--) {
          F::multiply(d[2 * h], a[k][t], b0);
          F::multiply(d[2 * h + 1], a[k][t], b1);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        rows.sum[n / 8 + i][e] = fmaf(rows.sum[n / 8 + i][e], keep[e / 2], d[i][e]);
      }
    }
  }
}

template <class F, int D, int KEYS>
DEVICE void addValues(
    Rows<D>& rows, const float (&s)[KEYS / 8][4], const float (&keep)[2], const u16* values, int width) {
  const float up = F::SCALED ? F16_WEIGHT : 1.0f;
  u32 a[KEYS / 16][F::TERMS][4];
#pragma unroll
  for (int k = 0; k < KEYS / 16; k++) {
#pragma unroll
    for (int r = 0; r < 4; r++) {
      u32 terms[F::TERMS];
      const float* w = &s[2 * k + r / 2][r % 2 * 2];
      F::split(w[0] * up, w[1] * up, terms);
#pragma unroll
      for (int t = 0; t < F::TERMS; t++) a[k][t][r] = terms[t];
    }
  }
  addTerms<F, D, KEYS, STRIDE(D)>(rows, a, keep, values, width);
}

// Where the tiles of a sequence begin among those of a grid by rows. Before sequence 0 and behind
// the last come those of rows of no sequence.
DEVICE int firstTile(const AttentionParams& p, int s) {
  return s < 0 ? 0 : p.cuSeqlensQ[s] / p.tileTokens + s + 1;
}

// The sequence of tile x and its rows: -1 before the first, p.sequences behind the last. Of a grid
// of tokens / tileTokens + sequences + 2 some tiles are empty.
DEVICE int tileRows(const AttentionParams& p, int x, int* first, int* last) {
  int low = -1;
  int high = p.sequences;
  while (low < high) {
    int mid = low + (high - low + 1) / 2;
    if (firstTile(p, mid) <= x) {
      low = mid;
    } else {
      high = mid - 1;
    }
  }
  *first = (low < 0 ? 0 : p.cuSeqlensQ[low]) + (x - firstTile(p, low)) * p.tileTokens;
  *last = low < p.sequences ? p.cuSeqlensQ[low + 1] : (int)p.tokens;
  return low;
}

// Zeros for rows of no sequence, by the block of so many tiles of heads.
DEVICE void zeroRows(const AttentionParams& p, i64 first, i64 last, int heads) {
  for (i64 row = first; row < last; row++) {
    for (int head = heads; head < p.heads; head += gridDim.y) zeroRow(p, row, head);
  }
}
DEVICE void zeroRows(const AttentionParams& p, i64 first, i64 last) {
  zeroRows(p, first, last, (int)blockIdx.y);
}

// The tile of a prefill block; false where no sequence has its rows, which are zeroed then, or where
// they are left to the kernel for few. Blocks are numbered such that the last tiles of all heads, which
// see most, begin first, and short ones fill what is left.
DEVICE bool prefillTileOf(const AttentionParams& p, Tile* tile) {
  int block = (int)(blockIdx.y * gridDim.x + blockIdx.x);
  int heads = block % (int)gridDim.y;
  int first;
  int last;
  int s = tileRows(p, (int)gridDim.x - 1 - block / (int)gridDim.y, &first, &last);
  if (first >= last) return false;
  if (s < 0 || s == p.sequences) {
    zeroRows(p, first, last < first + p.tileTokens ? last : first + p.tileTokens, heads);
    return false;
  }
  *tile = tileOf(p, s, first, heads);
  return last - p.cuSeqlensQ[s] > p.fewRows;
}

// Rows whose result is NaN are done again by plain loops. Only they say whether it has to be: a
// weight of zero times a value that a row may not see, or a term of an infinite query, is NaN, too.
DEVICE void redoNans(
    const AttentionParams& p, const Tile& tile, const int* isNan, int rows, unsigned char* shared) {
  __syncthreads();
  u64 redo = 0;
  for (int m = 0; m < rows; m++) redo |= (u64)(isNan[m] != 0) << m;
  __syncthreads();
  for (int m = 0; redo != 0; m++, redo >>= 1) {
    i64 row;
    int head;
    if ((redo & 1) == 0 || !rowOf(p, tile, m, &row, &head)) continue;
    attendRow(p, row, head, shared);
    __syncthreads();
  }
}
