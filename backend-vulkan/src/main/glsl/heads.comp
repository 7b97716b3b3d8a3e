// The heads of tokens before they attend: queries and keys are normed and turned, keys and values
// appended to the pool.
#define PUSHES
#define REDUCE 128
#include "lamina.glsl"
#include "math.glsl"
#include "turning.glsl"

struct HeadNorm {
  int normed;
  int plusOne;
  int dtype;
  float eps;
};

PARAMS(HeadParams) {
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
  HeadNorm qNorm;
  HeadNorm kNorm;
  Turning turning;
};

float factorOf(u64 factors, HeadNorm norm, int i) {
  if (factors == 0UL) return 1.0;
  float w = loadFloat(factors, i64(i), norm.dtype);
  return norm.plusOne != 0 ? 1.0 + w : w;
}

#ifdef KERNEL_turn_and_append
// 32 threads a head of a token: queries, then keys, then values.
KERNEL(HeadParams, 128) {
  i64 i = i64(blockX) * 4 + warp;
  int heads = p.qHeads + p.kHeads + p.vHeads;
  i64 token = i / heads;
  int head = int(i % heads);
  bool inside = token < p.tokens;
  bool isQuery = head < p.qHeads;
  bool isKey = !isQuery && head < p.qHeads + p.kHeads;
  int width = isQuery || isKey ? p.width : p.vWidth;
  HeadNorm norm = p.qNorm;
  if (isKey) norm = p.kNorm;
  u64 factors = isKey ? p.kFactors : p.qFactors;
  u64 from = isQuery ? p.q : isKey ? p.k : p.v;
  u64 to = isQuery ? p.turned : isKey ? p.keys : p.values;
  int dtype = isQuery ? F32 : isKey ? p.keysDtype : p.valuesDtype;
  int own = isQuery ? p.qHeads : isKey ? p.kHeads : p.vHeads;
  int at = head - (isQuery ? 0 : isKey ? p.qHeads : p.qHeads + p.kHeads);
  // Queries stay where they are; where a token has no slot its keys and values go nowhere.
  i64 slot = inside && !isQuery ? i64(intAt(p.slots, token)) : token;
  inside = inside && slot >= 0 && slot < (isQuery ? p.tokens : p.limit);
  i64 read = (token * own + at) * width;
  i64 write = (slot * own + at) * width;
  float squares = 0.0;
  for (int e = lane; inside && e < width; e += WARP) {
    float x = floatAt(from, read + e);
    squares = fma(x, x, squares);
  }
  squares = warpSum(squares);
  bool isValue = !isQuery && !isKey;
  float scale = norm.normed != 0 ? 1.0 / sqrt(squares / float(width) + norm.eps) : 1.0;
  int pairs = inside && !isValue ? p.turning.rotary / 2 : 0;
  for (int pair = lane; pair < pairs; pair += WARP) {
    int a = firstOf(p.turning, pair);
    int b = secondOf(p.turning, pair);
    vec2 x = vec2(floatAt(from, read + a) * scale * factorOf(factors, norm, a),
                  floatAt(from, read + b) * scale * factorOf(factors, norm, b));
    x = turned(p.turning, p.positions, p.freqs, p.tokens, token, pair, x);
    storeFloat(to, write + a, dtype, x.x);
    storeFloat(to, write + b, dtype, x.y);
  }
  for (int e = (isValue ? 0 : p.turning.rotary) + lane; inside && e < width; e += WARP) {
    float x = floatAt(from, read + e);
    if (!isValue) x = x * scale * factorOf(factors, norm, e);
    storeFloat(to, write + e, dtype, x);
  }
}
#endif
