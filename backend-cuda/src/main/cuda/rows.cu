// What stands around the products of many rows at relaxed numerics: it writes BF16, which they read.
#include "gate.cuh"
#include "lamina.cuh"

struct NormRoundParams {
  const float* x;
  const void* weight;
  uint2* out;  // of four elements each
  i64 rows;
  int width;   // a multiple of 8
  float eps;
  int plusOne;
  int weightDtype;
};

#define NORM_ROUND_THREADS 256
#define KEPT 4  // quads of a row that a thread keeps; what is longer is read again

DEVICE float4 normed(const NormRoundParams& p, float4 x, float scale, int i) {
  if (p.weight == nullptr) return make_float4(x.x * scale, x.y * scale, x.z * scale, x.w * scale);
  float w[4];
#pragma unroll
  for (int e = 0; e < 4; e++) {
    w[e] = loadFloat(p.weight, 4 * i + e, p.weightDtype);
    if (p.plusOne) w[e] += 1.0f;
  }
  return make_float4(x.x * scale * w[0], x.y * scale * w[1], x.z * scale * w[2], x.w * scale * w[3]);
}

// Root mean square norm, rounded. A block a row; x and out are aligned to 16 bytes.
KERNEL(norm_round, NormRoundParams, NORM_ROUND_THREADS) {
  __shared__ float room[32];
  const float4* x = (const float4*)(p.x + (i64)blockIdx.x * p.width);
  uint2* out = p.out + (i64)blockIdx.x * (p.width / 4);
  int quads = p.width / 4;
  float4 kept[KEPT];
  float sum = 0;
#pragma unroll
  for (int j = 0; j < KEPT; j++) {
    int i = threadIdx.x + j * NORM_ROUND_THREADS;
    kept[j] = i < quads ? x[i] : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4 v = kept[j];
    sum += v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
  }
  for (int i = threadIdx.x + KEPT * NORM_ROUND_THREADS; i < quads; i += NORM_ROUND_THREADS) {
    float4 v = x[i];
    sum += v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
  }
  float scale = 1.0f / sqrtf(blockSum(sum, room) / (float)p.width + p.eps);
#pragma unroll
  for (int j = 0; j < KEPT; j++) {
    int i = threadIdx.x + j * NORM_ROUND_THREADS;
    if (i >= quads) break;
    float4 v = normed(p, kept[j], scale, i);
    out[i] = make_uint2(toBf16Pair(v.x, v.y), toBf16Pair(v.z, v.w));
  }
  for (int i = threadIdx.x + KEPT * NORM_ROUND_THREADS; i < quads; i += NORM_ROUND_THREADS) {
    float4 v = normed(p, x[i], scale, i);
    out[i] = make_uint2(toBf16Pair(v.x, v.y), toBf16Pair(v.z, v.w));
  }
}

struct GateRoundParams {
  const float4* gate;
  const float4* up;
  float4* out;     // null where nobody reads it but rounded
  uint2* rounded;
  i64 n;  // of four elements each
  int kind;
};

// An activation of a gate times what it gates, rounded and as it is.
KERNEL(gate_round, GateRoundParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    float4 g = p.gate[i];
    float4 u = p.up[i];
    float4 x = make_float4(gateOf(p.kind, g.x) * u.x, gateOf(p.kind, g.y) * u.y,
                           gateOf(p.kind, g.z) * u.z, gateOf(p.kind, g.w) * u.w);
    if (p.out != nullptr) p.out[i] = x;
    p.rounded[i] = make_uint2(toBf16Pair(x.x, x.y), toBf16Pair(x.z, x.w));
  }
}
