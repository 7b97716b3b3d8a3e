// The heads of tokens before they attend: queries and keys are normed and turned, keys and values
// appended to the pool.
#include "lamina.clh"
#include "math.clh"
#include "turning.clh"

struct HeadNorm {
  int normed;
  int plusOne;
  int dtype;
  float eps;
};

struct HeadParams {
  u64 q;
  u64 k;
  u64 v;
  u64 qFactors;
  u64 kFactors;
  u64 positions;
  u64 freqs;
  u64 slots;
  u64 turned;
  u64 keys;
  u64 values;
  i64 tokens;
  i64 limit;
  int qHeads;
  int kHeads;
  int vHeads;
  int width;
  int vWidth;
  int keysDtype;
  int valuesDtype;
  struct HeadNorm qNorm;
  struct HeadNorm kNorm;
  struct Turning turning;
};

float factorOf(global const u8* factors, const struct HeadNorm* norm, int i) {
  if (factors == 0) return 1.0f;
  float w = loadFloat(factors, i, norm->dtype);
  return norm->plusOne ? 1.0f + w : w;
}

#define MAX_PAIRS 128

// A group some heads of a token, of which there are queries, then keys, then values. How pairs turn
// is the same for all of them, and takes longer than all else.
KERNEL turn_and_append(
    const struct HeadParams p, global u8* b_q, global u8* b_k, global u8* b_v,
    global u8* b_qFactors, global u8* b_kFactors, global u8* b_positions, global u8* b_freqs,
    global u8* b_slots, global u8* b_turned, global u8* b_keys, global u8* b_values) {
  local float room[GROUP];
  local float2 turns[MAX_PAIRS];
  i64 token = BLOCK_X;
  int rotary = p.turning.rotary;
  for (int pair = TID; pair < rotary / 2; pair += GROUP) {
    turns[pair] = turnOf(
        &p.turning, AT(const int, positions), AT(const float, freqs), p.tokens, token, pair);
  }
  SYNC();
  int heads = p.qHeads + p.kHeads + p.vHeads;
  for (int head = (int)BLOCK_Y; head < heads; head += (int)get_num_groups(1)) {
    bool isQuery = head < p.qHeads;
    bool isKey = !isQuery && head < p.qHeads + p.kHeads;
    bool isValue = !isQuery && !isKey;
    int width = isValue ? p.vWidth : p.width;
    int own = isQuery ? p.qHeads : isKey ? p.kHeads : p.vHeads;
    int at = head - (isQuery ? 0 : isKey ? p.qHeads : p.qHeads + p.kHeads);
    struct HeadNorm norm = p.qNorm;
    if (isKey) norm = p.kNorm;
    global const u8* factors = isKey ? AT(const u8, kFactors) : AT(const u8, qFactors);
    global const float* from = isQuery ? AT(const float, q)
                               : isKey ? AT(const float, k)
                                       : AT(const float, v);
    global u8* to = isQuery ? AT(u8, turned) : isKey ? AT(u8, keys) : AT(u8, values);
    int dtype = isQuery ? F32 : isKey ? p.keysDtype : p.valuesDtype;
    // Queries stay where they are; where a token has no slot its keys and values go nowhere.
    i64 slot = isQuery ? token : (i64)AT(const int, slots)[token];
    bool inside = slot >= 0 && slot < (isQuery ? p.tokens : p.limit);
    from += (token * own + at) * width;
    i64 write = (slot * own + at) * width;
    float square = 0.0f;
    if (norm.normed && !isValue) {
      for (int e = TID; e < width; e += GROUP) square = fma(from[e], from[e], square);
    }
    square = groupSum(square, room);
    float scale = norm.normed && !isValue ? 1.0f / sqrt(square / (float)width + norm.eps) : 1.0f;
    int pairs = inside && !isValue ? rotary / 2 : 0;
    for (int pair = TID; pair < pairs; pair += GROUP) {
      int a = firstOf(&p.turning, pair);
      int b = secondOf(&p.turning, pair);
      float x = from[a] * scale * factorOf(factors, &norm, a);
      float y = from[b] * scale * factorOf(factors, &norm, b);
      float2 turn = turns[pair];
      storeFloat(to, write + a, dtype, x * turn.x - y * turn.y);
      storeFloat(to, write + b, dtype, y * turn.x + x * turn.y);
    }
    int rest = inside ? width : 0;
    for (int e = (isValue ? 0 : rotary) + TID; e < rest; e += GROUP) {
      float x = from[e];
      if (!isValue) x = x * scale * factorOf(factors, &norm, e);
      storeFloat(to, write + e, dtype, x);
    }
  }
}
