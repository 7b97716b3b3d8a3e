// The composites of a layer that touch no state: norms, rope, gates, lookup.
#include "lamina.cuh"
#include "blocks.cuh"
#include "gate.cuh"
#include "rope.cuh"

struct NormParams {
  const void* x;
  const void* weight;
  const void* bias;
  void* out;
  i64 rows;
  int width;
  float eps;
  int plusOne;
  int xDtype;
  int weightDtype;
  int biasDtype;
  int outDtype;
};

DEVICE void normRow(const NormParams& p, i64 at, int i, float value) {
  if (p.weight != nullptr) {
    float w = loadFloat(p.weight, i, p.weightDtype);
    value *= p.plusOne ? 1.0f + w : w;
  }
  if (p.bias != nullptr) value += loadFloat(p.bias, i, p.biasDtype);
  storeFloat(p.out, at + i, p.outDtype, value);
}

#define NORM_THREADS 256

// A block a row.
KERNEL(rms_norm_block, NormParams, NORM_THREADS) {
  __shared__ float room[32];
  i64 at = (i64)blockIdx.x * p.width;
  float sum = 0;
  for (int i = threadIdx.x; i < p.width; i += NORM_THREADS) {
    float x = loadFloat(p.x, at + i, p.xDtype);
    sum += x * x;
  }
  float scale = 1.0f / sqrtf(blockSum(sum, room) / (float)p.width + p.eps);
  for (int i = threadIdx.x; i < p.width; i += NORM_THREADS) {
    normRow(p, at, i, loadFloat(p.x, at + i, p.xDtype) * scale);
  }
}

// A warp a row.
KERNEL(rms_norm_warp, NormParams, 128) {
  i64 row = (i64)blockIdx.x * 4 + (threadIdx.x >> 5);
  if (row >= p.rows) return;
  int lane = threadIdx.x & 31;
  i64 at = row * p.width;
  float sum = 0;
  for (int i = lane; i < p.width; i += WARP) {
    float x = loadFloat(p.x, at + i, p.xDtype);
    sum += x * x;
  }
  float scale = 1.0f / sqrtf(warpSum(sum) / (float)p.width + p.eps);
  for (int i = lane; i < p.width; i += WARP) {
    normRow(p, at, i, loadFloat(p.x, at + i, p.xDtype) * scale);
  }
}

KERNEL(layer_norm, NormParams, NORM_THREADS) {
  __shared__ float room[32];
  i64 at = (i64)blockIdx.x * p.width;
  float sum = 0;
  for (int i = threadIdx.x; i < p.width; i += NORM_THREADS) sum += loadFloat(p.x, at + i, p.xDtype);
  float mean = blockSum(sum, room) / (float)p.width;
  float squares = 0;
  for (int i = threadIdx.x; i < p.width; i += NORM_THREADS) {
    float d = loadFloat(p.x, at + i, p.xDtype) - mean;
    squares += d * d;
  }
  float scale = 1.0f / sqrtf(blockSum(squares, room) / (float)p.width + p.eps);
  for (int i = threadIdx.x; i < p.width; i += NORM_THREADS) {
    normRow(p, at, i, (loadFloat(p.x, at + i, p.xDtype) - mean) * scale);
  }
}

struct RopeParams {
  const void* x;
  const int* positions;
  const float* freqs;
  void* out;
  i64 tokens;
  int heads;
  int width;
  Turning turning;
  int xDtype;
  int outDtype;
};

// A thread a pair, or an element that passes.
KERNEL(rope, RopeParams, 256) {
  int pairs = p.turning.rotary / 2;
  int items = p.width - pairs;
  i64 n = p.tokens * p.heads * items;
  for (i64 i = globalThread(); i < n; i += globalThreads()) {
    int item = (int)(i % items);
    i64 head = i / items;
    i64 at = head * p.width;
    if (item >= pairs) {
      i64 to = at + p.turning.rotary + (item - pairs);
      storeFloat(p.out, to, p.outDtype, loadFloat(p.x, to, p.xDtype));
      continue;
    }
    float c;
    float s;
    angleOf(p.turning, p.positions, p.freqs, p.tokens, head / p.heads, item, &c, &s);
    i64 first = at + firstOf(p.turning, item);
    i64 second = at + secondOf(p.turning, item);
    float a = loadFloat(p.x, first, p.xDtype);
    float b = loadFloat(p.x, second, p.xDtype);
    storeFloat(p.out, first, p.outDtype, a * c - b * s);
    storeFloat(p.out, second, p.outDtype, b * c + a * s);
  }
}

struct GateParams {
  const void* gate;
  const void* up;
  void* out;
  i64 n;
  int kind;
  int gateDtype;
  int upDtype;
  int outDtype;
};

KERNEL(gate, GateParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    float g = loadFloat(p.gate, i, p.gateDtype);
    float u = loadFloat(p.up, i, p.upDtype);
    storeFloat(p.out, i, p.outDtype, gateOf(p.kind, g) * u);
  }
}

struct LookupParams {
  const int* ids;
  const void* table;
  void* out;
  const BlockFormat* format;
  i64 tokens;
  i64 rows;
  int width;
  int tableDtype;
  int outDtype;
};

KERNEL(embedding, LookupParams, 256) {
  i64 n = p.tokens * p.width;
  for (i64 i = globalThread(); i < n; i += globalThreads()) {
    i64 row = p.ids[i / p.width];
    int column = (int)(i % p.width);
    float x = 0.0f;
    if (row >= 0 && row < p.rows) {
      x = p.format != nullptr ? blockElement(*p.format, p.table, row * p.width + column)
                              : loadFloat(p.table, row * p.width + column, p.tableDtype);
    }
    storeFloat(p.out, i, p.outDtype, x);
  }
}
