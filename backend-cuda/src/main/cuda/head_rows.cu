// What is done to the heads of a layer before it attends, where there are many tokens: heads of 64, 128
// or 256 elements whose halves turn with each other. Four warps a token, each of which makes its angles
// once and has several heads on their way at a time.
#include "heads.cuh"

#define HEAD_ROWS_THREADS 256
#define TOKEN_WARPS 4  // that share the heads of a token
#define HEADS_AT_ONCE 4

// A lane's elements of a head: P pairs beside each other.
template <int P>
struct alignas(4 * P) Floats {
  float x[P];
};
template <int P>
struct Pairs {
  Floats<P> first;
  Floats<P> second;
};

// Factors of a lane's elements.
template <int P>
DEVICE Pairs<P> factorsOf(const HeadNorm& norm, const void* factors, int at) {
  StoredFactors factorOf{norm, factors};
  Pairs<P> w;
#pragma unroll
  for (int j = 0; j < P; j++) {
    w.first.x[j] = factorOf(at + j);
    w.second.x[j] = factorOf(at + j + P * WARP);
  }
  return w;
}

template <int P>
DEVICE void store(void* to, i64 at, int dtype, const Floats<P>& y) {
  if (dtype == F32) {
    *(Floats<P>*)((float*)to + at) = y;
  } else if (dtype == BF16 && P > 1) {
    u32 pairs[(P + 1) / 2];
#pragma unroll
    for (int j = 0; j < P; j += 2) pairs[j / 2] = toBf16Pair(y.x[j], y.x[(j + 1) % P]);
    if (P == 4) {
      *(uint2*)((u16*)to + at) = make_uint2(pairs[0], pairs[P / 4]);
    } else {
      *(u32*)((u16*)to + at) = pairs[0];
    }
  } else {
#pragma unroll
    for (int j = 0; j < P; j++) storeFloat(to, at + j, dtype, y.x[j]);
  }
}

// Heads `warp`, `warp` + TOKEN_WARPS and so on of a token: `from` lies as [heads, width], and so does
// `to` from `at` on.
template <int P, bool TURNS>
DEVICE void turnHeads(const HeadNorm& norm, const void* factors, const float* from, int heads, int warp,
                      const Pairs<P>& angles, void* to, i64 at, int dtype) {
  const int WIDTH = 2 * P * WARP;
  int mine = threadIdx.x % WARP * P;
  Pairs<P> w;
  if (TURNS) w = factorsOf<P>(norm, factors, mine);
  for (int begin = warp; begin < heads; begin += TOKEN_WARPS * HEADS_AT_ONCE) {
    Pairs<P> x[HEADS_AT_ONCE];
#pragma unroll
    for (int i = 0; i < HEADS_AT_ONCE; i++) {
      int head = begin + i * TOKEN_WARPS;
      if (head >= heads) break;
      x[i].first = *(const Floats<P>*)(from + head * WIDTH + mine);
      x[i].second = *(const Floats<P>*)(from + head * WIDTH + mine + P * WARP);
    }
#pragma unroll
    for (int i = 0; i < HEADS_AT_ONCE; i++) {
      int head = begin + i * TOKEN_WARPS;
      if (head >= heads) break;
      if (TURNS) {
        float scale = 1.0f;
        if (norm.normed) {
          float squares = 0.0f;
#pragma unroll
          for (int j = 0; j < P; j++) {
            squares += x[i].first.x[j] * x[i].first.x[j] + x[i].second.x[j] * x[i].second.x[j];
          }
          scale = 1.0f / sqrtf(warpSum(squares) / (float)WIDTH + norm.eps);
        }
#pragma unroll
        for (int j = 0; j < P; j++) {
          float a = x[i].first.x[j] * scale * w.first.x[j];
          float b = x[i].second.x[j] * scale * w.second.x[j];
          x[i].first.x[j] = a * angles.first.x[j] - b * angles.second.x[j];
          x[i].second.x[j] = b * angles.first.x[j] + a * angles.second.x[j];
        }
      }
      store<P>(to, at + head * WIDTH + mine, dtype, x[i].first);
      store<P>(to, at + head * WIDTH + mine + P * WARP, dtype, x[i].second);
    }
  }
}

template <int P>
DEVICE void turnRows(const HeadParams& p) {
  const int WIDTH = 2 * P * WARP;
  int warp = threadIdx.x / WARP;
  i64 token = (i64)blockIdx.x * (HEAD_ROWS_THREADS / WARP / TOKEN_WARPS) + warp / TOKEN_WARPS;
  warp %= TOKEN_WARPS;
  bool exists = token < p.tokens;
  Pairs<P> angles;
#pragma unroll
  for (int j = 0; j < P && exists; j++) {
    angleOf(p.turning, p.positions, p.freqs, p.tokens, token, threadIdx.x % WARP * P + j,
            &angles.first.x[j], &angles.second.x[j]);
  }
  waitForPrevious();
  if (!exists) return;
  i64 slot = p.slots[token];
  i64 row = token * WIDTH;
  turnHeads<P, true>(p.qNorm, p.qFactors, p.q + row * p.qHeads, p.qHeads, warp, angles, p.turned,
                     row * p.qHeads, F32);
  if (slot < 0 || slot >= p.limit) return;
  turnHeads<P, true>(p.kNorm, p.kFactors, p.k + row * p.kHeads, p.kHeads, warp, angles, p.keys,
                     slot * p.kHeads * WIDTH, p.keysDtype);
  turnHeads<P, false>(p.kNorm, nullptr, p.v + row * p.vHeads, p.vHeads, warp, angles, p.values,
                      slot * p.vHeads * WIDTH, p.valuesDtype);
}

EAGER_KERNEL(turn_rows_64, HeadParams, HEAD_ROWS_THREADS, 4) { turnRows<1>(p); }
EAGER_KERNEL(turn_rows_128, HeadParams, HEAD_ROWS_THREADS, 4) { turnRows<2>(p); }
EAGER_KERNEL(turn_rows_256, HeadParams, HEAD_ROWS_THREADS, 2) { turnRows<4>(p); }
