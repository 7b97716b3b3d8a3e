// Which positions attention looks at: scores of all, the best of which sampling.comp's kernels find.
#include "lamina.glsl"
#include "attention.glsl"

PARAMS(IndexParams) {
  u64 q;        // [T, heads, width]
  u64 weights;  // [T, heads]
  u64 keys;     // [slots, width]
  u64 cuSeqlensQ;
  u64 kvLens;
  u64 blockTable;
  u64 scores;   // [rows, extent]
  u64 best;     // [rows, k], indices into rows of scores
  u64 ids;      // [T, k]
  i64 first;    // the row of q that is the first here
  i64 rows;
  i64 extent;   // of a row of scores; what no sequence has is never chosen
  int sequences;
  int maxPages;
  int page;
  int heads;
  int width;
  int k;
  float scale;
  int qDtype;
  int keysDtype;
};

// The position of a row, which sees those up to it; -1 if it is in no sequence.
i64 positionOf(IndexParams p, i64 row, int s) {
  return s < 0 ? -1L : i64(intAt(p.kvLens, s)) - intAt(p.cuSeqlensQ, s + 1) + row;
}

#ifdef KERNEL_index_scores
const int THREADS = 128, HEADS_AT_ONCE = 8;

shared float room[SHARED_WORDS];  // a row's queries [heads, width], then their weights

// Blocks: positions, one a thread; rows.
KERNEL(IndexParams, 128) {
  int w = p.heads * p.width;
  i64 at = i64(blockY) + i64(blockZ) * gl_NumWorkGroups.y;
  if (at >= p.rows) return;
  i64 row = p.first + at;
  int s = sequenceOf(p.cuSeqlensQ, p.sequences, row);
  i64 last = positionOf(p, row, s);
  i64 begin = i64(blockX) * THREADS;
  i64 position = begin + threadIdx;
  if (begin <= last) {
    i64 from = row * p.heads * p.width;
    for (int i = threadIdx; i < w; i += THREADS) room[i] = loadFloat(p.q, from + i, p.qDtype);
    for (int h = threadIdx; h < p.heads; h += THREADS) {
      room[w + h] = floatAt(p.weights, row * p.heads + h);
    }
  }
  barrier();
  float score = -INFINITY;
  if (position <= last) {
    i64 page = i64(intAt(p.blockTable, i64(s) * p.maxPages + position / p.page));
    i64 key = (page * p.page + position % p.page) * p.width;
    score = 0.0;
    for (int h0 = 0; h0 < p.heads; h0 += HEADS_AT_ONCE) {
      float sum[HEADS_AT_ONCE];
      [[unroll]] for (int h = 0; h < HEADS_AT_ONCE; h++) sum[h] = 0.0;
      for (int c = 0; c < p.width; c++) {
        float x = loadFloat(p.keys, key + c, p.keysDtype);
        [[unroll]] for (int h = 0; h < HEADS_AT_ONCE; h++) {
          if (h0 + h < p.heads) sum[h] = fma(room[(h0 + h) * p.width + c], x, sum[h]);
        }
      }
      [[unroll]] for (int h = 0; h < HEADS_AT_ONCE; h++) {
        if (h0 + h < p.heads) score += room[w + h0 + h] * maxNan(p.scale * sum[h], 0.0);
      }
    }
  }
  if (position < p.extent) floatAt(p.scores, at * p.extent + position) = score;
}
#endif

#ifdef KERNEL_index_positions
// From the best scores of a row to positions: what it does not see comes last, and is -1.
KERNEL(IndexParams, 256) {
  for (i64 i = globalThread; i < p.rows * p.k; i += globalThreads) {
    i64 row = p.first + i / p.k;
    i64 last = positionOf(p, row, sequenceOf(p.cuSeqlensQ, p.sequences, row));
    int best = intAt(p.best, i);
    intAt(p.ids, p.first * p.k + i) = best <= last ? best : -1;
  }
}
#endif
