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

// ---- Draws, a block a row.
//
// Keys order tokens by z, the logit over the temperature. Top-k and top-p each cut off the keys below
// some least key, which is found bit by bit, each bit with a pass over the row. Probabilities are
// added as integers, so the order of the additions, which is free, changes nothing. Of what is kept
// the largest z with noise is drawn.

#ifdef KERNEL_sample_row
PARAMS(SampleParams) {
  u64 logits;
  u64 temperature;
  u64 topK;
  u64 topP;
  u64 minP;
  u64 seed;
  u64 position;
  u64 ids;
  int vocab;
};

const int SAMPLE_THREADS = 512;

// exp(0) as an integer: 2^37.
const float ONE = 137438953472.0;

// What is further below the largest z counts as nothing in sums: 1023 bins of 1 / 38.
const float DEEP = 1023.0 / 38.0;

// The noise lies between -2.9 and 16.7: what is further below the largest z is never drawn.
const float REACH = 20.0;

shared u64 numbers[SAMPLE_THREADS];

u64 blockMost(u64 x) {
  barrier();
  numbers[threadIdx] = x;
  barrier();
  for (int d = SAMPLE_THREADS / 2; d > 0; d >>= 1) {
    if (threadIdx < d && numbers[threadIdx + d] > numbers[threadIdx]) {
      numbers[threadIdx] = numbers[threadIdx + d];
    }
    barrier();
  }
  return numbers[0];
}

u64 blockTotal(u64 x) {
  barrier();
  numbers[threadIdx] = x;
  barrier();
  for (int d = SAMPLE_THREADS / 2; d > 0; d >>= 1) {
    if (threadIdx < d) numbers[threadIdx] += numbers[threadIdx + d];
    barrier();
  }
  return numbers[0];
}

// Philox-4x32-10 (Salmon et al., SC 2011): word v of a row's noise.
u32 philox(u64 seed, u64 position, u32 v) {
  u32 c[4] = u32[4](u32(position), u32(position >> 32), v / 4u, 0u);
  u32 k0 = u32(seed);
  u32 k1 = u32(seed >> 32);
  for (int round = 0; round < 10; round++) {
    u32 h0;
    u32 l0;
    u32 h1;
    u32 l1;
    umulExtended(c[0], 0xD2511F53u, h0, l0);
    umulExtended(c[2], 0xCD9E8D57u, h1, l1);
    c = u32[4](h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c[v % 4u];
}

float gumbelOf(u32 word) {
  float u = (float(word >> 9) + 0.5) * 1.1920928955078125e-7;
  return -logF(-logF(u));
}

// How a row is drawn.
struct Draw {
  u64 logits;
  int vocab;
  float temperature;
  float most;  // the largest z
  float minP;
  u64 top;     // key of the largest z
};

float zOf(Draw d, float logit) { return isNan(logit) ? -INFINITY : divide(logit, d.temperature); }

float belowOf(Draw d, float z) { return z == d.most ? 0.0 : d.most - z; }

float partOf(float below) { return below == 0.0 ? 1.0 : expF(-below); }

bool isLikely(Draw d, float below) {
  return below == 0.0 || !(d.minP > 0.0) || expF(-below) >= d.minP;
}

u64 massOf(float below) { return below < DEEP ? u64(partOf(below) * ONE) : 0UL; }

// How many likely tokens have at least this key, or the sum of their probabilities.
u64 countFrom(Draw d, u64 least, bool mass) {
  u64 sum = 0UL;
  for (int v = threadIdx; v < d.vocab; v += SAMPLE_THREADS) {
    float z = zOf(d, floatAt(d.logits, v));
    float below = belowOf(d, z);
    if (keyOf(z, u32(v)) >= least && isLikely(d, below)) sum += mass ? massOf(below) : 1UL;
  }
  return blockTotal(sum);
}

// Whether a running sum is so large a part of the whole that what follows is cut off: sum / total is
// at least topP, all three scaled to integers.
bool reaches(u64 sum, u64 total, float topP) {
  int shift = 0;
  while (total >> shift >= 1UL << 38) shift++;
  u64 bound = u64(topP * 16777216.0) * (total >> shift);
  return (sum >> shift) << 24 >= bound;
}

KERNEL(SampleParams, 512) {
  i64 row = blockX;
  Draw d;
  d.logits = p.logits + 4 * u64(row * p.vocab);
  d.vocab = p.vocab;
  d.temperature = floatAt(p.temperature, row);
  d.minP = floatAt(p.minP, row);
  float topP = floatAt(p.topP, row);
  int k = intAt(p.topK, row);
  u64 top = 0UL;
  for (int v = threadIdx; v < p.vocab; v += SAMPLE_THREADS) {
    u64 key = keyOf(floatAt(d.logits, v), u32(v));
    if (key > top) top = key;
  }
  top = blockMost(top);
  float logit = valueOf(u32(top >> 32));
  if (!(d.temperature > 0.0) || logit == -INFINITY) {
    if (threadIdx == 0) intAt(p.ids, row) = int(indexOf(top));
    return;
  }
  d.most = divide(logit, d.temperature);
  d.top = keyOf(d.most, indexOf(top));
  u64 least = 0UL;
  if (k > 0 && k < p.vocab) {
    for (u64 bit = 1UL << 63; bit != 0UL; bit >>= 1) {
      if (countFrom(d, least | bit, false) >= u64(k)) least |= bit;
    }
  }
  if (topP < 1.0) {
    u64 total = countFrom(d, least, true);
    u64 cut = 0UL;
    for (u64 bit = 1UL << 63; bit != 0UL; bit >>= 1) {
      u64 next = cut | bit;
      if (reaches(countFrom(d, next > least ? next : least, true), total, topP)) cut = next;
    }
    if (cut > least) least = cut;
  }
  if (least > d.top) least = d.top;
  u64 seed = u64(longAt(p.seed, row));
  u64 position = u64(longAt(p.position, row));
  u64 best = 0UL;
  for (int v = threadIdx; v < p.vocab; v += SAMPLE_THREADS) {
    float z = zOf(d, floatAt(d.logits, v));
    float below = belowOf(d, z);
    if (keyOf(z, u32(v)) >= least && isLikely(d, below) && below <= REACH) {
      u64 key = keyOf(z + gumbelOf(philox(seed, position, u32(v))), u32(v));
      if (key > best) best = key;
    }
  }
  best = blockMost(best);
  if (threadIdx == 0) intAt(p.ids, row) = int(indexOf(best));
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
