// The composites of a layer that touch no state: norms, rope, gates, lookup.
#include "lamina.clh"
#include "math.clh"
#include "turning.clh"
#include "blocks.clh"

struct NormParams {
  u64 x;
  u64 weight;
  u64 bias;
  u64 out;
  i64 rows;
  int width;
  float eps;
  int plusOne;
  int xDtype;
  int weightDtype;
  int biasDtype;
  int outDtype;
};

struct Norm {
  global const u8* x;
  global const u8* weight;
  global const u8* bias;
  global u8* out;
};

void writeNorm(const struct NormParams* p, const struct Norm* n, i64 at, int i, float value) {
  if (n->weight != 0) {
    float w = loadFloat(n->weight, i, p->weightDtype);
    value *= p->plusOne ? 1.0f + w : w;
  }
  if (n->bias != 0) value += loadFloat(n->bias, i, p->biasDtype);
  storeFloat(n->out, at + i, p->outDtype, value);
}

#define EIGHTS(width) ((width) / 8 * 8)

// The sum of the squares of what elements are above a mean, over a row.
float squares(const struct NormParams* p, const struct Norm* n, i64 at, float mean, local float* room) {
  float8 sums = (float8)(0.0f);
  for (int i = 8 * TID; i < EIGHTS(p->width); i += 8 * GROUP) {
    float8 d = loadEight(n->x, at + i, p->xDtype) - mean;
    sums += d * d;
  }
  float sum = totalOf(sums);
  for (int i = EIGHTS(p->width) + TID; i < p->width; i += GROUP) {
    float d = loadFloat(n->x, at + i, p->xDtype) - mean;
    sum += d * d;
  }
  return groupSum(sum, room);
}

void normRow(const struct NormParams* p, const struct Norm* n, i64 row, bool centred, local float* room) {
  i64 at = row * p->width;
  float mean = 0;
  if (centred) {
    float sum = 0;
    for (int i = TID; i < p->width; i += GROUP) sum += loadFloat(n->x, at + i, p->xDtype);
    mean = groupSum(sum, room) / (float)p->width;
  }
  float scale = 1.0f / sqrt(squares(p, n, at, mean, room) / (float)p->width + p->eps);
  bool plain = p->xDtype == F32 && p->outDtype == F32 && p->weightDtype == F32 && !p->plusOne;
  if (plain && n->weight != 0 && n->bias == 0) {
    global const float* x = (global const float*)n->x + at;
    global const float* w = (global const float*)n->weight;
    global float* out = (global float*)n->out + at;
    for (int i = TID; i < p->width; i += GROUP) out[i] = (x[i] - mean) * scale * w[i];
    return;
  }
  for (int i = TID; i < p->width; i += GROUP) {
    writeNorm(p, n, at, i, (loadFloat(n->x, at + i, p->xDtype) - mean) * scale);
  }
}

#define NORM                                                                            \
  local float room[GROUP];                                                              \
  struct Norm n = {AT(const u8, x), AT(const u8, weight), AT(const u8, bias), AT(u8, out)}

// A group a row.
KERNEL rms_norm_block(
    const struct NormParams p, global u8* b_x, global u8* b_weight, global u8* b_bias,
    global u8* b_out) {
  NORM;
  normRow(&p, &n, BLOCK_X, false, room);
}

// A group four rows.
KERNEL rms_norm_warp(
    const struct NormParams p, global u8* b_x, global u8* b_weight, global u8* b_bias,
    global u8* b_out) {
  NORM;
  for (i64 row = 4 * BLOCK_X; row < min(4 * BLOCK_X + 4, p.rows); row++) {
    normRow(&p, &n, row, false, room);
    SYNC();
  }
}

KERNEL layer_norm(
    const struct NormParams p, global u8* b_x, global u8* b_weight, global u8* b_bias,
    global u8* b_out) {
  NORM;
  normRow(&p, &n, BLOCK_X, true, room);
}

struct RopeParams {
  u64 x;
  u64 positions;
  u64 freqs;
  u64 out;
  i64 tokens;
  int heads;
  int width;
  struct Turning turning;
  int xDtype;
  int outDtype;
};

// A work-item a pair, or an element that passes.
KERNEL rope(
    const struct RopeParams p, global u8* b_x, global u8* b_positions, global u8* b_freqs,
    global u8* b_out) {
  global const u8* x = AT(const u8, x);
  global u8* out = AT(u8, out);
  int pairs = p.turning.rotary / 2;
  int items = p.width - pairs;
  EACH(i, p.tokens * p.heads * items) {
    int item = (int)(i % items);
    i64 head = i / items;
    i64 at = head * p.width;
    if (item >= pairs) {
      i64 to = at + p.turning.rotary + (item - pairs);
      storeFloat(out, to, p.outDtype, loadFloat(x, to, p.xDtype));
      continue;
    }
    float2 turn = turnOf(
        &p.turning, AT(const int, positions), AT(const float, freqs), p.tokens, head / p.heads, item);
    i64 first = at + firstOf(&p.turning, item);
    i64 second = at + secondOf(&p.turning, item);
    float a = loadFloat(x, first, p.xDtype);
    float b = loadFloat(x, second, p.xDtype);
    storeFloat(out, first, p.outDtype, a * turn.x - b * turn.y);
    storeFloat(out, second, p.outDtype, b * turn.x + a * turn.y);
  }
}

struct GateParams {
  u64 gate;
  u64 up;
  u64 out;
  i64 n;
  int kind;
  int gateDtype;
  int upDtype;
  int outDtype;
};

KERNEL gate(const struct GateParams p, global u8* b_gate, global u8* b_up, global u8* b_out) {
  global const u8* gate = AT(const u8, gate);
  global const u8* up = AT(const u8, up);
  global u8* out = AT(u8, out);
  bool plain = p.gateDtype == F32 && p.upDtype == F32 && p.outDtype == F32 && p.kind == SWIGLU;
  i64 eights = plain ? p.n / 8 : 0;
  EACH(e, eights) {
    float8 g = vload8(e, (global const float*)gate);
    float8 u = vload8(e, (global const float*)up);
    vstore8(g / (1.0f + exp(-g)) * u, e, (global float*)out);
  }
  EACH(j, p.n - 8 * eights) {
    i64 i = 8 * eights + j;
    float g = loadFloat(gate, i, p.gateDtype);
    float u = loadFloat(up, i, p.upDtype);
    storeFloat(out, i, p.outDtype, gateOf(p.kind, g) * u);
  }
}

struct LookupParams {
  u64 ids;
  u64 table;
  u64 out;
  u64 format;
  i64 tokens;
  i64 rows;
  int width;
  int tableDtype;
  int outDtype;
};

KERNEL embedding(
    const struct LookupParams p, global u8* b_ids, global u8* b_table, global u8* b_out,
    global u8* b_format) {
  global const u8* table = AT(const u8, table);
  struct Format format = formatAt(AT(const u8, format));
  EACH(i, p.tokens * p.width) {
    i64 row = AT(const int, ids)[i / p.width];
    int column = (int)(i % p.width);
    float x = 0.0f;
    if (row >= 0 && row < p.rows) {
      x = b_format != 0 ? blockElement(&format, table, row * p.width + column)
                        : loadFloat(table, row * p.width + column, p.tableDtype);
    }
    storeFloat(AT(u8, out), i, p.outDtype, x);
  }
}
