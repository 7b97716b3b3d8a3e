// Decode of one row that norms and turns its heads, appends its key and value and attends, all in one
// kernel. It is bound by latency: a block has one head, so that many share the work, and what follows
// the kernel ahead is a short chain. Products are F32. Keys and values that earlier steps wrote are on
// their way before the kernel ahead has ended. Where blocks share the positions of a head they leave
// partials (Flash-Decoding, 2023), and the last to arrive adds them up.
#pragma once
#include "attention_tile.cuh"
#include "heads.cuh"

#define ROW_THREADS 256
#define ROW_WARPS 8
// Turns of one block over its positions that cost less than adding up what several blocks leave; as
// TURNS of RowDecode.java.
#define ROW_TURNS 4

struct RowParams {
  HeadParams heads;
  AttentionParams attention;
  u32* arrived;  // of each head the blocks that are done, 0 between launches
};

// Adds up each of N values over groups of LANES lanes: lane i of a group is left with value i % N.
// Each step halves what a lane still carries.
template <int N, int LANES>
DEVICE float scatterSums(float (&x)[N]) {
  int lane = threadIdx.x % 32;
#pragma unroll
  for (int d = LANES / 2; d >= N; d /= 2) {
#pragma unroll
    for (int i = 0; i < N; i++) x[i] += __shfl_xor_sync(FULL, x[i], d);
  }
#pragma unroll
  for (int d = N / 2; d > 0; d /= 2) {
    bool upper = (lane & d) != 0;
#pragma unroll
    for (int i = 0; i < N / 2; i++) {
      if (i < d) {
        float mine = upper ? x[i + d] : x[i];
        float other = upper ? x[i] : x[i + d];
        x[i] = mine + __shfl_xor_sync(FULL, other, d);
      }
    }
  }
  return x[0];
}

// A block's work: one head of D elements at most. LANES lanes have a row of keys and of values, and a
// warp ROWS rows at once, PASSES times a turn; a lane is left with the logit of one of its positions.
template <class W, int D>
struct RowDecode {
  enum {
    LANES = D / 8,
    ROWS = 32 / LANES,
    PASSES = 8,
    TURN = ROW_WARPS * ROWS * PASSES,
    SHARES = LANES / PASSES  // lanes that hold the same logit
  };

  const RowParams& all;
  const AttentionParams& p;
  const HeadParams& h;
  int head;
  int kvHead;
  int length;
  int start;  // positions that the row sees, to `end`, which is not one of them
  int end;
  int splits;
  int own;           // slot of the row's own key and value, -1 if it has none
  float* query;      // [D], normed and turned
  float* factors;    // [2, D]: of the norms of queries and keys
  float* sums;       // [ROW_WARPS, D]
  float* peaks;      // [ROW_WARPS]
  float* totals;     // [ROW_WARPS]
  u16* fresh;        // [2, D]: the row's own key and value, as the pool has them

  DEVICE RowDecode(const RowParams& params, unsigned char* shared)
      : all(params), p(params.attention), h(params.heads) {
    query = (float*)shared;
    factors = query + D;
    sums = factors + 2 * D;
    peaks = sums + ROW_WARPS * D;
    totals = peaks + ROW_WARPS;
    fresh = (u16*)(totals + ROW_WARPS);
    head = (int)blockIdx.y;
    kvHead = head / (p.heads / p.kvHeads);
  }

  // Position of this thread in a pass, from a turn's first.
  static DEVICE int offsetOf(int pass) {
    return (threadIdx.x / 32 * PASSES + pass) * ROWS + threadIdx.x % 32 / LANES;
  }

  // Slots of a turn's positions by what the table says, -1 where that is none of the pool's.
  DEVICE void locate(int first, int (&at)[PASSES]) {
#pragma unroll
    for (int i = 0; i < PASSES; i++) {
      u32 position = (u32)(first + offsetOf(i));
      u32 page = position / (u32)p.page;
      at[i] = -1;
      if (page < (u32)p.maxPages) {
        at[i] = p.blockTable[page] * p.page + (int)(position - page * (u32)p.page);
      }
    }
  }

  DEVICE void fetch(const void* pool, i64 stride, int width, const int (&at)[PASSES], uint4 (&x)[PASSES]) {
    int c = threadIdx.x % LANES * 8;
#pragma unroll
    for (int i = 0; i < PASSES; i++) {
      x[i] = {0, 0, 0, 0};
      bool inside = at[i] >= 0 && at[i] < h.limit && c < width;
      if (inside) x[i] = *(const uint4*)((const u16*)pool + (i64)at[i] * stride + kvHead * width + c);
    }
  }

  static DEVICE void widen(const uint4& x, float (&to)[8]) {
    u32 words[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
    for (int e = 0; e < 8; e++) to[e] = W::get((u16)(words[e / 2] >> e % 2 * 16));
  }

  // The pool may not have the row's own yet, as another block writes it.
  DEVICE void take(const uint4& x, int at, int which, float (&to)[8]) {
    if (at >= 0 && at == own) {
      widen(*(const uint4*)&fresh[which * D + threadIdx.x % LANES * 8], to);
    } else {
      widen(x, to);
    }
  }

  // The query by the first warp, the key by the second, the value by the third.
  DEVICE void makeHeads(const Angles<D>& angles, bool appends) {
    int lane = threadIdx.x % 32;
    int warp = threadIdx.x / 32;
    if (warp == 2) {
      const float* from = h.v + (i64)kvHead * h.vWidth;
      float x[D / WARP];
#pragma unroll
      for (int j = 0; j < D / WARP; j++) x[j] = lane + j * WARP < h.vWidth ? from[lane + j * WARP] : 0.0f;
#pragma unroll
      for (int j = 0; j < D / WARP; j++) put(1, h.values, h.vWidth, lane + j * WARP, x[j], appends);
    } else if (warp < 2) {
      const float* from = warp == 0 ? h.q + (i64)head * h.width : h.k + (i64)kvHead * h.width;
      const float* by = factors + warp * D;
      LanePart<D> x;
      normAndTurn(h, warp == 0 ? h.qNorm : h.kNorm, [&](int e) { return by[e]; }, from, lane, angles, x);
      eachOf(h, x, lane, [&](int e, float y) {
        if (warp == 0) {
          query[e] = y;
        } else {
          put(0, h.keys, h.width, e, y, appends);
        }
      });
    }
  }

  DEVICE void put(int which, void* pool, int width, int e, float x, bool appends) {
    if (e >= width) return;
    u16 bits = W::put(x);
    fresh[which * D + e] = bits;
    if (appends) ((u16*)pool)[((i64)own * h.kHeads + kvHead) * width + e] = bits;
  }

  // This lane's logit of a turn, -infinity where the row may not see.
  DEVICE float logit(int first, const float (&q)[8], const uint4 (&keys)[PASSES], const int (&at)[PASSES],
                     float slope) {
    float x[PASSES];
#pragma unroll
    for (int i = 0; i < PASSES; i++) {
      float k[8];
      take(keys[i], at[i], 0, k);
      float sum = 0.0f;
#pragma unroll
      for (int e = 0; e < 8; e++) sum = fmaf(q[e], k[e], sum);
      x[i] = sum;
    }
    float y = scatterSums<PASSES, LANES>(x) * p.scale;
    if (p.softcap > 0.0f) y = p.softcap * tanhf(y / p.softcap);
    int position = first + offsetOf(threadIdx.x % PASSES);
    y += slope * (float)(position - (length - 1));
    return isSeen(position) ? y : -infinity();
  }

  DEVICE bool isSeen(int position) { return position >= start && position < end; }

  // The warps' sums as one: the result where there is one split, else partials. Whether it is NaN.
  DEVICE bool finish(float (&sum)[8], float peak, float total, float sink) {
    int lane = threadIdx.x % 32;
    int warp = threadIdx.x / 32;
#pragma unroll
    for (int e = 0; e < 8; e++) {
#pragma unroll
      for (int d = LANES; d < 32; d *= 2) sum[e] += __shfl_xor_sync(FULL, sum[e], d);
    }
    if (lane < LANES) storeEight(sums, warp * D + lane * 8, F32, sum);
    if (lane == 0) {
      peaks[warp] = peak;
      totals[warp] = total;
    }
    __syncthreads();
    int c = threadIdx.x;
    if (c >= p.valueWidth) return false;
    float top = splits == 1 ? sink : -infinity();
#pragma unroll
    for (int w = 0; w < ROW_WARPS; w++) top = fmaxf(top, peaks[w]);
    float x = 0.0f;
    float weights = splits == 1 ? weightOf(sink, top) : 0.0f;
#pragma unroll
    for (int w = 0; w < ROW_WARPS; w++) {
      float share = weightOf(peaks[w], top);
      x = fmaf(share, sums[w * D + c], x);
      weights = fmaf(share, totals[w], weights);
    }
    if (splits == 1) return store(c, weights == 0.0f ? 0.0f : x / weights);
    i64 at = (i64)head * p.splits + blockIdx.z;
    p.partials[at * p.valueWidth + c] = x;
    if (c == 0) {
      float* to = partialShare(p, at);
      to[0] = top;
      to[1] = weights;
    }
    return false;
  }

  DEVICE bool store(int c, float x) {
    ((float*)p.out)[(i64)head * p.valueWidth + c] = x;
    return isNan(x);
  }

  // Adds up what the blocks of the head left, a warp some columns.
  DEVICE bool merge(float sink) {
    i64 at = (i64)head * p.splits;
    float share = shareOf(p, at, splits, sink);
    bool nan = false;
    for (int first = threadIdx.x / 32 * WARP; first < p.valueWidth; first += ROW_THREADS) {
      int c = first + threadIdx.x % 32;
      float x = mergedColumn(p, at, splits, share, c);
      if (c < p.valueWidth) nan |= store(c, x);
    }
    return nan;
  }

  // The head again by plain loops, which read what this block then writes for itself.
  DEVICE void redo(unsigned char* shared) {
    for (int e = threadIdx.x; e < h.width; e += ROW_THREADS) {
      h.turned[(i64)head * h.width + e] = query[e];
    }
    if (own >= 0) {
      i64 at = (i64)own * h.kHeads + kvHead;
      for (int e = threadIdx.x; e < h.width; e += ROW_THREADS) ((u16*)h.keys)[at * h.width + e] = fresh[e];
      for (int e = threadIdx.x; e < h.vWidth; e += ROW_THREADS) {
        ((u16*)h.values)[at * h.vWidth + e] = fresh[D + e];
      }
    }
    __syncthreads();
    attendRow(p, 0, head, shared);
  }

  DEVICE void run(unsigned char* shared) {
    __shared__ float cosine[D / 2];
    __shared__ float sine[D / 2];
    __shared__ bool isLast;
    int lane = threadIdx.x % 32;
    int split = blockIdx.z;
    int at[PASSES];
    uint4 keys[PASSES];
    uint4 values[PASSES];
    // All until the wait is an input of the graph, or what earlier steps wrote. Loads that do not hang
    // on each other come first, as each may take a microsecond.
    int slot = h.slots[0];
    length = p.kvLens[0];
    int rows[2] = {p.cuSeqlensQ[0], p.cuSeqlensQ[1]};
    bool bounded = p.window > 0 || p.chunk > 0;
    if (!bounded) locate(split * TURN, at);
    float factor[2] = {1.0f, 1.0f};
    if (threadIdx.x < D) {
      bool inside = threadIdx.x < h.width;
      factor[0] = StoredFactors{h.qNorm, inside ? h.qFactors : nullptr}(threadIdx.x);
      factor[1] = StoredFactors{h.kNorm, inside ? h.kFactors : nullptr}(threadIdx.x);
    }
    float sink = p.sinks != nullptr ? loadFloat(p.sinks, head, p.sinksDtype) : -infinity();
    float slope = p.alibi != nullptr ? loadFloat(p.alibi, head, p.alibiDtype) : 0.0f;
    own = slot < h.limit ? slot : -1;
    bool attends = rows[0] == 0 && rows[1] == 1;
    Positions seen = {0, 0};
    if (attends) seen = allowedOf(p, length - 1, length);
    start = (int)seen.start;
    end = (int)seen.end;
    int from = bounded ? start / TURN * TURN : 0;
    int first = from + split * TURN;
    if (bounded) locate(first, at);
    fetch(p.keys, p.keyStride, p.keyWidth, at, keys);
    fetch(p.values, p.valueStride, p.valueWidth, at, values);
    int turns = (end - from + TURN - 1) / TURN;
    splits = turns <= ROW_TURNS ? 1 : turns < p.splits ? turns : p.splits;
    int step = splits * TURN;
    int pairs = h.turning.rotary / 2;
    if (threadIdx.x < pairs) {
      angleOf(h.turning, h.positions, h.freqs, 1, 0, threadIdx.x, &cosine[threadIdx.x], &sine[threadIdx.x]);
    }
    if (threadIdx.x < D) {
      factors[threadIdx.x] = factor[0];
      factors[D + threadIdx.x] = factor[1];
      query[threadIdx.x] = 0.0f;
      fresh[threadIdx.x] = fresh[D + threadIdx.x] = 0;
    }
    __syncthreads();
    Angles<D> angles;
    takeAngles(cosine, sine, pairs, lane, angles);
    waitForPrevious();
    if (split >= splits) return;
    makeHeads(angles, own >= 0 && split == 0 && head % (p.heads / p.kvHeads) == 0);
    if (!attends) {
      // A row of no sequence.
      zeroRow(p, 0, head);
      return;
    }
    __syncthreads();
    float q[8];
    loadEight(query, lane % LANES * 8, F32, q);
    float sum[8] = {};
    float peak = -infinity();
    float total = 0.0f;
    // The next turn's keys load while this one's are multiplied, and the table is read another turn ahead.
    int next[PASSES];
    uint4 ahead[PASSES];
    if (first + step < end) locate(first + step, next);
    for (; first < end; first += step) {
      bool more = first + step < end;
      int later[PASSES];
      if (more) fetch(p.keys, p.keyStride, p.keyWidth, next, ahead);
      if (first + 2 * step < end) locate(first + 2 * step, later);
      float x = logit(first, q, keys, at, slope);
      float top = fmaxf(peak, warpMax(x));
      float base = top == -infinity() ? 0.0f : top;
      float keep = exp2f((peak - base) * LOG2E);
      float w = exp2f((x - base) * LOG2E);
      peak = top;
      total = total * keep + w;
#pragma unroll
      for (int e = 0; e < 8; e++) sum[e] *= keep;
#pragma unroll
      for (int i = 0; i < PASSES; i++) {
        float v[8];
        // What the row may not see may be anything, and times zero still be NaN.
        if (!isSeen(first + offsetOf(i))) values[i] = {0, 0, 0, 0};
        take(values[i], at[i], 1, v);
        float share = __shfl_sync(FULL, w, lane / LANES * LANES + i);
#pragma unroll
        for (int e = 0; e < 8; e++) sum[e] = fmaf(share, v[e], sum[e]);
      }
      if (!more) break;
      fetch(p.values, p.valueStride, p.valueWidth, next, values);
#pragma unroll
      for (int i = 0; i < PASSES; i++) {
        keys[i] = ahead[i];
        at[i] = next[i];
        next[i] = later[i];
      }
    }
    bool nan = finish(sum, peak, warpSum(total) / SHARES, sink);
    if (splits > 1) {
      __syncthreads();
      if (threadIdx.x == 0) {
        // Behind the barrier one thread's fences stand for all of the block.
        __threadfence();
        isLast = atomicInc(all.arrived + blockIdx.y, (u32)splits - 1) == (u32)splits - 1;
        __threadfence();
      }
      __syncthreads();
      if (!isLast) return;
      nan = merge(sink);
    }
    if (__syncthreads_or(nan)) redo(shared);
  }
};
