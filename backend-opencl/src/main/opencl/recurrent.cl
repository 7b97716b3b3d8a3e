// What a sequence carries on from token to token: causal convolution, gated delta rule, Mamba 2's
// scan. A sequence's state is read from one slot of a pool and written to another, or the same.
#include "lamina.clh"

// Whose rows are whose: I32 [S], [S] and [S + 1].
struct Sequences {
  u64 reads;
  u64 writes;
  u64 cuSeqlensQ;
  int count;   // S
  int tokens;  // T
};

#define SEQUENCES global u8 *b_reads, global u8 *b_writes, global u8 *b_cuSeqlensQ
#define READS ((global const int*)(b_reads + p.seqs.reads))
#define WRITES ((global const int*)(b_writes + p.seqs.writes))
#define CU ((global const int*)(b_cuSeqlensQ + p.seqs.cuSeqlensQ))

struct SlotParams {
  struct Sequences seqs;
  i64 slots;
  u64 fault;
};

// Reports slots past the end, and a slot that is written and of another sequence, too.
KERNEL check_slots(const struct SlotParams p, SEQUENCES, global u8* b_fault) {
  EACH(s, p.seqs.count) {
    int read = READS[s];
    int write = WRITES[s];
    if (read >= p.slots || write >= p.slots) {
      report(AT(struct Fault, fault), INDEX_PAST_END, read > write ? read : write, p.slots);
    }
    for (int o = 0; o < p.seqs.count && write >= 0; o++) {
      if (o != s && (READS[o] == write || WRITES[o] == write)) {
        report(AT(struct Fault, fault), DUPLICATE_INDEX, write, p.slots);
      }
    }
  }
}

// ---- Causal convolution, a channel after the other.

#define CHANNELS 128
#define CONV_ROWS 16

struct ConvParams {
  struct Sequences seqs;
  u64 x;      // [T, C]
  u64 w;      // [C, taps]
  u64 bias;   // [C], or null
  u64 tails;  // a slot is [taps - 1, C], oldest row first
  u64 out;    // [T, C]
  int channels;
  int taps;
  int silu;
  int xDtype;
  int wDtype;
  int biasDtype;
  int tailDtype;
  int outDtype;
};

#define CONV_ARGS                                                                        \
  const struct ConvParams p, SEQUENCES, global u8 *b_x, global u8 *b_w, global u8 *b_bias, \
      global u8 *b_tails, global u8 *b_out

struct Conv {
  global const u8* x;
  global const u8* w;
  global const u8* bias;
  global u8* tails;
  global u8* out;
};

#define CONV \
  struct Conv v = {AT(const u8, x), AT(const u8, w), AT(const u8, bias), AT(u8, tails), AT(u8, out)}

// Row i of a sequence that begins at `begin`; those before its first come from its slot.
float convRow(const struct ConvParams* p, const struct Conv* v, int begin, int read, int i, int c) {
  if (i >= 0) return loadFloat(v->x, (i64)(begin + i) * p->channels + c, p->xDtype);
  if (read < 0) return 0;
  i64 row = (i64)read * (p->taps - 1) + (p->taps - 1 + i);
  return loadFloat(v->tails, row * p->channels + c, p->tailDtype);
}

void convolve(const struct ConvParams* p, const struct Conv* v, int begin, int read, int t, int c) {
  float sum = v->bias == 0 ? 0.0f : loadFloat(v->bias, c, p->biasDtype);
  for (int j = 0; j < p->taps; j++) {
    float w = loadFloat(v->w, (i64)c * p->taps + j, p->wDtype);
    sum += w * convRow(p, v, begin, read, t - begin - (p->taps - 1) + j, c);
  }
  if (p->silu) sum = sum / (1.0f + exp(-sum));
  storeFloat(v->out, (i64)t * p->channels + c, p->outDtype, sum);
}

// Keeps the last rows. Oldest first, so a row that a slot keeps is read before it is written.
void keepTail(
    const struct ConvParams* p, const struct Conv* v, int begin, int end, int read, int write, int c) {
  if (write < 0) return;
  int kept = p->taps - 1;
  for (int r = 0; r < kept; r++) {
    float x = convRow(p, v, begin, read, end - begin - kept + r, c);
    storeFloat(v->tails, ((i64)write * kept + r) * p->channels + c, p->tailDtype, x);
  }
}

void clearRows(const struct ConvParams* p, const struct Conv* v, int from, int end, int c) {
  for (int t = from; t < end; t++) storeFloat(v->out, (i64)t * p->channels + c, p->outDtype, 0);
}

#define EACH_CHANNEL(c)                                        \
  for (int c = (int)BLOCK_X * CHANNELS + TID;                  \
       c < min((int)BLOCK_X * CHANNELS + CHANNELS, p.channels); c += GROUP)

// For few rows a sequence. Grid: channels, S + 1; the last ones clear the rows of no sequence.
KERNEL conv_sequences(CONV_ARGS) {
  CONV;
  int s = (int)BLOCK_Y;
  EACH_CHANNEL(c) {
    if (s == p.seqs.count) {
      clearRows(&p, &v, 0, CU[0], c);
      clearRows(&p, &v, CU[s], p.seqs.tokens, c);
    } else {
      for (int t = CU[s]; t < CU[s + 1]; t++) convolve(&p, &v, CU[s], READS[s], t, c);
      keepTail(&p, &v, CU[s], CU[s + 1], READS[s], WRITES[s], c);
    }
  }
}

// For many rows, all at once; conv_tails comes after it. Grid: channels, runs of CONV_ROWS rows.
KERNEL conv_rows(CONV_ARGS) {
  CONV;
  int first = (int)BLOCK_Y * CONV_ROWS;
  // The last sequence that begins at or before the row.
  int from = 0;
  int over = p.seqs.count;
  while (over - from > 1) {
    int middle = (from + over) / 2;
    if (CU[middle] <= first) {
      from = middle;
    } else {
      over = middle;
    }
  }
  EACH_CHANNEL(c) {
    int s = from;
    for (int t = first; t < min(first + CONV_ROWS, p.seqs.tokens); t++) {
      while (s < p.seqs.count && t >= CU[s + 1]) s++;
      if (s == p.seqs.count || t < CU[s]) {
        clearRows(&p, &v, t, t + 1, c);
      } else {
        convolve(&p, &v, CU[s], READS[s], t, c);
      }
    }
  }
}

// Grid: channels, S.
KERNEL conv_tails(CONV_ARGS) {
  CONV;
  int s = (int)BLOCK_Y;
  EACH_CHANNEL(c) keepTail(&p, &v, CU[s], CU[s + 1], READS[s], WRITES[s], c);
}

// ---- Linear attention.
//
// A group takes COLUMNS columns of one head's state M[keyDim, valueDim] through the rows of one
// sequence, a work-item a column after the other: columns do not see each other. A column is kept in
// eights of registers.

#define COLUMNS 32

struct ScanParams {
  struct Sequences seqs;
  u64 q;       // [T, keyHeads, keyDim]
  u64 k;       // the same
  u64 v;       // [T, valueHeads, valueDim]
  u64 g;       // log decays, F32 [T, valueHeads] or [T, valueHeads, keyDim]
  u64 rate;    // F32 [valueHeads]: g is times it, and v times g; null: neither
  u64 beta;    // F32 [T, valueHeads] of the delta rule, null without
  u64 states;  // F32, a slot is [valueHeads, keyDim, valueDim]
  u64 out;     // [T, valueHeads, valueDim]
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

#define SCAN_ARGS                                                                             \
  const struct ScanParams p, SEQUENCES, global u8 *b_q, global u8 *b_k, global u8 *b_v,       \
      global u8 *b_g, global u8 *b_rate, global u8 *b_beta, global u8 *b_states, global u8 *b_out

float totalOf(float8 x) {
  float4 four = x.lo + x.hi;
  float2 two = four.lo + four.hi;
  return two.x + two.y;
}

// Elements of an eight that ends with a key's channels, the others 0.
float8 eightOf(global const u8* data, i64 at, int dtype, int d, int n) {
  if (d + 8 <= n) return loadEight(data, at + d, dtype);
  float x[8];
  for (int e = 0; e < 8; e++) x[e] = d + e < n ? loadFloat(data, at + d + e, dtype) : 0.0f;
  return vload8(0, x);
}

// Grid: columns, value heads, S + 1. EIGHTS is the most of a column.
#define SCAN_KERNEL(name, EIGHTS)                                                              \
  KERNEL name(SCAN_ARGS) {                                                                     \
    int h = (int)BLOCK_Y;                                                                      \
    int s = (int)BLOCK_Z;                                                                      \
    global u8* out = AT(u8, out);                                                              \
    int lastColumn = min((int)BLOCK_X * COLUMNS + COLUMNS, p.valueDim);                        \
    bool none = s == p.seqs.count;                                                             \
    int first = none ? 0 : CU[s];                                                              \
    int after = none ? p.seqs.tokens : CU[s + 1];                                              \
    for (int e = (int)BLOCK_X * COLUMNS + TID; e < lastColumn; e += GROUP) {                   \
      if (none) {                                                                              \
        for (int t = first; t < after; t++) {                                                  \
          if (t >= CU[0] && t < CU[s]) continue;                                               \
          storeFloat(out, ((i64)t * p.valueHeads + h) * p.valueDim + e, p.outDtype, 0);        \
        }                                                                                      \
        continue;                                                                              \
      }                                                                                        \
      int eights = (p.keyDim + 7) / 8;                                                         \
      float8 m[EIGHTS];                                                                        \
      i64 size = (i64)p.keyDim * p.valueDim;                                                   \
      global float* states = AT(float, states);                                                \
      for (int i = 0; i < eights; i++) {                                                       \
        float x[8];                                                                            \
        i64 from = ((i64)READS[s] * p.valueHeads + h) * size + e;                              \
        for (int j = 0; j < 8; j++) {                                                          \
          bool there = READS[s] >= 0 && 8 * i + j < p.keyDim;                                  \
          x[j] = there ? states[from + (i64)(8 * i + j) * p.valueDim] : 0.0f;                  \
        }                                                                                      \
        m[i] = vload8(0, x);                                                                   \
      }                                                                                        \
      for (int t = first; t < after; t++) {                                                    \
        i64 head = (i64)t * p.valueHeads + h;                                                  \
        i64 key = ((i64)t * p.keyHeads + h / (p.valueHeads / p.keyHeads)) * p.keyDim;          \
        global const u8* g = AT(const u8, g);                                                  \
        float step = p.byChannel ? 0.0f : ((global const float*)g)[head];                      \
        float rate = b_rate != 0 ? AT(const float, rate)[h] : 1.0f;                            \
        float8 all = (float8)(exp(step * rate));                                               \
        float8 known = (float8)(0.0f);                                                         \
        for (int i = 0; i < eights; i++) {                                                     \
          float8 f = p.byChannel ? exp(eightOf(g, head * p.keyDim, F32, 8 * i, p.keyDim)) : all; \
          m[i] *= f;                                                                           \
          if (b_beta != 0) known += eightOf(AT(const u8, k), key, p.kDtype, 8 * i, p.keyDim) * m[i]; \
        }                                                                                      \
        float w = loadFloat(AT(const u8, v), head * p.valueDim + e, p.vDtype);                 \
        if (b_rate != 0) w *= step;                                                            \
        if (b_beta != 0) w = AT(const float, beta)[head] * (w - totalOf(known));               \
        float8 sum = (float8)(0.0f);                                                           \
        for (int i = 0; i < eights; i++) {                                                     \
          m[i] += eightOf(AT(const u8, k), key, p.kDtype, 8 * i, p.keyDim) * w;                \
          sum += eightOf(AT(const u8, q), key, p.qDtype, 8 * i, p.keyDim) * m[i];              \
        }                                                                                      \
        storeFloat(out, head * p.valueDim + e, p.outDtype, totalOf(sum) * p.scale);            \
      }                                                                                        \
      for (int i = 0; i < eights && WRITES[s] >= 0; i++) {                                     \
        float x[8];                                                                            \
        vstore8(m[i], 0, x);                                                                   \
        i64 to = ((i64)WRITES[s] * p.valueHeads + h) * size + e;                               \
        for (int j = 0; j < 8 && 8 * i + j < p.keyDim; j++) {                                  \
          states[to + (i64)(8 * i + j) * p.valueDim] = x[j];                                   \
        }                                                                                      \
      }                                                                                        \
    }                                                                                          \
  }

// For keys of up to 4 times as many channels as the name says.
SCAN_KERNEL(scan_8, 4)
SCAN_KERNEL(scan_16, 8)
SCAN_KERNEL(scan_32, 16)
SCAN_KERNEL(scan_64, 32)
SCAN_KERNEL(scan_128, 64)
