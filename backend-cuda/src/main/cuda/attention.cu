// What writes keys and values, attention by plain loops for all dtypes and widths, and the sum of
// what the blocks of a split wrote.
#include "attention_splits.cuh"

struct AppendParams {
  const void* k;
  const void* v;
  const int* slots;
  void* keys;
  void* values;
  i64 tokens;
  i64 limit;
  Fault* fault;
  int kWidth;
  int vWidth;
  int kDtype;
  int vDtype;
  int keysDtype;
  int valuesDtype;
};

KERNEL(kv_append, AppendParams, 256) {
  int width = p.kWidth + p.vWidth;
  for (i64 i = globalThread(); i < p.tokens * width; i += globalThreads()) {
    i64 t = i / width;
    int c = (int)(i % width);
    i64 slot = p.slots[t];
    if (slot < 0) continue;
    if (slot >= p.limit) {
      report(p.fault, INDEX_PAST_END, slot, p.limit);
      continue;
    }
    if (c < p.kWidth) {
      storeFloat(p.keys, slot * p.kWidth + c, p.keysDtype, loadFloat(p.k, t * p.kWidth + c, p.kDtype));
    } else {
      c -= p.kWidth;
      storeFloat(p.values, slot * p.vWidth + c, p.valuesDtype,
                 loadFloat(p.v, t * p.vWidth + c, p.vDtype));
    }
  }
}

// The same where both widths are multiples of 8 and everything begins at a multiple of 16 bytes.
KERNEL(kv_append_eight, AppendParams, 256) {
  int units = (p.kWidth + p.vWidth) / 8;
  for (i64 i = globalThread(); i < p.tokens * units; i += globalThreads()) {
    i64 t = i / units;
    int c = (int)(i % units) * 8;
    i64 slot = p.slots[t];
    if (slot < 0) continue;
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

// A block a row and head.
KERNEL(paged_attention_any, AttentionParams, ATTENTION_THREADS) {
  SHARED_BYTES(shared);
  i64 row = (i64)blockIdx.z * 65535 + blockIdx.y;
  if (row < p.tokens) attendRow(p, row, blockIdx.x, shared);
}

// A block a row and head: adds what the splits of a decode kernel wrote, each by its share of the
// softmax's sum.
KERNEL(paged_decode_merge, AttentionParams, ATTENTION_THREADS) {
  SHARED_BYTES(shared);
  i64 row = (i64)blockIdx.z * 65535 + blockIdx.y;
  int head = blockIdx.x;
  i64 partial = row;
  int s;
  if (p.mergedRows > 0) {
    s = (int)(row / p.mergedRows);
    if (s >= p.sequences) return;
    row = p.cuSeqlensQ[s] + row % p.mergedRows;
    if (row >= p.cuSeqlensQ[s + 1]) return;
  } else {
    if (row >= p.tokens) return;
    s = sequenceOf(p.cuSeqlensQ, p.sequences, row);
    if (s < 0) return;
  }
  int first = p.cuSeqlensQ[s];
  int last = p.cuSeqlensQ[s + 1];
  if (last - first > p.fewRows) return;
  int tile = first + ((int)row - first) / p.tileTokens * p.tileTokens;
  int splits = splitsOf(p, tilePositions(p, s, tile, last));
  if (splits < 2) return;
  i64 at = (partial * p.heads + head) * p.splits;
  float sink = p.sinks != nullptr ? loadFloat(p.sinks, head, p.sinksDtype) : -infinity();
  float share = shareOf(p, at, splits, sink);
  bool nan = false;
  for (int first = threadIdx.x / 32 * 32; first < p.valueWidth; first += ATTENTION_THREADS) {
    int c = first + threadIdx.x % 32;
    float x = mergedColumn(p, at, splits, share, c);
    nan |= isNan(x);
    if (c < p.valueWidth) storeFloat(p.out, (row * p.heads + head) * p.valueWidth + c, p.outDtype, x);
  }
  if (__syncthreads_or(nan)) attendRow(p, row, head, shared);
}
