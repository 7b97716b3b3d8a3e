// The composites of a layer that touch no state: norms, rope, gates, lookup.
#if defined(KERNEL_rms_norm_block) || defined(KERNEL_layer_norm)
#define REDUCE 256
#elif defined(KERNEL_rms_norm_warp)
#define REDUCE 128
#endif
#include "lamina.glsl"
#include "math.glsl"

PARAMS(NormParams) {
  u64 x;
  u64 weight;
  u64 bias;
  u64 result;
  i64 rows;
  int width;
  float eps;
  int plusOne;
  int xDtype;
  int weightDtype;
  int biasDtype;
  int resultDtype;
};

void normRow(NormParams p, i64 at, int i, float value) {
  if (p.weight != 0UL) {
    float w = loadFloat(p.weight, i64(i), p.weightDtype);
    value *= p.plusOne != 0 ? 1.0 + w : w;
  }
  if (p.bias != 0UL) value += loadFloat(p.bias, i64(i), p.biasDtype);
  storeFloat(p.result, at + i, p.resultDtype, value);
}

#ifdef KERNEL_rms_norm_block
// Eights of a row that a thread keeps.
const int KEPT = 4;

// Rows of whole eights that all begin at multiples of 16 bytes are read once.
bool isWide(NormParams p) {
  bool aligned = ((p.x | p.result) & 15UL) == 0UL;
  return aligned && (p.width & 7) == 0 && p.width <= 256 * 8 * KEPT && p.bias == 0UL;
}

// A block a row.
KERNEL(NormParams, 256) {
  i64 at = i64(blockX) * p.width;
  float sum = 0.0;
  if (!isWide(p)) {
    for (int i = threadIdx; i < p.width; i += 256) {
      float x = loadFloat(p.x, at + i, p.xDtype);
      sum += x * x;
    }
    float scale = 1.0 / sqrt(blockSum(sum) / float(p.width) + p.eps);
    for (int i = threadIdx; i < p.width; i += 256) {
      normRow(p, at, i, loadFloat(p.x, at + i, p.xDtype) * scale);
    }
    return;
  }
  float x[KEPT][8];
  [[unroll]] for (int k = 0; k < KEPT; k++) {
    int i = 8 * (threadIdx + 256 * k);
    if (i < p.width) {
      loadEight(p.x, at + i, p.xDtype, x[k]);
      [[unroll]] for (int e = 0; e < 8; e++) sum += x[k][e] * x[k][e];
    }
  }
  float scale = 1.0 / sqrt(blockSum(sum) / float(p.width) + p.eps);
  [[unroll]] for (int k = 0; k < KEPT; k++) {
    int i = 8 * (threadIdx + 256 * k);
    if (i < p.width) {
      [[unroll]] for (int e = 0; e < 8; e++) {
        x[k][e] *= scale;
        if (p.weight != 0UL) {
          float w = loadFloat(p.weight, i64(i + e), p.weightDtype);
          x[k][e] *= p.plusOne != 0 ? 1.0 + w : w;
        }
      }
      storeEight(p.result, at + i, p.resultDtype, x[k]);
    }
  }
}
#endif

#ifdef KERNEL_rms_norm_warp
// 32 threads a row.
KERNEL(NormParams, 128) {
  i64 row = i64(blockX) * 4 + warp;
  bool inside = row < p.rows;
  i64 at = row * p.width;
  float sum = 0.0;
  for (int i = lane; inside && i < p.width; i += WARP) {
    float x = loadFloat(p.x, at + i, p.xDtype);
    sum += x * x;
  }
  float scale = 1.0 / sqrt(warpSum(sum) / float(p.width) + p.eps);
  for (int i = lane; inside && i < p.width; i += WARP) {
    normRow(p, at, i, loadFloat(p.x, at + i, p.xDtype) * scale);
  }
}
#endif

#ifdef KERNEL_layer_norm
KERNEL(NormParams, 256) {
  i64 at = i64(blockX) * p.width;
  float sum = 0.0;
  for (int i = threadIdx; i < p.width; i += 256) sum += loadFloat(p.x, at + i, p.xDtype);
  float mean = blockSum(sum) / float(p.width);
  float squares = 0.0;
  for (int i = threadIdx; i < p.width; i += 256) {
    float d = loadFloat(p.x, at + i, p.xDtype) - mean;
    squares += d * d;
  }
  float scale = 1.0 / sqrt(blockSum(squares) / float(p.width) + p.eps);
  for (int i = threadIdx; i < p.width; i += 256) {
    normRow(p, at, i, (loadFloat(p.x, at + i, p.xDtype) - mean) * scale);
  }
}
#endif

#ifdef KERNEL_rope
#include "turning.glsl"

PARAMS(RopeParams) {
  u64 x;
  u64 positions;
  u64 freqs;
  u64 result;
  i64 tokens;
  int heads;
  int width;
  Turning turning;
  int xDtype;
  int resultDtype;
};

// A thread a pair, or an element that passes.
KERNEL(RopeParams, 256) {
  int pairs = p.turning.rotary / 2;
  int items = p.width - pairs;
  i64 n = p.tokens * p.heads * items;
  for (i64 i = globalThread; i < n; i += globalThreads) {
    int item = int(i % items);
    i64 head = i / items;
    i64 at = head * p.width;
    if (item >= pairs) {
      i64 to = at + p.turning.rotary + (item - pairs);
      storeFloat(p.result, to, p.resultDtype, loadFloat(p.x, to, p.xDtype));
      continue;
    }
    i64 first = at + firstOf(p.turning, item);
    i64 second = at + secondOf(p.turning, item);
    vec2 x = vec2(loadFloat(p.x, first, p.xDtype), loadFloat(p.x, second, p.xDtype));
    x = turned(p.turning, p.positions, p.freqs, p.tokens, head / p.heads, item, x);
    storeFloat(p.result, first, p.resultDtype, x.x);
    storeFloat(p.result, second, p.resultDtype, x.y);
  }
}
#endif

#ifdef KERNEL_gate
PARAMS(GateParams) {
  u64 gate;
  u64 up;
  u64 result;
  i64 n;
  int kind;
  int gateDtype;
  int upDtype;
  int resultDtype;
};

KERNEL(GateParams, 256) {
  for (i64 i = globalThread; i < p.n; i += globalThreads) {
    float g = loadFloat(p.gate, i, p.gateDtype);
    float u = loadFloat(p.up, i, p.upDtype);
    storeFloat(p.result, i, p.resultDtype, gateOf(p.kind, g) * u);
  }
}
#endif

#ifdef KERNEL_embedding
#include "blocks.glsl"

PARAMS(LookupParams) {
  u64 ids;
  u64 table;
  u64 result;
  u64 format;
  i64 tokens;
  i64 rows;
  int width;
  int tableDtype;
  int resultDtype;
};

KERNEL(LookupParams, 256) {
  i64 n = p.tokens * p.width;
  for (i64 i = globalThread; i < n; i += globalThreads) {
    int row = intAt(p.ids, i / p.width);
    float x = 0.0;
    if (row >= 0 && i64(row) < p.rows) {
      i64 at = i64(row) * p.width + i % p.width;
      x = p.format != 0UL ? blockElement(p.format, p.table, at) : loadFloat(p.table, at, p.tableDtype);
    }
    storeFloat(p.result, i, p.resultDtype, x);
  }
}
#endif
