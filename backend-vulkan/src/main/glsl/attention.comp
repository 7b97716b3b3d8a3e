// What writes keys and values, and attention: by plain loops for all dtypes and widths, and for keys
// and values of one dtype whose widths are multiples of 8.
#define PUSHES
#if defined(KERNEL_paged_attention_any)
#define REDUCE 128
#elif !defined(KERNEL_kv_append) && !defined(KERNEL_kv_append_eight)
#define EIGHTS
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

#if defined(KERNEL_paged_attention_any) || defined(EIGHTS)
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

#ifdef EIGHTS

#if defined(KERNEL_eights_f32) || defined(KERNEL_eights_f32_2) || defined(KERNEL_eights_f32_4) || defined(KERNEL_wide_f32)
#define STORED F32
#elif defined(KERNEL_eights_f16) || defined(KERNEL_eights_f16_2) || defined(KERNEL_eights_f16_4) || defined(KERNEL_wide_f16)
#define STORED F16
#elif defined(KERNEL_eights_bf16) || defined(KERNEL_eights_bf16_2) || defined(KERNEL_eights_bf16_4) || defined(KERNEL_wide_bf16)
#define STORED BF16
#endif

// Heads of a block, which share keys and values.
#if defined(KERNEL_eights_f32_4) || defined(KERNEL_eights_f16_4) || defined(KERNEL_eights_bf16_4)
const int HEADS = 4;
#elif defined(KERNEL_eights_f32_2) || defined(KERNEL_eights_f16_2) || defined(KERNEL_eights_bf16_2)
const int HEADS = 2;
#else
const int HEADS = 1;
#endif

#if defined(KERNEL_wide_f32) || defined(KERNEL_wide_f16) || defined(KERNEL_wide_bf16)
const int MAX_WIDTH = 256;
#else
const int MAX_WIDTH = 128;
#endif

// Threads that share a position take eights of 8 elements of its key and its value, in turns where a
// width has more eights than there are such threads. A group of them walks every GROUPS-th position,
// AT_ONCE of them on their way, with a peak and sums of its own, which are put together at the end.
const int THREADS = 256, SHARERS = 16, GROUPS = THREADS / SHARERS;
const int TURNS = MAX_WIDTH / 8 / SHARERS, AT_ONCE = 4;
const int STORED_QUADS = STORED == F32 ? 2 : 1;

shared float peaks[GROUPS];
shared float totals[GROUPS];
shared float sums[GROUPS * MAX_WIDTH];

float sumOfSharers(float x) {
  [[unroll]] for (int d = SHARERS / 2; d > 0; d >>= 1) x += neighbour(x, d);
  return x;
}

void widen(uvec4 quads[STORED_QUADS], out float x[8]) {
  [[unroll]] for (int e = 0; e < 8; e++) {
    if (STORED == F32) {
      x[e] = uintBitsToFloat(quads[e / 4 % STORED_QUADS][e % 4]);
    } else {
      u32 bits = quads[0][e / 2] >> e % 2 * 16 & 0xFFFFu;
      x[e] = STORED == BF16 ? fromBf16(bits) : fromF16(bits);
    }
  }
}

void bring(u64 data, int width, int sharer, out uvec4 quads[TURNS][STORED_QUADS]) {
  [[unroll]] for (int t = 0; t < TURNS; t++) {
    int eight = sharer + t * SHARERS;
    [[unroll]] for (int i = 0; i < STORED_QUADS; i++) {
      quads[t][i] = uvec4(0);
      if (8 * eight < width) quads[t][i] = quadAt(data, eight * STORED_QUADS + i);
    }
  }
}

// A block a row and HEADS heads where widths are multiples of 8, and up to MAX_WIDTH. What a head gets
// is the same for any number of heads of a block.
KERNEL(AttentionParams, 256) {
  i64 row = i64(blockZ) * 65535 + blockY;
  int firstHead = blockX * HEADS;
  if (row >= p.tokens) return;
  int tid = threadIdx;
  int sharer = tid % SHARERS;
  int group = tid / SHARERS;
  i64 resultAt = (row * p.heads + firstHead) * p.valueWidth;
  // Where each sequence has one row, that is this one.
  int s = int(min(row, i64(p.sequences) - 1L));
  bool isOwn = s >= 0 && row >= i64(intAt(p.cuSeqlensQ, s)) && row < i64(intAt(p.cuSeqlensQ, s + 1));
  if (!isOwn) s = sequenceOf(p.cuSeqlensQ, p.sequences, row);
  if (s < 0) {
    for (int c = tid; c < HEADS * p.valueWidth; c += THREADS) {
      storeFloat(p.result, resultAt + c, p.resultDtype, 0.0);
      if (p.rounded != 0UL) halfAt(p.rounded, resultAt + c) = u16(0);
    }
    return;
  }
  i64 next = i64(intAt(p.cuSeqlensQ, s + 1));
  i64 extent = i64(intAt(p.kvLens, s));
  i64 position = extent - next + row;
  i64 start;
  i64 end;
  allowedOf(p, position, extent, start, end);
  i64 kvHead = i64(firstHead / (p.heads / p.kvHeads));
  float q[HEADS][TURNS][8];
  float value[HEADS][TURNS][8];
  float slope[HEADS];
  float peak[HEADS];
  float total[HEADS];
  [[unroll]] for (int h = 0; h < HEADS; h++) {
    [[unroll]] for (int t = 0; t < TURNS; t++) {
      int c = 8 * (sharer + t * SHARERS);
      [[unroll]] for (int e = 0; e < 8; e++) {
        q[h][t][e] = 0.0;
        value[h][t][e] = 0.0;
      }
      if (c < p.keyWidth) {
        loadEight(p.q, (row * p.heads + firstHead + h) * p.keyWidth + c, p.qDtype, q[h][t]);
      }
    }
    slope[h] = p.alibi != 0UL ? loadFloat(p.alibi, i64(firstHead + h), p.alibiDtype) : 0.0;
    peak[h] = -INFINITY;
    total[h] = 0.0;
  }
  // Past the end a position is read again, times nothing, so that all threads take the same turns.
  for (i64 j0 = start; j0 < end; j0 += GROUPS * AT_ONCE) {
    uvec4 k[AT_ONCE][TURNS][STORED_QUADS];
    uvec4 v[AT_ONCE][TURNS][STORED_QUADS];
    [[unroll]] for (int a = 0; a < AT_ONCE; a++) {
      i64 slot = slotOf(p, s, min(j0 + group + a * GROUPS, end - 1));
      u64 keyAt = p.keys + u64(slot * p.keyStride + kvHead * p.keyWidth) * (2 * STORED_QUADS);
      u64 valueAt = p.values + u64(slot * p.valueStride + kvHead * p.valueWidth) * (2 * STORED_QUADS);
      bring(keyAt, p.keyWidth, sharer, k[a]);
      bring(valueAt, p.valueWidth, sharer, v[a]);
    }
    [[unroll]] for (int h = 0; h < HEADS; h++) {
      float logit[AT_ONCE];
      float top = peak[h];
      [[unroll]] for (int a = 0; a < AT_ONCE; a++) {
        float sum = 0.0;
        [[unroll]] for (int t = 0; t < TURNS; t++) {
          float x[8];
          widen(k[a][t], x);
          [[unroll]] for (int e = 0; e < 8; e++) sum = fma(q[h][t][e], x[e], sum);
        }
        sum = p.scale * sumOfSharers(sum);
        i64 j = j0 + group + a * GROUPS;
        if (p.softcap > 0.0) sum = p.softcap * tanhF(sum / p.softcap);
        if (p.alibi != 0UL) sum += slope[h] * float(int(j - position));
        logit[a] = j < end ? sum : -INFINITY;
        top = maxNan(top, logit[a]);
      }
      float keep = peak[h] == -INFINITY ? 0.0 : expF(peak[h] - top);
      total[h] *= keep;
      [[unroll]] for (int t = 0; t < TURNS; t++) {
        [[unroll]] for (int e = 0; e < 8; e++) value[h][t][e] *= keep;
      }
      [[unroll]] for (int a = 0; a < AT_ONCE; a++) {
        bool counts = j0 + group + a * GROUPS < end && top != -INFINITY;
        float w = counts ? expF(logit[a] - top) : 0.0;
        total[h] += w;
        [[unroll]] for (int t = 0; t < TURNS; t++) {
          float x[8];
          widen(v[a][t], x);
          // What does not count is a copy of what does, and may be infinite.
          [[unroll]] for (int e = 0; e < 8; e++) {
            value[h][t][e] = fma(w, counts ? x[e] : 0.0, value[h][t][e]);
          }
        }
      }
      peak[h] = top;
    }
  }
  [[unroll]] for (int h = 0; h < HEADS; h++) {
    if (h > 0) barrier();
    [[unroll]] for (int t = 0; t < TURNS; t++) {
      int c = 8 * (sharer + t * SHARERS);
      [[unroll]] for (int e = 0; e < 8; e++) sums[group * MAX_WIDTH + c + e] = value[h][t][e];
    }
    if (sharer == 0) {
      peaks[group] = peak[h];
      totals[group] = total[h];
    }
    barrier();
    bool sinks = p.sinks != 0UL;
    float sink = sinks ? loadFloat(p.sinks, i64(firstHead + h), p.sinksDtype) : -INFINITY;
    float top = sink;
    [[unroll]] for (int g = 0; g < GROUPS; g++) top = maxNan(top, peaks[g]);
    float all = sinks && top != -INFINITY ? expF(sink - top) : 0.0;
    float sum = 0.0;
    [[unroll]] for (int g = 0; g < GROUPS; g++) {
      float share = peaks[g] == -INFINITY ? 0.0 : expF(peaks[g] - top);
      all = fma(totals[g], share, all);
      sum = fma(sums[g * MAX_WIDTH + tid % MAX_WIDTH], share, sum);
    }
    if (tid < p.valueWidth) {
      float x = all == 0.0 ? 0.0 : sum / all;
      i64 at = resultAt + h * p.valueWidth + tid;
      storeFloat(p.result, at, p.resultDtype, x);
      if (p.rounded != 0UL) halfAt(p.rounded, at) = u16(toBf16(x));
    }
  }
}
#endif
