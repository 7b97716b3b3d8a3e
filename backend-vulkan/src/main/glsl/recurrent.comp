// What a sequence carries on from token to token: causal convolution, gated delta rule, Mamba 2's
// scan. A sequence's state is read from one slot of a pool and written to another, or the same.
#include "lamina.glsl"
#include "math.glsl"

// Whose rows are whose: I32 [S], [S] and [S + 1].
struct Sequences {
  u64 reads;
  u64 writes;
  u64 cuSeqlensQ;
  int count;   // S
  int tokens;  // T
};

#ifdef KERNEL_check_slots
PARAMS(SlotParams) {
  Sequences seqs;
  i64 slots;
  u64 fault;
};

// Reports slots past the end, and a slot that is written and of another sequence, too.
KERNEL(SlotParams, 128) {
  for (i64 s = globalThread; s < p.seqs.count; s += globalThreads) {
    int read = intAt(p.seqs.reads, s);
    int write = intAt(p.seqs.writes, s);
    if (read >= p.slots || write >= p.slots) {
      report(p.fault, INDEX_PAST_END, i64(max(read, write)), p.slots);
    }
    for (int o = 0; o < p.seqs.count && write >= 0; o++) {
      if (o != s && (intAt(p.seqs.reads, o) == write || intAt(p.seqs.writes, o) == write)) {
        report(p.fault, DUPLICATE_INDEX, i64(write), p.slots);
      }
    }
  }
}
#endif

// ---- Causal convolution, a thread a channel.

#if defined(KERNEL_conv_sequences) || defined(KERNEL_conv_rows) || defined(KERNEL_conv_tails)
const int CONV_ROWS = 16;

PARAMS(ConvParams) {
  Sequences seqs;
  u64 x;      // [T, C]
  u64 w;      // [C, taps]
  u64 bias;   // [C], or 0
  u64 tails;  // a slot is [taps - 1, C], oldest row first
  u64 result; // [T, C]
  int channels;
  int taps;
  int silu;
  int xDtype;
  int wDtype;
  int biasDtype;
  int tailDtype;
  int resultDtype;
};

// Row i of a sequence that begins at `begin`; those before its first come from its slot.
float convRow(ConvParams p, int begin, int read, int i, int c) {
  if (i >= 0) return loadFloat(p.x, i64(begin + i) * p.channels + c, p.xDtype);
  if (read < 0) return 0.0;
  i64 row = i64(read) * (p.taps - 1) + (p.taps - 1 + i);
  return loadFloat(p.tails, row * p.channels + c, p.tailDtype);
}

void convolve(ConvParams p, int begin, int read, int t, int c) {
  float sum = p.bias == 0UL ? 0.0 : loadFloat(p.bias, i64(c), p.biasDtype);
  for (int j = 0; j < p.taps; j++) {
    float w = loadFloat(p.w, i64(c) * p.taps + j, p.wDtype);
    sum += w * convRow(p, begin, read, t - begin - (p.taps - 1) + j, c);
  }
  if (p.silu != 0) sum = sum / (1.0 + expF(-sum));
  storeFloat(p.result, i64(t) * p.channels + c, p.resultDtype, sum);
}

// Keeps the last rows. Oldest first, so a row that a slot keeps is read before it is written.
void keepTail(ConvParams p, int s, int c) {
  int write = intAt(p.seqs.writes, s);
  if (write < 0) return;
  int begin = intAt(p.seqs.cuSeqlensQ, s);
  int rows = intAt(p.seqs.cuSeqlensQ, s + 1) - begin;
  int kept = p.taps - 1;
  for (int r = 0; r < kept; r++) {
    float x = convRow(p, begin, intAt(p.seqs.reads, s), rows - kept + r, c);
    storeFloat(p.tails, (i64(write) * kept + r) * p.channels + c, p.tailDtype, x);
  }
}

void clearRows(ConvParams p, int from, int end, int c) {
  for (int t = from; t < end; t++) storeFloat(p.result, i64(t) * p.channels + c, p.resultDtype, 0.0);
}
#endif

#ifdef KERNEL_conv_sequences
// For few rows a sequence. Grid: channels, S + 1; the last ones clear the rows of no sequence.
KERNEL(ConvParams, 128) {
  int c = blockX * 128 + threadIdx;
  int s = blockY;
  if (c >= p.channels) return;
  if (s == p.seqs.count) {
    clearRows(p, 0, intAt(p.seqs.cuSeqlensQ, 0), c);
    clearRows(p, intAt(p.seqs.cuSeqlensQ, s), p.seqs.tokens, c);
    return;
  }
  int begin = intAt(p.seqs.cuSeqlensQ, s);
  int end = intAt(p.seqs.cuSeqlensQ, s + 1);
  for (int t = begin; t < end; t++) convolve(p, begin, intAt(p.seqs.reads, s), t, c);
  keepTail(p, s, c);
}
#endif

#ifdef KERNEL_conv_rows
// For many rows, all at once; conv_tails comes after it. Grid: channels, runs of CONV_ROWS rows.
KERNEL(ConvParams, 128) {
  int c = blockX * 128 + threadIdx;
  int first = blockY * CONV_ROWS;
  if (c >= p.channels) return;
  // The last sequence that begins at or before the row.
  int s = 0;
  int over = p.seqs.count;
  while (over - s > 1) {
    int middle = (s + over) / 2;
    if (intAt(p.seqs.cuSeqlensQ, middle) <= first) {
      s = middle;
    } else {
      over = middle;
    }
  }
  for (int t = first; t < min(first + CONV_ROWS, p.seqs.tokens); t++) {
    while (s < p.seqs.count && t >= intAt(p.seqs.cuSeqlensQ, s + 1)) s++;
    if (s == p.seqs.count || t < intAt(p.seqs.cuSeqlensQ, s)) {
      clearRows(p, t, t + 1, c);
    } else {
      convolve(p, intAt(p.seqs.cuSeqlensQ, s), intAt(p.seqs.reads, s), t, c);
    }
  }
}
#endif

#ifdef KERNEL_conv_tails
// Grid: channels, S.
KERNEL(ConvParams, 128) {
  int c = blockX * 128 + threadIdx;
  if (c < p.channels) keepTail(p, blockY, c);
}
#endif

// ---- Linear attention.
//
// A block takes COLUMNS columns of one head's state M[keyDim, valueDim] through the rows of one
// sequence: columns do not see each other. PARTS threads share a column; each keeps every PARTS-th
// row of it in registers. Kernel scan_N is for keys of up to 4 N channels.

#if defined(KERNEL_scan_8)
#define KEYS 32
#elif defined(KERNEL_scan_16)
#define KEYS 64
#elif defined(KERNEL_scan_32)
#define KEYS 128
#elif defined(KERNEL_scan_64)
#define KEYS 256
#elif defined(KERNEL_scan_128)
#define KEYS 512
#endif

#ifdef KEYS
const int COLUMNS = 32, THREADS = 256, PARTS = 8, OWN = KEYS / PARTS;

PARAMS(ScanParams) {
  Sequences seqs;
  u64 q;       // [T, keyHeads, keyDim]
  u64 k;       // the same
  u64 v;       // [T, valueHeads, valueDim]
  u64 g;       // log decays [T, valueHeads] or [T, valueHeads, keyDim], F32
  u64 rate;    // [valueHeads]: g is times it, and v times g; 0: neither
  u64 beta;    // [T, valueHeads] of the delta rule, 0 without
  u64 states;  // a slot is [valueHeads, keyDim, valueDim], F32
  u64 result;  // [T, valueHeads, valueDim]
  int keyHeads;
  int valueHeads;
  int keyDim;
  int valueDim;
  int byChannel;
  float scale;
  int qDtype;
  int kDtype;
  int vDtype;
  int resultDtype;
};

shared float queries[KEYS];
shared float keys[KEYS];
shared float decays[KEYS];
shared float parts[PARTS][COLUMNS];

// The sum over the threads of a column.
float columnSum(float x, int part, int column) {
  barrier();
  parts[part][column] = x;
  barrier();
  float sum = 0.0;
  for (int i = 0; i < PARTS; i++) sum += parts[i][column];
  return sum;
}

void clearOthers(ScanParams p, int h, int column) {
  int before = intAt(p.seqs.cuSeqlensQ, 0);
  int after = intAt(p.seqs.cuSeqlensQ, p.seqs.count);
  int rows = before + p.seqs.tokens - after;
  for (int i = threadIdx; i < rows * COLUMNS; i += THREADS) {
    int row = i / COLUMNS;
    int t = row < before ? row : after + row - before;
    int e = column + i % COLUMNS;
    if (e < p.valueDim) {
      storeFloat(p.result, (i64(t) * p.valueHeads + h) * p.valueDim + e, p.resultDtype, 0.0);
    }
  }
}

// Grid: columns, value heads, S + 1.
KERNEL(ScanParams, 256) {
  int h = blockY;
  int s = blockZ;
  if (s == p.seqs.count) {
    clearOthers(p, h, blockX * COLUMNS);
    return;
  }
  int part = threadIdx / COLUMNS;
  int local = threadIdx % COLUMNS;
  int e = blockX * COLUMNS + local;
  bool inside = e < p.valueDim;
  int group = h / (p.valueHeads / p.keyHeads);
  int begin = intAt(p.seqs.cuSeqlensQ, s);
  int end = intAt(p.seqs.cuSeqlensQ, s + 1);
  int read = intAt(p.seqs.reads, s);
  int write = intAt(p.seqs.writes, s);
  i64 size = i64(p.keyDim) * p.valueDim;
  float m[OWN];
  for (int i = 0; i < OWN; i++) {
    int d = i * PARTS + part;
    bool there = inside && read >= 0 && d < p.keyDim;
    i64 at = (i64(read) * p.valueHeads + h) * size + i64(d) * p.valueDim + e;
    m[i] = there ? floatAt(p.states, at) : 0.0;
  }
  for (int t = begin; t < end; t++) {
    i64 head = i64(t) * p.valueHeads + h;
    i64 from = (i64(t) * p.keyHeads + group) * p.keyDim;
    barrier();
    for (int d = threadIdx; d < KEYS; d += THREADS) {
      bool there = d < p.keyDim;
      queries[d] = there ? loadFloat(p.q, from + d, p.qDtype) : 0.0;
      keys[d] = there ? loadFloat(p.k, from + d, p.kDtype) : 0.0;
      if (p.byChannel != 0) {
        decays[d] = there ? expF(floatAt(p.g, head * p.keyDim + d)) : 0.0;
      } else {
        float g = floatAt(p.g, head);
        decays[d] = expF(p.rate == 0UL ? g : g * floatAt(p.rate, h));
      }
    }
    barrier();
    float w = inside ? loadFloat(p.v, head * p.valueDim + e, p.vDtype) : 0.0;
    if (p.rate != 0UL) w *= floatAt(p.g, head);
    float known = 0.0;
    for (int i = 0; i < OWN; i++) {
      int d = i * PARTS + part;
      m[i] *= decays[d];
      known += keys[d] * m[i];
    }
    if (p.beta != 0UL) w = floatAt(p.beta, head) * (w - columnSum(known, part, local));
    float sum = 0.0;
    for (int i = 0; i < OWN; i++) {
      int d = i * PARTS + part;
      m[i] += keys[d] * w;
      sum += queries[d] * m[i];
    }
    sum = columnSum(sum, part, local);
    if (inside && part == 0) {
      storeFloat(p.result, head * p.valueDim + e, p.resultDtype, sum * p.scale);
    }
  }
  for (int i = 0; i < OWN && inside && write >= 0; i++) {
    int d = i * PARTS + part;
    i64 at = (i64(write) * p.valueHeads + h) * size + i64(d) * p.valueDim + e;
    if (d < p.keyDim) floatAt(p.states, at) = m[i];
  }
}
#endif
