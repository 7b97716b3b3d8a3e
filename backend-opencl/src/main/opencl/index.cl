// Which positions attention looks at: scores of all, the best of which sampling.cl's kernels find.
#include "attention.clh"

struct IndexParams {
  u64 q;           // [T, heads, width]
  u64 weights;     // F32 [T, heads]
  u64 keys;        // [slots, width]
  u64 cuSeqlensQ;
  u64 kvLens;
  u64 blockTable;
  u64 scores;      // F32 [rows, length]
  u64 best;        // [rows, k], indices into rows of scores
  u64 ids;         // [T, k]
  i64 first;       // the row of q that is the first here
  i64 rows;
  i64 length;      // of a row of scores; what no sequence has is never chosen
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

#define INDEX_ARGS                                                                             \
  const struct IndexParams p, global u8 *b_q, global u8 *b_weights, global u8 *b_keys,         \
      global u8 *b_cuSeqlensQ, global u8 *b_kvLens, global u8 *b_blockTable,                   \
      global u8 *b_scores, global u8 *b_best, global u8 *b_ids

#define POSITIONS 128

// Groups: positions, some at a time; rows. The queries of a row lie in local memory.
KERNEL index_scores(INDEX_ARGS, local u8* shared) {
  local float* q = (local float*)shared;   // heads, width
  local float* w = q + p.heads * p.width;  // heads
  i64 at = BLOCK_Y + BLOCK_Z * (i64)get_num_groups(1);
  // No return ahead of the barrier: a group without a row walks by.
  bool inside = at < p.rows;
  i64 row = p.first + at;
  global const int* cu = AT(const int, cuSeqlensQ);
  int s = inside ? sequenceOf(cu, p.sequences, row) : -1;
  // The position of a row, which sees those up to it.
  i64 last = s < 0 ? -1 : AT(const int, kvLens)[s] - cu[s + 1] + row;
  i64 begin = BLOCK_X * POSITIONS;
  if (begin <= last) {
    i64 from = row * p.heads * p.width;
    for (int i = TID; i < p.heads * p.width; i += GROUP) {
      q[i] = loadFloat(AT(const u8, q), from + i, p.qDtype);
    }
    for (int h = TID; h < p.heads; h += GROUP) w[h] = AT(const float, weights)[row * p.heads + h];
  }
  SYNC();
  i64 end = inside ? min(begin + POSITIONS, p.length) : 0;
  for (i64 position = begin + TID; position < end; position += GROUP) {
    float score = -infinity();
    if (position <= last) {
      i64 page = AT(const int, blockTable)[(i64)s * p.maxPages + position / p.page];
      i64 key = (page * p.page + position % p.page) * p.width;
      score = 0.0f;
      for (int h = 0; h < p.heads; h++) {
        float dot = 0.0f;
        for (int c = 0; c < p.width; c++) {
          dot = fma(q[h * p.width + c], loadFloat(AT(const u8, keys), key + c, p.keysDtype), dot);
        }
        score += w[h] * maxNan(p.scale * dot, 0.0f);
      }
    }
    AT(float, scores)[at * p.length + position] = score;
  }
}

// From the best scores of a row to positions: what it does not see comes last, and is -1.
KERNEL index_positions(INDEX_ARGS) {
  global const int* cu = AT(const int, cuSeqlensQ);
  EACH(i, p.rows * p.k) {
    i64 row = p.first + i / p.k;
    int s = sequenceOf(cu, p.sequences, row);
    i64 last = s < 0 ? -1 : AT(const int, kvLens)[s] - cu[s + 1] + row;
    int best = AT(const int, best)[i];
    AT(int, ids)[p.first * p.k + i] = best <= last ? best : -1;
  }
}
