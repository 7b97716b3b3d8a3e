// What the kernels of attention share: their struct, who sees what, and a row by plain loops.
#pragma once
#include "lamina.cuh"

struct AttentionParams {
  const void* q;
  const void* keys;
  const void* values;
  const int* cuSeqlensQ;
  const int* kvLens;
  const int* blockTable;
  const void* sinks;
  const void* alibi;
  const int* select;
  void* out;
  void* rounded;    // the same in BF16 for who multiplies it, or null
  float* partials;  // of splits: sums of values [rows, Hq, splits, Dv], then [rows, Hq, splits, 2]
  i64 tokens;
  i64 window;
  i64 chunk;
  i64 keyStride;    // elements from one slot to the next
  i64 valueStride;
  int sequences;
  int maxPages;
  int page;
  int heads;
  int kvHeads;
  int keyWidth;
  int valueWidth;
  int selected;     // positions a token in select
  int seenWords;    // words of the set of positions in shared memory
  int causal;
  float scale;
  float softcap;
  int qDtype;
  int keysDtype;
  int valuesDtype;
  int sinksDtype;
  int alibiDtype;
  int outDtype;
  int splits;       // blocks that share a tile's positions
  int fewRows;      // rows of a sequence up to which the kernels for decode take it
  int mergedRows;   // rows of a sequence that partials have, and 0 where they have those of the step
  int tileTokens;   // rows of a sequence that a tile has, each with
  int tileHeads;    // so many heads of one group
};

#define ATTENTION_THREADS 128
#define MAX_VALUES_A_THREAD 8

// The sequence of a row: the last s whose rows start at or before it; -1 if it is in none.
DEVICE int sequenceOf(const int* cu, int sequences, i64 row) {
  int low = 0;
  int high = sequences;
  while (low < high) {
    int mid = (low + high) / 2;
    if (cu[mid + 1] <= row) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low < sequences && cu[low] <= row ? low : -1;
}

// Positions from start to end, which is not one of them.
struct Positions {
  i64 start;
  i64 end;
};

// What a position of a sequence of `length` may see. Both bounds grow with the position, and the
// ranges of neighbours meet.
DEVICE Positions allowedOf(const AttentionParams& p, i64 position, i64 length) {
  i64 end = p.causal ? position + 1 : length;
  i64 start = p.window > 0 && position - p.window + 1 > 0 ? position - p.window + 1 : 0;
  if (p.chunk > 0) {
    i64 first = position / p.chunk * p.chunk;
    if (first > start) start = first;
    if (first + p.chunk < end) end = first + p.chunk;
  }
  return {start, end > length ? length : end};
}

DEVICE i64 slotOf(const AttentionParams& p, int sequence, i64 position) {
  u32 page = (u32)position / (u32)p.page;
  i64 begin = (i64)p.blockTable[(i64)sequence * p.maxPages + page] * p.page;
  return begin + ((u32)position - page * (u32)p.page);
}

// Whether a position stands in the row of select before index j, too.
DEVICE bool isRepeat(const AttentionParams& p, i64 row, i64 j) {
  const int* list = p.select + row * p.selected;
  for (i64 i = 0; i < j; i++) {
    if (list[i] == list[j]) return true;
  }
  return false;
}

// Whether the row of select lists a position twice. Where the positions are more than the set has
// room for, it may.
DEVICE bool hasRepeats(const AttentionParams& p, u32* seen, i64 row) {
  for (int w = threadIdx.x; w < p.seenWords; w += blockDim.x) seen[w] = 0;
  __syncthreads();
  bool twice = false;
  for (int j = threadIdx.x; j < p.selected; j += blockDim.x) {
    int key = p.select[row * p.selected + j];
    if (key < 0) continue;
    if (key / 32 >= p.seenWords) {
      twice = true;
    } else {
      u32 bit = 1u << (key & 31);
      twice |= (atomicOr(&seen[key / 32], bit) & bit) != 0;
    }
  }
  return __syncthreads_or(twice) != 0;
}

DEVICE void storeResult(const AttentionParams& p, i64 at, float x) {
  storeFloat(p.out, at, p.outDtype, x);
  if (p.rounded != nullptr) ((u16*)p.rounded)[at] = toBf16(x);
}

DEVICE void zeroRow(const AttentionParams& p, i64 row, int head) {
  i64 at = (row * p.heads + head) * p.valueWidth;
  for (int c = threadIdx.x; c < p.valueWidth; c += blockDim.x) {
    storeResult(p, at + c, 0.0f);
  }
}

// One head of one row by a block, with the dynamic shared memory of the launch. Each thread takes a
// key at a time, then columns of the values.
__device__ __noinline__ void attendRow(
    const AttentionParams& p, i64 row, int head, unsigned char* shared) {
  __shared__ float room[32];
  int tid = threadIdx.x;
  int threads = (int)blockDim.x;
  float* q = (float*)shared;        // keyWidth
  float* weight = q + p.keyWidth;   // a key a thread
  i64* slots = (i64*)(q + ((p.keyWidth + threads + 1) & ~1));
  u32* seen = (u32*)(slots + threads);
  int s = sequenceOf(p.cuSeqlensQ, p.sequences, row);
  if (s < 0) {
    zeroRow(p, row, head);
    return;
  }
  i64 outAt = (row * p.heads + head) * p.valueWidth;
  i64 length = p.kvLens[s];
  i64 position = length - p.cuSeqlensQ[s + 1] + row;
  Positions allowed = allowedOf(p, position, length);
  // Of chosen positions those are walked that the row of select lists.
  i64 from = p.select != nullptr ? 0 : allowed.start;
  i64 to = p.select != nullptr ? p.selected : allowed.end;
  int kvHead = head / (p.heads / p.kvHeads);
  for (int c = tid; c < p.keyWidth; c += threads) {
    q[c] = loadFloat(p.q, (row * p.heads + head) * p.keyWidth + c, p.qDtype);
  }
  float slope = p.alibi != nullptr ? loadFloat(p.alibi, head, p.alibiDtype) : 0.0f;
  float peak = -infinity();
  float total = 0.0f;
  float value[MAX_VALUES_A_THREAD];
  for (int v = 0; v < MAX_VALUES_A_THREAD; v++) value[v] = 0.0f;
  __syncthreads();
  bool repeats = p.select != nullptr && hasRepeats(p, seen, row);
  for (i64 j0 = from; j0 < to; j0 += threads) {
    i64 j = j0 + tid;
    i64 slot = -1;
    float logit = -infinity();
    if (j < to) {
      i64 key = p.select != nullptr ? p.select[row * p.selected + j] : j;
      if (key >= allowed.start && key < allowed.end && !(repeats && isRepeat(p, row, j))) {
        slot = slotOf(p, s, key);
        i64 at = slot * p.keyStride + (i64)kvHead * p.keyWidth;
        float sum = 0.0f;
        for (int c = 0; c < p.keyWidth; c++) {
          sum = fmaf(q[c], loadFloat(p.keys, at + c, p.keysDtype), sum);
        }
        logit = p.scale * sum;
        if (p.softcap > 0.0f) logit = p.softcap * tanhf(logit / p.softcap);
        if (p.alibi != nullptr) logit += slope * (float)(key - position);
      }
    }
    slots[tid] = slot;
    bool nan = isNan(logit);
    float top = blockMax(nan ? -infinity() : logit, room);
    if (__syncthreads_or(nan)) top = quietNan();
    float newPeak = maxNan(peak, top);
    float keep = peak == -infinity() ? 0.0f : expf(peak - newPeak);
    float w = slot < 0 || newPeak == -infinity() ? 0.0f : expf(logit - newPeak);
    weight[tid] = w;
    total = total * keep + blockSum(w, room);
    peak = newPeak;
    int n = to - j0 < threads ? (int)(to - j0) : threads;
#pragma unroll
    for (int v = 0; v < MAX_VALUES_A_THREAD; v++) {
      int c = tid + v * threads;
      if (c >= p.valueWidth) break;
      float sum = value[v] * keep;
      for (int k = 0; k < n; k++) {
        if (slots[k] < 0) continue;
        i64 at = slots[k] * p.valueStride + (i64)kvHead * p.valueWidth;
        sum = fmaf(weight[k], loadFloat(p.values, at + c, p.valuesDtype), sum);
      }
      value[v] = sum;
    }
    __syncthreads();
  }
  if (p.sinks != nullptr) {
    float sink = loadFloat(p.sinks, head, p.sinksDtype);
    float newPeak = maxNan(peak, sink);
    float keep = peak == -infinity() ? 0.0f : expf(peak - newPeak);
    total = total * keep + (newPeak == -infinity() ? 0.0f : expf(sink - newPeak));
    for (int v = 0; v < MAX_VALUES_A_THREAD; v++) value[v] *= keep;
  }
  for (int v = 0; v < MAX_VALUES_A_THREAD; v++) {
    int c = tid + v * threads;
    if (c >= p.valueWidth) break;
    storeResult(p, outAt + c, total == 0.0f ? 0.0f : value[v] / total);
  }
}
