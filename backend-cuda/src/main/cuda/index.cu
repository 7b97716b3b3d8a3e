// Which positions attention looks at: scores of all, the best of which sampling.cu's kernels find.
#include "attention.cuh"

struct IndexParams {
  const void* q;          // [T, heads, width]
  const float* weights;   // [T, heads]
  const void* keys;       // [slots, width]
  const int* cuSeqlensQ;
  const int* kvLens;
  const int* blockTable;
  float* scores;          // [rows, length]
  const int* best;        // [rows, k], indices into rows of scores
  int* ids;               // [T, k]
  i64 first;              // the row of q that is the first here
  i64 rows;
  i64 length;             // of a row of scores; what no sequence has is never chosen
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

#define INDEX_THREADS 128
#define HEADS_AT_ONCE 8

// The position of a row, which sees those up to it; -1 if it is in no sequence.
DEVICE i64 positionOf(const IndexParams& p, i64 row, int s) {
  return s < 0 ? -1 : p.kvLens[s] - p.cuSeqlensQ[s + 1] + row;
}

// Blocks: positions, one a thread; rows. The queries of a row lie in shared memory.
KERNEL(index_scores, IndexParams, INDEX_THREADS) {
  SHARED_BYTES(shared);
  float* q = (float*)shared;         // heads, width
  float* w = q + p.heads * p.width;  // heads
  i64 at = (i64)blockIdx.y + (i64)blockIdx.z * gridDim.y;
  if (at >= p.rows) return;
  i64 row = p.first + at;
  int s = sequenceOf(p.cuSeqlensQ, p.sequences, row);
  i64 last = positionOf(p, row, s);
  i64 begin = (i64)blockIdx.x * INDEX_THREADS;
  i64 position = begin + threadIdx.x;
  if (begin <= last) {
    i64 from = row * p.heads * p.width;
    for (int i = threadIdx.x; i < p.heads * p.width; i += INDEX_THREADS) {
      q[i] = loadFloat(p.q, from + i, p.qDtype);
    }
    for (int h = threadIdx.x; h < p.heads; h += INDEX_THREADS) w[h] = p.weights[row * p.heads + h];
  }
  __syncthreads();
  float score = -infinity();
  if (position <= last) {
    i64 page = p.blockTable[(i64)s * p.maxPages + position / p.page];
    i64 key = (page * p.page + position % p.page) * p.width;
    score = 0.0f;
    for (int h0 = 0; h0 < p.heads; h0 += HEADS_AT_ONCE) {
      float dot[HEADS_AT_ONCE];
#pragma unroll
      for (int h = 0; h < HEADS_AT_ONCE; h++) dot[h] = 0.0f;
      for (int c = 0; c < p.width; c++) {
        float x = loadFloat(p.keys, key + c, p.keysDtype);
#pragma unroll
        for (int h = 0; h < HEADS_AT_ONCE; h++) {
          if (h0 + h < p.heads) dot[h] = fmaf(q[(h0 + h) * p.width + c], x, dot[h]);
        }
      }
#pragma unroll
      for (int h = 0; h < HEADS_AT_ONCE; h++) {
        if (h0 + h < p.heads) score += w[h0 + h] * maxNan(p.scale * dot[h], 0.0f);
      }
    }
  }
  if (position < p.length) p.scores[at * p.length + position] = score;
}

// From the best scores of a row to positions: what it does not see comes last, and is -1.
KERNEL(index_positions, IndexParams, 256) {
  for (i64 i = globalThread(); i < p.rows * p.k; i += globalThreads()) {
    i64 row = p.first + i / p.k;
    i64 last = positionOf(p, row, sequenceOf(p.cuSeqlensQ, p.sequences, row));
    p.ids[p.first * p.k + i] = p.best[i] <= last ? p.best[i] : -1;
  }
}
