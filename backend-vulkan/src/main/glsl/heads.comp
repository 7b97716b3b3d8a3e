// The heads of tokens before they attend: queries and keys are normed and turned, keys and values
// appended to the pool.
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
  u64 from = p.q;
  u64 to = p.turned;
  int dtype = F32;
  i64 read = token * p.qHeads + head;
  i64 write = read;
  if (inside && !isQuery) {
    i64 slot = i64(intAt(p.slots, token));
    inside = slot >= 0 && slot < p.limit;
    int own = isKey ? p.kHeads : p.vHeads;
    int at = head - p.qHeads - (isKey ? 0 : p.kHeads);
    read = token * own + at;
    write = slot * own + at;
    from = isKey ? p.k : p.v;
    to = isKey ? p.keys : p.values;
    dtype = isKey ? p.keysDtype : p.valuesDtype;
  }
  read *= width;
  write *= width;
  float squares = 0.0;
  for (int e = lane; inside && e < width; e += WARP) {
    float x = floatAt(from, read + e);
    squares = fma(x, x, squares);
  }
  squares = warpSum(squares);
  if (!inside) return;
  if (!isQuery && !isKey) {
    for (int e = lane; e < width; e += WARP) storeFloat(to, write + e, dtype, floatAt(from, read + e));
    return;
  }
  float scale = norm.normed != 0 ? 1.0 / sqrt(squares / float(width) + norm.eps) : 1.0;
  int pairs = p.turning.rotary / 2;
  for (int pair = lane; pair < pairs; pair += WARP) {
    int a = firstOf(p.turning, pair);
    int b = secondOf(p.turning, pair);
    vec2 x = vec2(floatAt(from, read + a) * scale * factorOf(factors, norm, a),
                  floatAt(from, read + b) * scale * factorOf(factors, norm, b));
    x = turned(p.turning, p.positions, p.freqs, p.tokens, token, pair, x);
    storeFloat(to, write + a, dtype, x.x);
    storeFloat(to, write + b, dtype, x.y);
  }
  for (int e = p.turning.rotary + lane; e < width; e += WARP) {
    storeFloat(to, write + e, dtype, floatAt(from, read + e) * scale * factorOf(factors, norm, e));
  }
}
#endif
