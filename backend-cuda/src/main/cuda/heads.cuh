// The heads of a token before they attend: queries and keys are normed and turned, keys and values
// appended to the pool.
#pragma once
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

// Factors of a norm as they lie in memory; 1 where it has none.
struct StoredFactors {
  const HeadNorm& norm;
  const void* factors;

  DEVICE float operator()(int i) const {
    if (factors == nullptr) return 1;
    float w = loadFloat(factors, i, norm.dtype);
    return norm.plusOne ? 1.0f + w : w;
  }
};

// Cosines and sines of a lane's pairs, of heads of D elements at most.
template <int D>
struct Angles {
  enum { PAIRS = D / 2 / WARP };
  float c[PAIRS];
  float s[PAIRS];
};

// A lane's angles from those that a block made; pairs behind `pairs` do not turn.
template <int D>
DEVICE void takeAngles(const float* cosine, const float* sine, int pairs, int lane, Angles<D>& by) {
#pragma unroll
  for (int j = 0; j < by.PAIRS; j++) {
    int i = lane + j * WARP;
    by.c[j] = i < pairs ? cosine[i] : 1;
    by.s[j] = i < pairs ? sine[i] : 0;
  }
}

// A lane's part of a head: pairs that turn together, and elements that do not turn.
template <int D>
struct LanePart {
  enum { PAIRS = D / 2 / WARP, REST = D / WARP };
  float first[PAIRS];
  float second[PAIRS];
  float rest[REST];
};

// `factorOf` gives an element's factor of the norm.
template <int D, class FactorOf>
DEVICE void normAndTurn(const HeadParams& p, const HeadNorm& norm, FactorOf factorOf,
                        const float* head, int lane, const Angles<D>& by, LanePart<D>& x) {
  int pairs = p.turning.rotary / 2;
  float squares = 0;
#pragma unroll
  for (int j = 0; j < LanePart<D>::PAIRS; j++) {
    int i = lane + j * WARP;
    x.first[j] = i < pairs ? head[firstOf(p.turning, i)] : 0;
    x.second[j] = i < pairs ? head[secondOf(p.turning, i)] : 0;
    squares += x.first[j] * x.first[j] + x.second[j] * x.second[j];
  }
#pragma unroll
  for (int j = 0; j < LanePart<D>::REST; j++) {
    int i = p.turning.rotary + lane + j * WARP;
    x.rest[j] = i < p.width ? head[i] : 0;
    squares += x.rest[j] * x.rest[j];
  }
  float scale = norm.normed ? 1.0f / sqrtf(warpSum(squares) / (float)p.width + norm.eps) : 1.0f;
#pragma unroll
  for (int j = 0; j < LanePart<D>::PAIRS; j++) {
    int i = lane + j * WARP;
    if (i < pairs) {
      float a = x.first[j] * scale * factorOf(firstOf(p.turning, i));
      float b = x.second[j] * scale * factorOf(secondOf(p.turning, i));
      x.first[j] = a * by.c[j] - b * by.s[j];
      x.second[j] = b * by.c[j] + a * by.s[j];
    }
  }
#pragma unroll
  for (int j = 0; j < LanePart<D>::REST; j++) {
    int i = p.turning.rotary + lane + j * WARP;
    if (i < p.width) x.rest[j] *= scale * factorOf(i);
  }
}

// Calls put(element, x) for each element of a lane's part.
template <int D, class Put>
DEVICE void eachOf(const HeadParams& p, const LanePart<D>& x, int lane, Put put) {
#pragma unroll
  for (int j = 0; j < LanePart<D>::PAIRS; j++) {
    int i = lane + j * WARP;
    if (i < p.turning.rotary / 2) {
      put(firstOf(p.turning, i), x.first[j]);
      put(secondOf(p.turning, i), x.second[j]);
    }
  }
#pragma unroll
  for (int j = 0; j < LanePart<D>::REST; j++) {
    int i = p.turning.rotary + lane + j * WARP;
    if (i < p.width) put(i, x.rest[j]);
  }
}

template <int D>
DEVICE void storePart(const HeadParams& p, const LanePart<D>& x, int lane, void* to, i64 at, int dtype) {
  eachOf(p, x, lane, [&](int e, float y) { storeFloat(to, at + e, dtype, y); });
}

// Head `head` of a token by a warp: queries, then keys, then values.
template <int D>
DEVICE void turnHead(const HeadParams& p, i64 token, int head, int lane, const Angles<D>& by) {
  LanePart<D> x;
  if (head < p.qHeads) {
    i64 at = (token * p.qHeads + head) * p.width;
    normAndTurn(p, p.qNorm, StoredFactors{p.qNorm, p.qFactors}, p.q + at, lane, by, x);
    storePart(p, x, lane, p.turned, at, F32);
    return;
  }
  i64 slot = p.slots[token];
  if (slot < 0 || slot >= p.limit) return;
  head -= p.qHeads;
  if (head < p.kHeads) {
    const float* from = p.k + (token * p.kHeads + head) * p.width;
    normAndTurn(p, p.kNorm, StoredFactors{p.kNorm, p.kFactors}, from, lane, by, x);
    storePart(p, x, lane, p.keys, (slot * p.kHeads + head) * p.width, p.keysDtype);
    return;
  }
  head -= p.kHeads;
  const float* from = p.v + (token * p.vHeads + head) * p.vWidth;
  i64 to = (slot * p.vHeads + head) * p.vWidth;
#pragma unroll
  for (int j = 0; j < LanePart<D>::REST; j++) {
    int e = lane + j * WARP;
    if (e < p.vWidth) storeFloat(p.values, to + e, p.valuesDtype, from[e]);
  }
}
