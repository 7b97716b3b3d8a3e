// From logits to tokens: penalties, masks, draws, log-probabilities, and the k largest of rows.
#if defined(KERNEL_logprobs)
#define REDUCE 1024
#endif
#if defined(KERNEL_logprobs) || defined(KERNEL_topk_rows)
#define TOP
#endif
#include "lamina.glsl"
#include "math.glsl"
#include "order.glsl"

#ifdef KERNEL_penalties
PARAMS(PenaltyParams) {
  u64 logits;
  u64 history;
  u64 numPrompt;
  u64 presence;
  u64 frequency;
  u64 repetition;
  u64 result;
  int vocab;
  int extent;
};

const int PENALTY_CHUNK = 4096;

// Bit 0 marks a token of the prompt, the bits above count the output.
shared u32 seen[PENALTY_CHUNK];

// A block counts a row's history for the tokens of one chunk, and writes their logits.
// Grid: rows, chunks.
KERNEL(PenaltyParams, 256) {
  i64 row = blockX;
  int first = blockY * PENALTY_CHUNK;
  int n = min(PENALTY_CHUNK, p.vocab - first);
  for (int i = threadIdx; i < n; i += 256) seen[i] = 0u;
  barrier();
  int prompt = intAt(p.numPrompt, row);
  for (int i = threadIdx; i < p.extent; i += 256) {
    int v = intAt(p.history, row * p.extent + i);
    if (v >= first && v < first + n) {
      if (i < prompt) {
        atomicOr(seen[v - first], 1u);
      } else {
        atomicAdd(seen[v - first], 2u);
      }
    }
  }
  barrier();
  float presence = floatAt(p.presence, row);
  float frequency = floatAt(p.frequency, row);
  float repetition = floatAt(p.repetition, row);
  i64 at = row * p.vocab + first;
  for (int i = threadIdx; i < n; i += 256) {
    float x = floatAt(p.logits, at + i);
    if (seen[i] != 0u) {
      u32 count = seen[i] >> 1;
      x = x > 0.0 ? x / repetition : x * repetition;
      x -= frequency * float(count) + (count > 0u ? presence : 0.0);
    }
    floatAt(p.result, at + i) = x;
  }
}
#endif

#ifdef KERNEL_apply_bitmask
PARAMS(BitmaskParams) {
  u64 logits;
  u64 mask;
  u64 result;
  int vocab;
};

const int MASK_CHUNK = 2048;

// Grid: rows, chunks.
KERNEL(BitmaskParams, 256) {
  i64 row = blockX;
  int words = (p.vocab + 31) / 32;
  int first = blockY * MASK_CHUNK;
  int end = min(first + MASK_CHUNK, p.vocab);
  for (int v = first + threadIdx; v < end; v += 256) {
    bool shown = (wordAt(p.mask, row * words + v / 32) >> (v & 31) & 1u) != 0u;
    wordAt(p.result, row * p.vocab + v) = shown ? wordAt(p.logits, row * p.vocab + v) : 0xFF800000u;
  }
}
#endif

// ---- Log-probabilities and the k largest, a block a row.

#ifdef KERNEL_logprobs
PARAMS(LogprobParams) {
  u64 logits;
  u64 ids;
  u64 chosen;
  u64 top;
  u64 topIds;
  int vocab;
  int k;
};

KERNEL(LogprobParams, 1024) {
  i64 row = blockX;
  u64 logits = p.logits + 4 * u64(row * p.vocab);
  float most = -INFINITY;
  for (int v = threadIdx; v < p.vocab; v += TOP_THREADS) {
    float x = floatAt(logits, v);
    if (x > most) most = x;
  }
  most = blockMax(most);
  float sum = 0.0;
  for (int v = threadIdx; v < p.vocab; v += TOP_THREADS) sum += expF(floatAt(logits, v) - most);
  sum = blockSum(sum);
  float shift = abs(most) == INFINITY ? 0.0 : logF(sum);
  if (threadIdx == 0) {
    int id = intAt(p.ids, row);
    floatAt(p.chosen, row) = id < 0 || id >= p.vocab ? 0.0 : floatAt(logits, id) - most - shift;
  }
  if (p.k == 0) return;
  topKeys(logits, 0L, F32, i64(p.vocab), u32(p.k));
  for (int i = threadIdx; i < p.k; i += TOP_THREADS) {
    u32 v = indexOf(topList[i]);
    floatAt(p.top, row * p.k + i) = floatAt(logits, v) - most - shift;
    intAt(p.topIds, row * p.k + i) = int(v);
  }
}
#endif

PARAMS(TopkParams) {
  u64 x;
  u64 values;
  u64 indices;
  u64 lists;  // [rows, room] for sort_rows
  i64 extent;
  i64 room;   // the power of two that extent fits in
  int k;
  int dtype;
};

// Writes the element of the row that a key names as its i-th.
void storeTop(TopkParams p, i64 row, int i, u64 key) {
  i64 at = i64(indexOf(key));
  i64 to = row * p.k + i;
  i64 from = row * p.extent + at;
  intAt(p.indices, to) = int(at);
  switch (widthOf(p.dtype)) {
    case 1: byteAt(p.values, to) = byteAt(p.x, from); break;
    case 2: halfAt(p.values, to) = halfAt(p.x, from); break;
    default: wordAt(p.values, to) = wordAt(p.x, from); break;
  }
}

#ifdef KERNEL_topk_rows
// x is [rows, extent] of floats; k is at most TOP_LISTED / 2.
KERNEL(TopkParams, 1024) {
  i64 row = blockX;
  topKeys(p.x, row * p.extent, p.dtype, p.extent, u32(p.k));
  for (int i = threadIdx; i < p.k; i += TOP_THREADS) storeTop(p, row, i, topList[i]);
}
#endif

#ifdef KERNEL_sort_rows
// The same for any k: the row's keys are sorted in memory.
KERNEL(TopkParams, 1024) {
  i64 row = blockX;
  u64 list = p.lists + 8 * u64(row * p.room);
  for (i64 i = threadIdx; i < p.room; i += 1024) {
    u64 key = i < p.extent ? keyOf(loadFloat(p.x, row * p.extent + i, p.dtype), u32(i)) : 0UL;
    longAt(list, i) = i64(key);
  }
  for (int run = 2; run <= p.room; run <<= 1) {
    for (int d = run >> 1; d > 0; d >>= 1) {
      memoryBarrierBuffer();
      barrier();
      for (int i = threadIdx; i < p.room / 2; i += 1024) {
        int a = 2 * i - (i & (d - 1));
        u64 x = u64(longAt(list, a));
        u64 y = u64(longAt(list, a + d));
        if ((x < y) == ((a & run) == 0)) {
          longAt(list, a) = i64(y);
          longAt(list, a + d) = i64(x);
        }
      }
    }
  }
  memoryBarrierBuffer();
  barrier();
  for (int i = threadIdx; i < p.k; i += 1024) storeTop(p, row, i, u64(longAt(list, i)));
}
#endif
