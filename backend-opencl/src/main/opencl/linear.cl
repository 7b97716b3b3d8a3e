// Projections: out = x w^T + bias, w plain or in blocks, for one row and for many.
#include "lamina.clh"
#include "math.clh"
#include "blocks.clh"

struct LinearParams {
  u64 x;
  u64 weight;
  u64 bias;
  u64 out;
  u64 format;
  i64 m;
  i64 n;
  i64 k;
  int xDtype;
  int weightDtype;
  int biasDtype;
  int outDtype;
};

// Rows of weights and where they lie.
struct Weights {
  global const u8* data;
  struct Format format;
  int dtype;
};

float weightAt(const struct Weights* w, i64 i) {
  return w->format.table != 0 ? blockElement(&w->format, w->data, i) : loadFloat(w->data, i, w->dtype);
}

// A work-item's part of a row of weights times one of x.
float dot_(const struct Weights* w, i64 wAt, global const u8* x, i64 xAt, int xDtype, i64 n) {
  float sum = 0;
  i64 k = TID;
  if (w->format.table == 0) {
    float8 sums = (float8)(0.0f);
    for (i64 e = 8 * TID; e < n / 8 * 8; e += 8 * GROUP) {
      sums = fma(loadEight(w->data, wAt + e, w->dtype), loadEight(x, xAt + e, xDtype), sums);
    }
    sum = totalOf(sums);
    k += n / 8 * 8;
  }
  for (; k < n; k += GROUP) sum = fma(weightAt(w, wAt + k), loadFloat(x, xAt + k, xDtype), sum);
  return sum;
}

#define ROWS 4

// The same for ROWS rows of weights of one dtype, that are plain, and eights of x.
#define DOTS(name, LOAD)                                                                      \
  void name(global const u8* w, i64 wAt, global const u8* x, i64 xAt, i64 n, float* out) {    \
    float8 s0 = (float8)(0.0f), s1 = s0, s2 = s0, s3 = s0;                                    \
    for (i64 e = 8 * TID; e < n; e += 8 * GROUP) {                                            \
      float8 v = vload8(0, (global const float*)x + xAt + e);                                 \
      s0 = fma(LOAD(w, wAt + e), v, s0);                                                      \
      s1 = fma(LOAD(w, wAt + n + e), v, s1);                                                  \
      s2 = fma(LOAD(w, wAt + 2 * n + e), v, s2);                                              \
      s3 = fma(LOAD(w, wAt + 3 * n + e), v, s3);                                              \
    }                                                                                         \
    out[0] = totalOf(s0), out[1] = totalOf(s1), out[2] = totalOf(s2), out[3] = totalOf(s3);   \
  }
#define LOAD_F32(w, i) loadEight(w, i, F32)
#define LOAD_F16(w, i) loadEight(w, i, F16)
#define LOAD_BF16(w, i) loadEight(w, i, BF16)
DOTS(dotsF32, LOAD_F32)
DOTS(dotsF16, LOAD_F16)
DOTS(dotsBf16, LOAD_BF16)

// A group four elements of the result, anything at any alignment.
KERNEL linear_any(
    const struct LinearParams p, global u8* b_x, global u8* b_weight, global u8* b_bias,
    global u8* b_out, global u8* b_format) {
  local float room[GROUP];
  global const u8* x = AT(const u8, x);
  global const u8* bias = AT(const u8, bias);
  struct Weights w = {AT(const u8, weight), formatAt(AT(const u8, format)), p.weightDtype};
  i64 first = BLOCK_X * ROWS;
  float sums[ROWS];
  bool plain = b_format == 0 && p.xDtype == F32 && p.k % 8 == 0 && p.n % ROWS == 0;
  bool four = plain && p.weightDtype <= BF16;
  i64 at = first % p.n * p.k;
  i64 row = first / p.n * p.k;
  if (four && p.weightDtype == F32) {
    dotsF32(w.data, at, x, row, p.k, sums);
  } else if (four && p.weightDtype == F16) {
    dotsF16(w.data, at, x, row, p.k, sums);
  } else if (four) {
    dotsBf16(w.data, at, x, row, p.k, sums);
  }
  for (i64 o = first; o < min(first + ROWS, p.m * p.n); o++) {
    i64 m = o / p.n;
    i64 n = o % p.n;
    float sum = four ? sums[o - first] : dot_(&w, n * p.k, x, m * p.k, p.xDtype, p.k);
    sum = groupSum(sum, room);
    if (TID == 0) {
      if (bias != 0) sum += loadFloat(bias, n, p.biasDtype);
      storeFloat(AT(u8, out), o, p.outDtype, sum);
    }
  }
}

#define TM 64
#define TN 64
#define TK 16
#define MICRO_M 4
#define MICRO_N 16
#define MICROS (TM / MICRO_M * (TN / MICRO_N) / GROUP)

// Groups of 64 x 64 results, a work-item 4 x 16 of them at a time, in F32.
KERNEL linear_tile(
    const struct LinearParams p, global u8* b_x, global u8* b_weight, global u8* b_bias,
    global u8* b_out, global u8* b_format) {
  local float xs[TK][TM];
  local float ws[TK][TN];
  global const u8* x = AT(const u8, x);
  global const u8* bias = AT(const u8, bias);
  struct Weights w = {AT(const u8, weight), formatAt(AT(const u8, format)), p.weightDtype};
  i64 m0 = BLOCK_Y * TM;
  i64 n0 = BLOCK_X * TN;
  float16 sum[MICROS][MICRO_M];
  for (int s = 0; s < MICROS; s++) {
    for (int i = 0; i < MICRO_M; i++) sum[s][i] = (float16)(0.0f);
  }
  for (i64 k0 = 0; k0 < p.k; k0 += TK) {
    for (int i = TID; i < TM * TK; i += GROUP) {
      int k = i % TK;
      int r = i / TK;
      bool inK = k0 + k < p.k;
      xs[k][r] = inK && m0 + r < p.m ? loadFloat(x, (m0 + r) * p.k + k0 + k, p.xDtype) : 0;
      ws[k][r] = inK && n0 + r < p.n ? weightAt(&w, (n0 + r) * p.k + k0 + k) : 0;
    }
    SYNC();
    // Past the end of k there are zeros on both sides.
    for (int s = 0; s < MICROS; s++) {
      int micro = TID + s * GROUP;
      int row = micro / (TN / MICRO_N) * MICRO_M;
      int column = micro % (TN / MICRO_N) * MICRO_N;
      float16 a0 = sum[s][0], a1 = sum[s][1], a2 = sum[s][2], a3 = sum[s][3];
      for (int k = 0; k < TK; k++) {
        float16 b = vload16(0, &ws[k][column]);
        a0 = fma((float16)(xs[k][row]), b, a0);
        a1 = fma((float16)(xs[k][row + 1]), b, a1);
        a2 = fma((float16)(xs[k][row + 2]), b, a2);
        a3 = fma((float16)(xs[k][row + 3]), b, a3);
      }
      sum[s][0] = a0, sum[s][1] = a1, sum[s][2] = a2, sum[s][3] = a3;
    }
    SYNC();
  }
  for (int s = 0; s < MICROS; s++) {
    int micro = TID + s * GROUP;
    i64 n1 = n0 + micro % (TN / MICRO_N) * MICRO_N;
    for (int i = 0; i < MICRO_M; i++) {
      i64 m = m0 + micro / (TN / MICRO_N) * MICRO_M + i;
      float row[MICRO_N];
      vstore16(sum[s][i], 0, row);
      for (int j = 0; j < MICRO_N; j++) {
        i64 n = n1 + j;
        if (m >= p.m || n >= p.n) continue;
        float y = row[j];
        if (bias != 0) y += loadFloat(bias, n, p.biasDtype);
        storeFloat(AT(u8, out), m * p.n + n, p.outDtype, y);
      }
    }
  }
}

struct ExpertParams {
  u64 x;
  u64 weight;
  u64 ids;
  u64 bias;
  u64 out;
  u64 format;
  i64 tokens;
  i64 experts;
  i64 n;
  i64 k;
  int choices;
  int ownRows;  // whether each choice has a row of x
  int xDtype;
  int weightDtype;
  int biasDtype;
  int outDtype;
};

// A group four elements of the result: rows of one expert for one choice of one token.
KERNEL moe_linear_any(
    const struct ExpertParams p, global u8* b_x, global u8* b_weight, global u8* b_ids,
    global u8* b_bias, global u8* b_out, global u8* b_format) {
  local float room[GROUP];
  i64 choice = BLOCK_Z * 65535 + BLOCK_Y;
  if (choice >= p.tokens * p.choices) return;
  global const u8* x = AT(const u8, x);
  global const u8* bias = AT(const u8, bias);
  struct Weights w = {AT(const u8, weight), formatAt(AT(const u8, format)), p.weightDtype};
  i64 expert = AT(const int, ids)[choice];
  bool there = expert >= 0 && expert < p.experts;
  i64 row = p.ownRows ? choice : choice / p.choices;
  for (i64 n = 4 * BLOCK_X; n < min(4 * BLOCK_X + 4, p.n); n++) {
    float sum = 0;
    if (there) sum = dot_(&w, (expert * p.n + n) * p.k, x, row * p.k, p.xDtype, p.k);
    sum = groupSum(sum, room);
    if (TID == 0) {
      if (there && bias != 0) sum += loadFloat(bias, expert * p.n + n, p.biasDtype);
      storeFloat(AT(u8, out), choice * p.n + n, p.outDtype, sum);
    }
  }
}
