// What is done to the heads of a layer before it attends: queries and keys are normed and turned, keys
// and values appended to the pool.
#include "lamina.cuh"
#include "rope.cuh"

struct HeadNorm {
  int normed;
  int plusOne;
  int dtype;
  float eps;
};

struct HeadParams {
  const float* q;
  const float* k;
  const float* v;
  const void* qFactors;
  const void* kFactors;
  const int* positions;
  const float* freqs;
  const int* slots;
  float* turned;
  void* keys;
  void* values;
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

#define MAX_HEAD_WIDTH 256
#define LANE_PAIRS (MAX_HEAD_WIDTH / 2 / WARP)
#define LANE_REST (MAX_HEAD_WIDTH / WARP)

DEVICE float factorOf(const HeadNorm& norm, const void* factors, int i) {
  if (factors == nullptr) return 1;
  float w = loadFloat(factors, i, norm.dtype);
  return norm.plusOne ? 1.0f + w : w;
}

// A lane's part of a head: pairs that turn together, and elements that do not turn.
struct LanePart {
  float first[LANE_PAIRS];
  float second[LANE_PAIRS];
  float rest[LANE_REST];
};

DEVICE void normAndTurn(const HeadParams& p, const HeadNorm& norm, const void* factors,
                        const float* head, int lane, const float (&c)[LANE_PAIRS],
                        const float (&s)[LANE_PAIRS], LanePart& x) {
  int pairs = p.turning.rotary / 2;
  float squares = 0;
#pragma unroll
  for (int j = 0; j < LANE_PAIRS; j++) {
    int i = lane + j * WARP;
    x.first[j] = i < pairs ? head[firstOf(p.turning, i)] : 0;
    x.second[j] = i < pairs ? head[secondOf(p.turning, i)] : 0;
    squares += x.first[j] * x.first[j] + x.second[j] * x.second[j];
  }
#pragma unroll
  for (int j = 0; j < LANE_REST; j++) {
    int i = p.turning.rotary + lane + j * WARP;
    x.rest[j] = i < p.width ? head[i] : 0;
    squares += x.rest[j] * x.rest[j];
  }
  float scale = norm.normed ? 1.0f / sqrtf(warpSum(squares) / (float)p.width + norm.eps) : 1.0f;
#pragma unroll
  for (int j = 0; j < LANE_PAIRS; j++) {
    int i = lane + j * WARP;
    if (i < pairs) {
      float a = x.first[j] * scale * factorOf(norm, factors, firstOf(p.turning, i));
      float b = x.second[j] * scale * factorOf(norm, factors, secondOf(p.turning, i));
      x.first[j] = a * c[j] - b * s[j];
      x.second[j] = b * c[j] + a * s[j];
    }
  }
#pragma unroll
  for (int j = 0; j < LANE_REST; j++) {
    int i = p.turning.rotary + lane + j * WARP;
    if (i < p.width) x.rest[j] *= scale * factorOf(norm, factors, i);
  }
}

DEVICE void storePart(const HeadParams& p, const LanePart& x, int lane, void* to, i64 at, int dtype) {
#pragma unroll
  for (int j = 0; j < LANE_PAIRS; j++) {
    int i = lane + j * WARP;
    if (i < p.turning.rotary / 2) {
      storeFloat(to, at + firstOf(p.turning, i), dtype, x.first[j]);
      storeFloat(to, at + secondOf(p.turning, i), dtype, x.second[j]);
    }
  }
#pragma unroll
  for (int j = 0; j < LANE_REST; j++) {
    int i = p.turning.rotary + lane + j * WARP;
    if (i < p.width) storeFloat(to, at + i, dtype, x.rest[j]);
  }
}

// Head `head` of a token by a warp: queries, then keys, then values.
DEVICE void turnHead(const HeadParams& p, i64 token, int head, int lane, const float (&c)[LANE_PAIRS],
                     const float (&s)[LANE_PAIRS]) {
  LanePart x;
  if (head < p.qHeads) {
    i64 at = (token * p.qHeads + head) * p.width;
    normAndTurn(p, p.qNorm, p.qFactors, p.q + at, lane, c, s, x);
    storePart(p, x, lane, p.turned, at, F32);
    return;
  }
  i64 slot = p.slots[token];
  if (slot < 0 || slot >= p.limit) return;
  head -= p.qHeads;
  if (head < p.kHeads) {
    const float* from = p.k + (token * p.kHeads + head) * p.width;
    normAndTurn(p, p.kNorm, p.kFactors, from, lane, c, s, x);
    storePart(p, x, lane, p.keys, (slot * p.kHeads + head) * p.width, p.keysDtype);
    return;
  }
  head -= p.kHeads;
  const float* from = p.v + (token * p.vHeads + head) * p.vWidth;
  i64 to = (slot * p.vHeads + head) * p.vWidth;
#pragma unroll
  for (int j = 0; j < LANE_REST; j++) {
    int e = lane + j * WARP;
    if (e < p.vWidth) storeFloat(p.values, to + e, p.valuesDtype, from[e]);
  }
}

// A warp a head of a token. Angles, which hang on inputs of the
// graph alone, are made while the kernel ahead still runs.
EAGER_KERNEL(turn_and_append, HeadParams, 128, 1) {
  int lane = threadIdx.x & 31;
  i64 i = (i64)blockIdx.x * 4 + (threadIdx.x >> 5);
  int heads = p.qHeads + p.kHeads + p.vHeads;
  i64 token = i / heads;
  int head = (int)(i % heads);
  bool turns = token < p.tokens && head < p.qHeads + p.kHeads;
  float c[LANE_PAIRS];
  float s[LANE_PAIRS];
#pragma unroll
  for (int j = 0; j < LANE_PAIRS; j++) {
    int pair = lane + j * WARP;
    c[j] = 1;
    s[j] = 0;
    if (turns && pair < p.turning.rotary / 2) {
      angleOf(p.turning, p.positions, p.freqs, p.tokens, token, pair, &c[j], &s[j]);
    }
  }
  waitForPrevious();
  if (token >= p.tokens) return;
  turnHead(p, token, head, lane, c, s);
}

#define TOKEN_THREADS 256

// The same by a block a token, which makes its angles once for all heads.
EAGER_KERNEL(turn_and_append_token, HeadParams, TOKEN_THREADS, 1) {
  __shared__ float cosine[MAX_HEAD_WIDTH / 2];
  __shared__ float sine[MAX_HEAD_WIDTH / 2];
  int lane = threadIdx.x & 31;
  i64 token = blockIdx.x;
  int pairs = p.turning.rotary / 2;
  for (int i = threadIdx.x; i < pairs; i += TOKEN_THREADS) {
    angleOf(p.turning, p.positions, p.freqs, p.tokens, token, i, &cosine[i], &sine[i]);
  }
  __syncthreads();
  waitForPrevious();
  float c[LANE_PAIRS];
  float s[LANE_PAIRS];
#pragma unroll
  for (int j = 0; j < LANE_PAIRS; j++) {
    int i = lane + j * WARP;
    c[j] = i < pairs ? cosine[i] : 1;
    s[j] = i < pairs ? sine[i] : 0;
  }
  int heads = p.qHeads + p.kHeads + p.vHeads;
  for (int head = threadIdx.x >> 5; head < heads; head += TOKEN_THREADS / WARP) {
    turnHead(p, token, head, lane, c, s);
  }
}
