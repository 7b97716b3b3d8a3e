// Projections by weights of 16 bits for few rows, with the norm before them and the gate or the sum
// after them: each weight is read once. What a step of decode spends its time on.
#include "lamina.clh"
#include "math.clh"

// Rows of weights that a group multiplies at once, and eights of each that a work-item has on their
// way. A host's thread goes through memory from one end to the other: PoCL's had 24 GB/s of one row
// at a time where it had 12 of four.
#if GROUP == 1
#define COLUMNS 1
#define IN_FLIGHT 4
#define ROWS_SPACE local
#else
#define COLUMNS 4
#define IN_FLIGHT 1
#define ROWS_SPACE global
#endif

#define MAX_PARTS 3

// Projections of the same x, a part each; or a gate and what it gates, which give one result.
struct GroupParams {
  u64 x;
  u64 norm;      // factors of an RMS norm of x, or nothing
  u64 residual;  // added to the only part, or nothing
  u64 weights[MAX_PARTS];
  u64 biases[MAX_PARTS];
  u64 outs[MAX_PARTS];
  i64 n[MAX_PARTS];
  i64 k;
  int firstBlock[MAX_PARTS];
  int biasDtype[MAX_PARTS];
  int outDtype[MAX_PARTS];
  int parts;
  int columns;  // results of a row that a group makes, of which a gate takes two for each
  int normDtype;
  int plusOne;
  float eps;
  int gated;
  int gate;
  int residualDtype;
  int computed;
  int normed;
};

// One of the parts.
struct Part {
  global const u16* weights;
  global const u8* bias;
  global u8* out;
  int biasDtype;
  int outDtype;
};

#define GROUP_ARGS                                                                          \
  const struct GroupParams p, global u8 *b_x, global u8 *b_norm, global u8 *b_residual,     \
      global u8 *b_weights0, global u8 *b_weights1, global u8 *b_weights2,                  \
      global u8 *b_biases0, global u8 *b_biases1, global u8 *b_biases2, global u8 *b_outs0, \
      global u8 *b_outs1, global u8 *b_outs2, local float *shared

#define PART(i)                                                                  \
  (struct Part) {                                                                \
    (global const u16*)(b_weights##i + p.weights[i]),                            \
        b_biases##i != 0 ? b_biases##i + p.biases[i] : 0, b_outs##i + p.outs[i], \
        p.biasDtype[i], p.outDtype[i]                                            \
  }

// Arrays that loops of constant bounds go through are registers once those are unrolled, which PoCL
// does where it is told to.
#define UNROLL _Pragma("unroll")

#define LOAD_BF16(at) as_float8(convert_uint8(vload8(0, at)) << 16)
#define LOAD_F16(at) loadEight((global const u8*)(at), 0, F16)

// What work-items have of a sum lies in local memory a value each, and one more so that sums of
// neighbours lie in different banks.
#define LANES (GROUP + 1)

float allOf(local const float* values) {
  float sum = 0.0f;
  for (int i = 0; i < GROUP; i++) sum += values[i];
  return sum;
}

// What a work-item has of the square of a row of x, for a norm.
float squareOf(const struct GroupParams* p, global const float* x) {
  float8 sum = (float8)(0.0f);
  i64 end = p->normed ? p->k : 0;
  for (i64 e = 8 * TID; e < end; e += 8 * GROUP) {
    float8 v = vload8(0, x + e);
    sum = fma(v, v, sum);
  }
  return totalOf(sum);
}

float scaleOf(const struct GroupParams* p, float square) {
  return p->normed ? 1.0f / sqrt(square / (float)p->k + p->eps) : 1.0f;
}

#if GROUP == 1
// Rows of x in local memory, normed: a host's thread takes many columns, and norms them once.
void normed(
    const struct GroupParams* p, global const float* x, global const u8* norm, local float* to) {
  float scale = scaleOf(p, squareOf(p, x));
  float one = p->plusOne ? 1.0f : 0.0f;
  for (i64 e = 0; e < p->k; e += 8) {
    float8 v = vload8(0, x + e) * scale;
    if (norm != 0) v *= loadEight(norm, e, p->normDtype) + one;
    vstore8(v, 0, to + e);
  }
}
#endif

// A column of the result for one row, but for gate and sum.
float finished(const struct Part* part, float sum, i64 column) {
  return part->bias != 0 ? sum + loadFloat(part->bias, column, part->biasDtype) : sum;
}

// Adds to sums i: of eight elements from e on, ROWS rows of x times COLUMNS of weights.
#define ADD(ROWS, LOAD, i, e)                                                   \
  {                                                                             \
    float8 v[ROWS];                                                             \
    UNROLL for (int r = 0; r < ROWS; r++) v[r] = vload8(0, x + r * p->k + (e)); \
    if (norm != 0) {                                                            \
      float8 factor = loadEight(norm, e, p->normDtype) + one;                   \
      UNROLL for (int r = 0; r < ROWS; r++) v[r] *= factor;                     \
    }                                                                           \
    UNROLL for (int c = 0; c < COLUMNS; c++) {                                  \
      float8 weight = LOAD(w[c] + (e));                                         \
      UNROLL for (int r = 0; r < ROWS; r++) {                                   \
        sum[i][c * ROWS + r] = fma(weight, v[r], sum[i][c * ROWS + r]);         \
      }                                                                         \
    }                                                                           \
  }

// What a work-item has of ROWS rows of x times COLUMNS rows of weights.
#define DOTS(name, ROWS, UNITS, LOAD)                                                       \
  void name(                                                                                \
      const struct GroupParams* p, ROWS_SPACE const float* x, global const u8* norm,        \
      global const u16* weights, i64 first, i64 n, local float* sums) {                     \
    global const u16* w[COLUMNS];                                                           \
    float8 sum[UNITS][ROWS * COLUMNS];                                                      \
    float one = p->plusOne ? 1.0f : 0.0f;                                                   \
    /* Past the last column the last one is read again, and not written. */                 \
    UNROLL for (int c = 0; c < COLUMNS; c++) w[c] = weights + min(first + c, n - 1) * p->k; \
    UNROLL for (int u = 0; u < UNITS; u++) {                                                \
      UNROLL for (int i = 0; i < ROWS * COLUMNS; i++) sum[u][i] = (float8)(0.0f);           \
    }                                                                                       \
    i64 whole = p->k / (8 * UNITS) * (8 * UNITS);                                           \
    for (i64 k = 8 * UNITS * TID; k < whole; k += 8 * UNITS * GROUP) {                      \
      UNROLL for (int u = 0; u < UNITS; u++) ADD(ROWS, LOAD, u, k + 8 * u)                  \
    }                                                                                       \
    for (i64 k = whole + 8 * TID; k < p->k; k += 8 * GROUP) ADD(ROWS, LOAD, 0, k)           \
    UNROLL for (int i = 0; i < ROWS * COLUMNS; i++) {                                       \
      UNROLL for (int u = 1; u < UNITS; u++) sum[0][i] += sum[u][i];                        \
      sums[i * LANES + TID] = totalOf(sum[0][i]);                                           \
    }                                                                                       \
  }

// Where products find rows of x, how much of the norm is then left to them, and the columns of a
// group: a wide one makes COLUMNS and has no loop around its barrier.
#if GROUP == 1
#define TAKE_ROWS(ROWS)                                                               \
  for (int r = 0; r < ROWS; r++) normed(&p, given + r * p.k, norm, shared + r * p.k); \
  local const float* x = shared;                                                      \
  norm = 0;
#define SCALE(r) 1.0f
#define FOR_COLUMNS(i, from, end) for (i64 i = from; i < end; i += COLUMNS)
#else
#define TAKE_ROWS(ROWS)                                                                    \
  for (int r = 0; r < ROWS; r++) squares[r * LANES + TID] = squareOf(&p, given + r * p.k); \
  global const float* x = given;
#define SCALE(r) scaleOf(&p, allOf(squares + (r) * LANES))
#define FOR_COLUMNS(i, from, end) i64 i = from;
#endif

// All work-items go through one barrier, ahead of which nothing returns and which no branch is
// around: PoCL makes wrong code of such.
#define GROUP_KERNEL(name, ROWS, UNITS, LOAD)                                                   \
  DOTS(dots_##name, ROWS, UNITS, LOAD)                                                          \
  KERNEL name(GROUP_ARGS) {                                                                     \
    local float squares[ROWS * LANES];                                                          \
    local float sums[ROWS * COLUMNS * LANES];                                                   \
    local float gated[ROWS * COLUMNS * LANES];                                                  \
    global const float* given = AT(const float, x);                                             \
    global const u8* norm = AT(const u8, norm);                                                 \
    global const u8* residual = AT(const u8, residual);                                         \
    bool second = p.parts > 1 && BLOCK_X >= p.firstBlock[1];                                    \
    bool third = p.parts > 2 && BLOCK_X >= p.firstBlock[2];                                     \
    struct Part part = PART(0);                                                                 \
    struct Part other = PART(1);                                                                \
    if (second) part = other;                                                                   \
    if (third) part = PART(2);                                                                  \
    i64 n = p.n[third ? 2 : second ? 1 : 0];                                                    \
    i64 each = p.gated ? p.columns / 2 : p.columns;                                             \
    i64 from = (BLOCK_X - p.firstBlock[third ? 2 : second ? 1 : 0]) * each;                     \
    TAKE_ROWS(ROWS)                                                                             \
    FOR_COLUMNS(n0, from, min(from + each, n)) {                                                \
      dots_##name(&p, x, norm, part.weights, n0, n, sums);                                      \
      if (p.gated) dots_##name(&p, x, norm, other.weights, n0, n, gated);                       \
      SYNC();                                                                                   \
      for (int i = TID; i < COLUMNS * ROWS; i += GROUP) {                                       \
        int r = i % ROWS;                                                                       \
        i64 column = n0 + i / ROWS;                                                             \
        if (column < n) {                                                                       \
          float scale = SCALE(r);                                                               \
          float y = finished(&part, allOf(sums + i * LANES) * scale, column);                   \
          if (p.gated) {                                                                        \
            y = gateOf(p.gate, y) * finished(&other, allOf(gated + i * LANES) * scale, column); \
          }                                                                                     \
          if (residual != 0) y += loadFloat(residual, r * n + column, p.residualDtype);         \
          storeFloat(part.out, r * n + column, part.outDtype, y);                               \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
  }

GROUP_KERNEL(group_bf16_1, 1, IN_FLIGHT, LOAD_BF16)
GROUP_KERNEL(group_bf16_2, 2, IN_FLIGHT, LOAD_BF16)
GROUP_KERNEL(group_bf16_4, 4, IN_FLIGHT, LOAD_BF16)
GROUP_KERNEL(group_bf16_8, 8, 1, LOAD_BF16)
GROUP_KERNEL(group_f16_1, 1, IN_FLIGHT, LOAD_F16)
GROUP_KERNEL(group_f16_2, 2, IN_FLIGHT, LOAD_F16)
GROUP_KERNEL(group_f16_4, 4, IN_FLIGHT, LOAD_F16)
GROUP_KERNEL(group_f16_8, 8, 1, LOAD_F16)
