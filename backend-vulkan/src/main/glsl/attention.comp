// What writes keys and values, and attention by plain loops for all dtypes and widths.
#if defined(KERNEL_paged_attention_any)
#define REDUCE 128
#elif defined(KERNEL_paged_attention_eights)
#define REDUCE 256
#endif
#include "lamina.glsl"
#include "math.glsl"

PARAMS(AppendParams) {
  u64 k;
  u64 v;
  u64 slots;
  u64 keys;
  u64 values;
  i64 tokens;
  i64 limit;
  u64 fault;
  int kWidth;
  int vWidth;
  int kDtype;
  int vDtype;
  int keysDtype;
  int valuesDtype;
};

#ifdef KERNEL_kv_append
KERNEL(AppendParams, 256) {
  int width = p.kWidth + p.vWidth;
  for (i64 i = globalThread; i < p.tokens * width; i += globalThreads) {
    i64 t = i / width;
    int c = int(i % width);
    int slotIndex = intAt(p.slots, t);
    if (slotIndex < 0) continue;
    i64 slot = i64(slotIndex);
    if (slot >= p.limit) {
      report(p.fault, INDEX_PAST_END, slot, p.limit);
      continue;
    }
    if (c < p.kWidth) {
      float x = loadFloat(p.k, t * p.kWidth + c, p.kDtype);
      storeFloat(p.keys, slot * p.kWidth + c, p.keysDtype, x);
    } else {
      c -= p.kWidth;
      float x = loadFloat(p.v, t * p.vWidth + c, p.vDtype);
      storeFloat(p.values, slot * p.vWidth + c, p.valuesDtype, x);
    }
  }
}
#endif

#ifdef KERNEL_kv_append_eight
// The same where both widths are multiples of 8 and everything begins at a multiple of 16 bytes.
KERNEL(AppendParams, 256) {
  int units = (p.kWidth + p.vWidth) / 8;
  for (i64 i = globalThread; i < p.tokens * units; i += globalThreads) {
    i64 t = i / units;
    int c = int(i % units) * 8;
    int slotIndex = intAt(p.slots, t);
    if (slotIndex < 0) continue;
    i64 slot = i64(slotIndex);
    if (slot >= p.limit) {
      report(p.fault, INDEX_PAST_END, slot, p.limit);
      continue;
    }
    float x[8];
    if (c < p.kWidth) {
      loadEight(p.k, t * p.kWidth + c, p.kDtype, x);
      storeEight(p.keys, slot * p.kWidth + c, p.keysDtype, x);
    } else {
      c -= p.kWidth;
      loadEight(p.v, t * p.vWidth + c, p.vDtype, x);
      storeEight(p.values, slot * p.vWidth + c, p.valuesDtype, x);
    }
  }
}
#endif

#if defined(KERNEL_paged_attention_any) || defined(KERNEL_paged_attention_eights)
#include "attention.glsl"
#endif

#ifdef KERNEL_paged_attention_any

const int THREADS = 128, VALUES_A_THREAD = 8;

// A row's query, a weight for each thread's key, then the set of positions that are chosen.
shared u32 room[SHARED_WORDS];
shared i64 slots[THREADS];

// Whether a position stands among the chosen before index j, too.
bool isRepeat(AttentionParams p, i64 row, i64 j) {
  i64 first = row * p.numChosen;
  for (i64 i = 0; i < j; i++) {
    if (intAt(p.chosen, first + i) == intAt(p.chosen, first + j)) return true;
  }
  return false;
}

// Whether a position is chosen twice. Where the positions are more than the set has room for, it may.
bool hasRepeats(AttentionParams p, int seen, i64 row) {
  for (int w = threadIdx; w < p.seenWords; w += THREADS) room[seen + w] = 0u;
  barrier();
  bool twice = false;
  for (int j = threadIdx; j < p.numChosen; j += THREADS) {
    int key = intAt(p.chosen, row * p.numChosen + j);
    if (key < 0) continue;
    if (key / 32 >= p.seenWords) {
      twice = true;
    } else {
      u32 bit = 1u << (key & 31);
      if ((atomicOr(room[seen + key / 32], bit) & bit) != 0u) twice = true;
    }
  }
  return blockAny(twice);
}

void storeResult(AttentionParams p, i64 at, float x) {
  storeFloat(p.result, at, p.resultDtype, x);
  if (p.rounded != 0UL) halfAt(p.rounded, at) = u16(toBf16(x));
}

// A block a row and head. Each thread takes a key at a time, then columns of the values.
KERNEL(AttentionParams, 128) {
  i64 row = i64(blockZ) * 65535 + blockY;
  int head = blockX;
  if (row >= p.tokens) return;
  int tid = threadIdx;
  int weights = p.keyWidth;
  int seen = weights + THREADS;
  i64 resultAt = (row * p.heads + head) * p.valueWidth;
  int s = sequenceOf(p.cuSeqlensQ, p.sequences, row);
  if (s < 0) {
    for (int c = tid; c < p.valueWidth; c += THREADS) storeResult(p, resultAt + c, 0.0);
    return;
  }
  i64 extent = i64(intAt(p.kvLens, s));
  i64 position = extent - intAt(p.cuSeqlensQ, s + 1) + row;
  i64 start;
  i64 end;
  allowedOf(p, position, extent, start, end);
  // Of chosen positions those are walked that are listed.
  i64 from = p.chosen != 0UL ? 0L : start;
  i64 to = p.chosen != 0UL ? i64(p.numChosen) : end;
  int kvHead = head / (p.heads / p.kvHeads);
  for (int c = tid; c < p.keyWidth; c += THREADS) {
    float x = loadFloat(p.q, (row * p.heads + head) * p.keyWidth + c, p.qDtype);
    room[c] = floatBitsToUint(x);
  }
  float slope = p.alibi != 0UL ? loadFloat(p.alibi, i64(head), p.alibiDtype) : 0.0;
  float peak = -INFINITY;
  float total = 0.0;
  float value[VALUES_A_THREAD];
  for (int v = 0; v < VALUES_A_THREAD; v++) value[v] = 0.0;
  barrier();
  bool repeats = p.chosen != 0UL && hasRepeats(p, seen, row);
  for (i64 j0 = from; j0 < to; j0 += THREADS) {
    i64 j = j0 + tid;
    i64 slot = -1L;
    float logit = -INFINITY;
    if (j < to) {
      int listed = p.chosen != 0UL ? intAt(p.chosen, row * p.numChosen + j) : int(j);
      i64 key = i64(listed);
      if (listed >= 0 && key >= start && key < end && !(repeats && isRepeat(p, row, j))) {
        slot = slotOf(p, s, key);
        i64 at = slot * p.keyStride + i64(kvHead) * p.keyWidth;
        float sum = 0.0;
        for (int c = 0; c < p.keyWidth; c++) {
          sum = fma(uintBitsToFloat(room[c]), loadFloat(p.keys, at + c, p.keysDtype), sum);
        }
        logit = p.scale * sum;
        if (p.softcap > 0.0) logit = p.softcap * tanhF(logit / p.softcap);
        if (p.alibi != 0UL) logit += slope * float(int(key - position));
      }
    }
    slots[tid] = slot;
    bool nan = isNan(logit);
    float top = blockMax(nan ? -INFINITY : logit);
    if (blockAny(nan)) top = QUIET_NAN;
    float newPeak = maxNan(peak, top);
    float keep = peak == -INFINITY ? 0.0 : expF(peak - newPeak);
    float w = slot < 0 || newPeak == -INFINITY ? 0.0 : expF(logit - newPeak);
    room[weights + tid] = floatBitsToUint(w);
    total = total * keep + blockSum(w);
    peak = newPeak;
    int n = to - j0 < THREADS ? int(to - j0) : THREADS;
    for (int v = 0; v < VALUES_A_THREAD; v++) {
      int c = tid + v * THREADS;
      if (c >= p.valueWidth) break;
      float sum = value[v] * keep;
      for (int k = 0; k < n; k++) {
        if (slots[k] < 0) continue;
        i64 at = slots[k] * p.valueStride + i64(kvHead) * p.valueWidth;
        sum = fma(uintBitsToFloat(room[weights + k]), loadFloat(p.values, at + c, p.valuesDtype), sum);
      }
      value[v] = sum;
    }
    barrier();
  }
  if (p.sinks != 0UL) {
    float sink = loadFloat(p.sinks, i64(head), p.sinksDtype);
    float newPeak = maxNan(peak, sink);
    float keep = peak == -INFINITY ? 0.0 : expF(peak - newPeak);
    total = total * keep + (newPeak == -INFINITY ? 0.0 : expF(sink - newPeak));
    for (int v = 0; v < VALUES_A_THREAD; v++) value[v] *= keep;
  }
  for (int v = 0; v < VALUES_A_THREAD; v++) {
    int c = tid + v * THREADS;
    if (c >= p.valueWidth) break;
    storeResult(p, resultAt + c, total == 0.0 ? 0.0 : value[v] / total);
  }
}
#endif

#ifdef KERNEL_paged_attention_eights

const int THREADS = 256, TILE = 256, MAX_WIDTH = 256;

// Threads that share a key or the columns of a value take eights of 8 elements each; in turns where
// a width has more eights than there are such threads.
const int SHARERS = 16, GROUPS = THREADS / SHARERS, TURNS = MAX_WIDTH / 8 / SHARERS;

shared float weights[TILE];
shared i64 slots[TILE];
shared float sums[GROUPS * SHARERS * 8];

float sumOfSharers(float x) {
  for (int d = SHARERS / 2; d > 0; d >>= 1) x += neighbour(x, d);
  return x;
}

// A block a row and head where widths are multiples of 8, and up to MAX_WIDTH: TILE positions at a
// time, all loads of 16 bytes.
KERNEL(AttentionParams, 256) {
  i64 row = i64(blockZ) * 65535 + blockY;
  int head = blockX;
  if (row >= p.tokens) return;
  int tid = threadIdx;
  int sharer = tid % SHARERS;
  int group = tid / SHARERS;
  i64 resultAt = (row * p.heads + head) * p.valueWidth;
  int s = sequenceOf(p.cuSeqlensQ, p.sequences, row);
  if (s < 0) {
    for (int c = tid; c < p.valueWidth; c += THREADS) storeFloat(p.result, resultAt + c, p.resultDtype, 0.0);
    return;
  }
  i64 extent = i64(intAt(p.kvLens, s));
  i64 position = extent - intAt(p.cuSeqlensQ, s + 1) + row;
  i64 start;
  i64 end;
  allowedOf(p, position, extent, start, end);
  i64 kvHead = i64(head / (p.heads / p.kvHeads));
  float q[TURNS][8];
  [[unroll]] for (int t = 0; t < TURNS; t++) {
    int c = 8 * (sharer + t * SHARERS);
    [[unroll]] for (int e = 0; e < 8; e++) q[t][e] = 0.0;
    if (c < p.keyWidth) loadEight(p.q, (row * p.heads + head) * p.keyWidth + c, p.qDtype, q[t]);
  }
  float slope = p.alibi != 0UL ? loadFloat(p.alibi, i64(head), p.alibiDtype) : 0.0;
  float peak = -INFINITY;
  float total = 0.0;
  float value[TURNS][8];
  [[unroll]] for (int t = 0; t < TURNS; t++) {
    [[unroll]] for (int e = 0; e < 8; e++) value[t][e] = 0.0;
  }
  for (i64 j0 = start; j0 < end; j0 += TILE) {
    int n = int(min(i64(TILE), end - j0));
    barrier();
    if (tid < n) slots[tid] = slotOf(p, s, j0 + tid);
    barrier();
    for (int j = group; j < TILE; j += GROUPS) {
      // Where no position is left the others of the subgroup may have one: all of them go on.
      if (j - group >= n) break;
      float sum = 0.0;
      if (j < n) {
        i64 at = slots[j] * p.keyStride + kvHead * p.keyWidth;
        [[unroll]] for (int t = 0; t < TURNS; t++) {
          int c = 8 * (sharer + t * SHARERS);
          if (c < p.keyWidth) {
            float k[8];
            loadEight(p.keys, at + c, p.keysDtype, k);
            [[unroll]] for (int e = 0; e < 8; e++) sum = fma(q[t][e], k[e], sum);
          }
        }
      }
      sum = sumOfSharers(sum);
      if (sharer == 0) weights[j] = sum;
    }
    barrier();
    float logit = -INFINITY;
    if (tid < n) {
      logit = p.scale * weights[tid];
      if (p.softcap > 0.0) logit = p.softcap * tanhF(logit / p.softcap);
      if (p.alibi != 0UL) logit += slope * float(int(j0 + tid - position));
    }
    bool nan = isNan(logit);
    float top = blockMax(nan ? -INFINITY : logit);
    if (blockAny(nan)) top = QUIET_NAN;
    float newPeak = maxNan(peak, top);
    float keep = peak == -INFINITY ? 0.0 : expF(peak - newPeak);
    float w = tid >= n || newPeak == -INFINITY ? 0.0 : expF(logit - newPeak);
    weights[tid] = w;
    total = total * keep + blockSum(w);
    peak = newPeak;
    [[unroll]] for (int t = 0; t < TURNS; t++) {
      int c = 8 * (sharer + t * SHARERS);
      [[unroll]] for (int e = 0; e < 8; e++) value[t][e] *= keep;
      if (c < p.valueWidth) {
        for (int j = group; j < n; j += GROUPS) {
          float v[8];
          loadEight(p.values, slots[j] * p.valueStride + kvHead * p.valueWidth + c, p.valuesDtype, v);
          [[unroll]] for (int e = 0; e < 8; e++) value[t][e] = fma(weights[j], v[e], value[t][e]);
        }
      }
    }
  }
  float keep = 1.0;
  if (p.sinks != 0UL) {
    float sink = loadFloat(p.sinks, i64(head), p.sinksDtype);
    float newPeak = maxNan(peak, sink);
    keep = peak == -INFINITY ? 0.0 : expF(peak - newPeak);
    total = total * keep + (newPeak == -INFINITY ? 0.0 : expF(sink - newPeak));
  }
  [[unroll]] for (int t = 0; t < TURNS; t++) {
    barrier();
    [[unroll]] for (int e = 0; e < 8; e++) sums[(group * SHARERS + sharer) * 8 + e] = value[t][e];
    barrier();
    int c = t * SHARERS * 8 + tid;
    if (tid < SHARERS * 8 && c < p.valueWidth) {
      float sum = 0.0;
      for (int g = 0; g < GROUPS; g++) sum += sums[g * SHARERS * 8 + tid];
      float x = total == 0.0 ? 0.0 : sum * keep / total;
      storeFloat(p.result, resultAt + c, p.resultDtype, x);
      if (p.rounded != 0UL) halfAt(p.rounded, resultAt + c) = u16(toBf16(x));
    }
  }
}
#endif
