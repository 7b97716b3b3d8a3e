// What a sequence carries on from token to token: causal convolution, gated delta rule, Mamba 2's
// scan. A sequence's state is read from one slot of a pool and written to another, or the same.
#include "lamina.cuh"

// Whose rows are whose: I32 [S], [S] and [S + 1].
struct Sequences {
  const int* reads;
  const int* writes;
  const int* cuSeqlensQ;
  int count;   // S
  int tokens;  // T
};

struct SlotParams {
  Sequences seqs;
  i64 slots;
  Fault* fault;
};

// Reports slots past the end, and a slot that is written and of another sequence, too.
KERNEL(check_slots, SlotParams, 128) {
  for (i64 s = globalThread(); s < p.seqs.count; s += globalThreads()) {
    int read = p.seqs.reads[s];
    int write = p.seqs.writes[s];
    if (read >= p.slots || write >= p.slots) {
      report(p.fault, INDEX_PAST_END, read > write ? read : write, p.slots);
    }
    for (int o = 0; o < p.seqs.count && write >= 0; o++) {
      if (o != s && (p.seqs.reads[o] == write || p.seqs.writes[o] == write)) {
        report(p.fault, DUPLICATE_INDEX, write, p.slots);
      }
    }
  }
}

// ---- Causal convolution, a thread a channel.

#define CONV_THREADS 128
#define CONV_ROWS 16

struct ConvParams {
  Sequences seqs;
  const void* x;     // [T, C]
  const void* w;     // [C, taps]
  const void* bias;  // [C], or null
  void* tails;       // a slot is [taps - 1, C], oldest row first
  void* out;         // [T, C]
  int channels;
  int taps;
  int silu;
  int xDtype;
  int wDtype;
  int biasDtype;
  int tailDtype;
  int outDtype;
};

// Row i of a sequence that begins at `begin`; those before its first come from its slot.
DEVICE float convRow(const ConvParams& p, int begin, int read, int i, int c) {
  if (i >= 0) return loadFloat(p.x, (i64)(begin + i) * p.channels + c, p.xDtype);
  if (read < 0) return 0;
  i64 row = (i64)read * (p.taps - 1) + (p.taps - 1 + i);
  return loadFloat(p.tails, row * p.channels + c, p.tailDtype);
}

DEVICE void convolve(const ConvParams& p, int begin, int read, int t, int c) {
  float sum = p.bias == nullptr ? 0.0f : loadFloat(p.bias, c, p.biasDtype);
  for (int j = 0; j < p.taps; j++) {
    float w = loadFloat(p.w, (i64)c * p.taps + j, p.wDtype);
    sum += w * convRow(p, begin, read, t - begin - (p.taps - 1) + j, c);
  }
  if (p.silu) sum = sum / (1.0f + expf(-sum));
  storeFloat(p.out, (i64)t * p.channels + c, p.outDtype, sum);
}

// Keeps the last rows. Oldest first, so a row that a slot keeps is read before it is written.
DEVICE void keepTail(const ConvParams& p, int s, int c) {
  int write = p.seqs.writes[s];
  if (write < 0) return;
  int begin = p.seqs.cuSeqlensQ[s];
  int rows = p.seqs.cuSeqlensQ[s + 1] - begin;
  int kept = p.taps - 1;
  for (int r = 0; r < kept; r++) {
    float x = convRow(p, begin, p.seqs.reads[s], rows - kept + r, c);
    storeFloat(p.tails, ((i64)write * kept + r) * p.channels + c, p.tailDtype, x);
  }
}

DEVICE void clearRows(const ConvParams& p, int from, int end, int c) {
  for (int t = from; t < end; t++) storeFloat(p.out, (i64)t * p.channels + c, p.outDtype, 0);
}

// For few rows a sequence. Grid: channels, S + 1; the last ones clear the rows of no sequence.
KERNEL(conv_sequences, ConvParams, CONV_THREADS) {
  int c = (int)(blockIdx.x * CONV_THREADS + threadIdx.x);
  int s = (int)blockIdx.y;
  if (c >= p.channels) return;
  if (s == p.seqs.count) {
    clearRows(p, 0, p.seqs.cuSeqlensQ[0], c);
    clearRows(p, p.seqs.cuSeqlensQ[s], p.seqs.tokens, c);
    return;
  }
  int begin = p.seqs.cuSeqlensQ[s];
  int end = p.seqs.cuSeqlensQ[s + 1];
  for (int t = begin; t < end; t++) convolve(p, begin, p.seqs.reads[s], t, c);
  keepTail(p, s, c);
}

// For many rows, all at once; conv_tails comes after it. Grid: channels, runs of CONV_ROWS rows.
KERNEL(conv_rows, ConvParams, CONV_THREADS) {
  int c = (int)(blockIdx.x * CONV_THREADS + threadIdx.x);
  int first = (int)blockIdx.y * CONV_ROWS;
  if (c >= p.channels) return;
  // The last sequence that begins at or before the row.
  int s = 0;
  int over = p.seqs.count;
  while (over - s > 1) {
    int middle = (s + over) / 2;
    if (p.seqs.cuSeqlensQ[middle] <= first) {
      s = middle;
    } else {
      over = middle;
    }
  }
  for (int t = first; t < min(first + CONV_ROWS, p.seqs.tokens); t++) {
    while (s < p.seqs.count && t >= p.seqs.cuSeqlensQ[s + 1]) s++;
    if (s == p.seqs.count || t < p.seqs.cuSeqlensQ[s]) {
      clearRows(p, t, t + 1, c);
    } else {
      convolve(p, p.seqs.cuSeqlensQ[s], p.seqs.reads[s], t, c);
    }
  }
}

// Grid: channels, S.
KERNEL(conv_tails, ConvParams, CONV_THREADS) {
  int c = (int)(blockIdx.x * CONV_THREADS + threadIdx.x);
  if (c < p.channels) keepTail(p, (int)blockIdx.y, c);
}

// ---- Linear attention.
//
// A block takes COLUMNS columns of one head's state M[keyDim, valueDim] through the rows of one
// sequence: columns do not see each other. Four lanes share a column; each keeps its part of it in
// registers, four rows of every sixteen. What the block's columns have in common, keys, queries
// and decays, half of the block's warps bring into shared memory, TOKENS rows ahead of the others.

#define COLUMNS 32
#define SCAN_THREADS 256
#define SCAN_HALF 128

struct ScanParams {
  Sequences seqs;
  const void* q;      // [T, keyHeads, keyDim]
  const void* k;      // the same
  const void* v;      // [T, valueHeads, valueDim]
  const float* g;     // log decays [T, valueHeads] or [T, valueHeads, keyDim]
  const float* rate;  // [valueHeads]: g is times it, and v times g; null: neither
  const float* beta;  // [T, valueHeads] of the delta rule, null without
  float* states;      // a slot is [valueHeads, keyDim, valueDim]
  void* out;          // [T, valueHeads, valueDim]
  int keyHeads;
  int valueHeads;
  int keyDim;
  int valueDim;
  int byChannel;
  float scale;
  int qDtype;
  int kDtype;
  int vDtype;
  int outDtype;
};

// The sum over the four lanes of a column.
DEVICE float columnSum(float x) {
  x += __shfl_xor_sync(FULL, x, 8);
  return x + __shfl_xor_sync(FULL, x, 16);
}

// sum += a b, by components.
DEVICE void addProduct(float4& sum, float4 a, float4 b) {
  sum.x += a.x * b.x;
  sum.y += a.y * b.y;
  sum.z += a.z * b.z;
  sum.w += a.w * b.w;
}

DEVICE float total(float4 x) { return (x.x + x.y) + (x.z + x.w); }

template <int ROWS>
struct ScanRoom {
  static const int TOKENS = ROWS > 16 ? 256 / ROWS : 16;
  float q[TOKENS][4 * ROWS];
  float k[TOKENS][4 * ROWS];
  float decay[TOKENS][4 * ROWS];  // of each channel, or one at [t][0]
  float v[TOKENS][COLUMNS];
  float beta[TOKENS];
};

// Eight elements at an address that is a multiple of 16 bytes.
DEVICE void loadEight(const void* data, i64 at, int dtype, float* to) {
  if (dtype == F32) {
    const float4* x = (const float4*)((const float*)data + at);
    float4 low = x[0];
    float4 high = x[1];
    ((float4*)to)[0] = low;
    ((float4*)to)[1] = high;
    return;
  }
  uint4 bits = *(const uint4*)((const u16*)data + at);
  u32 words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    u16 low = (u16)words[i];
    u16 high = (u16)(words[i] >> 16);
    to[2 * i] = dtype == BF16 ? fromBf16(low) : fromF16(low);
    to[2 * i + 1] = dtype == BF16 ? fromBf16(high) : fromF16(high);
  }
}

DEVICE bool loadsEights(const void* data, int width, int dtype) {
  return (width & 7) == 0 && ((u64)data & 15) == 0 && dtype <= BF16;
}

// Brings n rows from t on into shared memory, what is behind keyDim as zeros. By SCAN_HALF threads.
template <int ROWS>
DEVICE void loadTokens(const ScanParams& p, ScanRoom<ROWS>& room, int t, int n, int h, int column) {
  const int dim = 4 * ROWS;
  int thread = (int)threadIdx.x - SCAN_HALF;
  int group = h / (p.valueHeads / p.keyHeads);
  bool eights = loadsEights(p.q, p.keyDim, p.qDtype) && loadsEights(p.k, p.keyDim, p.kDtype);
  for (int i = 8 * thread; i < n * dim && eights; i += 8 * SCAN_HALF) {
    int row = i / dim;
    int d = i % dim;
    i64 at = ((i64)(t + row) * p.keyHeads + group) * p.keyDim + d;
    if (d < p.keyDim) {
      loadEight(p.q, at, p.qDtype, &room.q[row][d]);
      loadEight(p.k, at, p.kDtype, &room.k[row][d]);
    } else {
      for (int j = d; j < d + 8; j++) room.q[row][j] = room.k[row][j] = 0;
    }
  }
  for (int i = thread; i < n * dim && (!eights || p.byChannel); i += SCAN_HALF) {
    int row = i / dim;
    int d = i % dim;
    bool in = d < p.keyDim;
    if (!eights) {
      i64 at = ((i64)(t + row) * p.keyHeads + group) * p.keyDim + d;
      room.q[row][d] = in ? loadFloat(p.q, at, p.qDtype) : 0.0f;
      room.k[row][d] = in ? loadFloat(p.k, at, p.kDtype) : 0.0f;
    }
    if (p.byChannel) {
      i64 own = ((i64)(t + row) * p.valueHeads + h) * p.keyDim + d;
      room.decay[row][d] = in ? expf(p.g[own]) : 0.0f;
    }
  }
  for (int i = thread; i < n * COLUMNS; i += SCAN_HALF) {
    int row = i / COLUMNS;
    int e = column + i % COLUMNS;
    i64 head = (i64)(t + row) * p.valueHeads + h;
    float v = e < p.valueDim ? loadFloat(p.v, head * p.valueDim + e, p.vDtype) : 0.0f;
    room.v[row][i % COLUMNS] = p.rate == nullptr ? v : v * p.g[head];
  }
  for (int row = thread; row < n; row += SCAN_HALF) {
    i64 head = (i64)(t + row) * p.valueHeads + h;
    if (!p.byChannel) {
      room.decay[row][0] = expf(p.rate == nullptr ? p.g[head] : p.g[head] * p.rate[h]);
    }
    room.beta[row] = p.beta == nullptr ? 0.0f : p.beta[head];
  }
}

DEVICE void clearOthers(const ScanParams& p, int h, int column) {
  int before = p.seqs.cuSeqlensQ[0];
  int after = p.seqs.cuSeqlensQ[p.seqs.count];
  int rows = before + p.seqs.tokens - after;
  for (int i = threadIdx.x; i < rows * COLUMNS; i += SCAN_THREADS) {
    int row = i / COLUMNS;
    int t = row < before ? row : after + row - before;
    int e = column + i % COLUMNS;
    if (e < p.valueDim) {
      storeFloat(p.out, ((i64)t * p.valueHeads + h) * p.valueDim + e, p.outDtype, 0);
    }
  }
}

// A thread's part of a column, and where it lies.
template <int ROWS>
struct Column {
  static const int FOURS = ROWS / 4;
  float4 m[FOURS];
  int part;   // of four
  int local;  // column of the block
  int e;      // column of the head
  bool in;

  DEVICE int row(int i, int j) const { return 16 * i + 4 * part + j; }

  DEVICE void load(const ScanParams& p, const float* from) {
#pragma unroll
    for (int i = 0; i < FOURS; i++) {
      float rows[4];
#pragma unroll
      for (int j = 0; j < 4; j++) {
        bool there = in && from != nullptr && row(i, j) < p.keyDim;
        rows[j] = there ? from[(i64)row(i, j) * p.valueDim + e] : 0.0f;
      }
      m[i] = make_float4(rows[0], rows[1], rows[2], rows[3]);
    }
  }

  DEVICE void store(const ScanParams& p, float* to) const {
#pragma unroll
    for (int i = 0; i < FOURS; i++) {
      float rows[4] = {m[i].x, m[i].y, m[i].z, m[i].w};
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (in && row(i, j) < p.keyDim) to[(i64)row(i, j) * p.valueDim + e] = rows[j];
      }
    }
  }

  // Decays, takes one row of the sequence in, and answers its query.
  DEVICE float step(const ScanParams& p, const ScanRoom<ROWS>& room, int t) {
    const float4* k = (const float4*)room.k[t] + part;
    const float4* q = (const float4*)room.q[t] + part;
    const float4* decay = (const float4*)room.decay[t] + part;
    float all = room.decay[t][0];
#pragma unroll
    for (int i = 0; i < FOURS; i++) {
      float4 f = p.byChannel ? decay[4 * i] : make_float4(all, all, all, all);
      m[i].x *= f.x;
      m[i].y *= f.y;
      m[i].z *= f.z;
      m[i].w *= f.w;
    }
    float w = room.v[t][local];
    if (p.beta != nullptr) {
      float4 known = make_float4(0, 0, 0, 0);
#pragma unroll
      for (int i = 0; i < FOURS; i++) addProduct(known, k[4 * i], m[i]);
      w = room.beta[t] * (w - columnSum(total(known)));
    }
    float4 sum = make_float4(0, 0, 0, 0);
    float4 ws = make_float4(w, w, w, w);
#pragma unroll
    for (int i = 0; i < FOURS; i++) {
      addProduct(m[i], k[4 * i], ws);
      addProduct(sum, q[4 * i], m[i]);
    }
    return columnSum(total(sum)) * p.scale;
  }
};

// Grid: columns, value heads, S + 1.
template <int ROWS>
DEVICE void scanHead(const ScanParams& p, ScanRoom<ROWS>* rooms) {
  const int TOKENS = ScanRoom<ROWS>::TOKENS;
  int column = (int)blockIdx.x * COLUMNS;
  int h = (int)blockIdx.y;
  int s = (int)blockIdx.z;
  if (s == p.seqs.count) {
    clearOthers(p, h, column);
    return;
  }
  bool loads = threadIdx.x >= SCAN_HALF;
  int begin = p.seqs.cuSeqlensQ[s];
  int end = p.seqs.cuSeqlensQ[s + 1];
  i64 size = (i64)p.keyDim * p.valueDim;
  Column<ROWS> own;
  if (loads) {
    if (begin < end) loadTokens(p, rooms[0], begin, min(TOKENS, end - begin), h, column);
  } else {
    int lane = threadIdx.x & 31;
    own.part = lane / 8;
    own.local = (int)(threadIdx.x >> 5) * 8 + lane % 8;
    own.e = column + own.local;
    own.in = own.e < p.valueDim;
    int read = p.seqs.reads[s];
    own.load(p, read < 0 ? nullptr : p.states + ((i64)read * p.valueHeads + h) * size);
  }
  __syncthreads();
  int turn = 0;
  for (int t = begin; t < end; t += TOKENS) {
    int next = t + TOKENS;
    if (loads) {
      if (next < end) loadTokens(p, rooms[1 - turn], next, min(TOKENS, end - next), h, column);
    } else {
      for (int i = 0; i < min(TOKENS, end - t); i++) {
        float o = own.step(p, rooms[turn], i);
        if (own.in && own.part == 0) {
          i64 head = (i64)(t + i) * p.valueHeads + h;
          storeFloat(p.out, head * p.valueDim + own.e, p.outDtype, o);
        }
      }
    }
    turn = 1 - turn;
    __syncthreads();
  }
  int write = p.seqs.writes[s];
  if (!loads && write >= 0) own.store(p, p.states + ((i64)write * p.valueHeads + h) * size);
}

// For keys of up to 4 times as many channels as the name says.
#define SCAN_KERNEL(ROWS)                            \
  KERNEL(scan_##ROWS, ScanParams, SCAN_THREADS) {    \
    __shared__ __align__(16) ScanRoom<ROWS> rooms[2]; \
    scanHead<ROWS>(p, rooms);                        \
  }

SCAN_KERNEL(8)
SCAN_KERNEL(16)
SCAN_KERNEL(32)
SCAN_KERNEL(64)
SCAN_KERNEL(128)
