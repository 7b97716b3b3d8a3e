// Splits of the positions that a tile of rows sees, in plain C++: which there are, and the sum of what
// they wrote. Running softmax: arXiv:2112.05682; splits over positions: Flash-Decoding (2023).
#pragma once
#include "attention.cuh"

// Positions that a split takes in one go.
#define SPLIT_POSITIONS 256

// Positions that any of the rows of a tile may see.
DEVICE Positions tilePositions(const AttentionParams& p, int s, int first, int last) {
  if (last > first + p.tileTokens) last = first + p.tileTokens;
  i64 length = p.kvLens[s];
  i64 shift = length - p.cuSeqlensQ[s + 1];
  Positions low = allowedOf(p, first + shift, length);
  Positions high = allowedOf(p, last - 1 + shift, length);
  return {low.start, high.end};
}

// Splits of those that have something to do.
DEVICE int splitsOf(const AttentionParams& p, Positions positions) {
  i64 parts = (positions.end - positions.start + SPLIT_POSITIONS - 1) / SPLIT_POSITIONS;
  return parts < 1 ? 1 : parts < p.splits ? (int)parts : p.splits;
}

// Where a row lies in partials, and how many those have.
DEVICE i64 partialRow(const AttentionParams& p, int s, i64 row) {
  return p.mergedRows > 0 ? (i64)s * p.mergedRows + row - p.cuSeqlensQ[s] : row;
}
DEVICE i64 partialRows(const AttentionParams& p) {
  return p.mergedRows > 0 ? (i64)p.sequences * p.mergedRows : p.tokens;
}

// Peak and sum of weights of what a split wrote at `at`, which counts rows, heads and splits.
DEVICE float* partialShare(const AttentionParams& p, i64 at) {
  return p.partials + partialRows(p) * p.heads * p.splits * p.valueWidth + 2 * at;
}

// The share of a sum that belongs to a peak.
DEVICE float weightOf(float peak, float newPeak) {
  return peak == -infinity() ? 0.0f : expf(peak - newPeak);
}

// What the splits of a row and head add up to, by a warp: a lane has the share of one split in the
// sum of all weights, so there are 32 splits at most. `sink` is -infinity where there is none.
DEVICE float shareOf(const AttentionParams& p, i64 at, int splits, float sink) {
  int lane = threadIdx.x % 32;
  const float* of = partialShare(p, at + lane);
  float peak = lane < splits ? of[0] : -infinity();
  float sum = lane < splits ? of[1] : 0.0f;
  float top = fmaxf(warpMax(peak), sink);
  float weight = weightOf(peak, top);
  float total = warpSum(weight * sum) + weightOf(sink, top);
  return total == 0.0f ? 0.0f : weight / total;
}

// Column c of it, 0 where the row has none.
DEVICE float mergedColumn(const AttentionParams& p, i64 at, int splits, float share, int c) {
  float sum = 0.0f;
#pragma unroll 8
  for (int z = 0; z < splits; z++) {
    float x = c < p.valueWidth ? p.partials[(at + z) * p.valueWidth + c] : 0.0f;
    sum = fmaf(__shfl_sync(FULL, share, z), x, sum);
  }
  return sum;
}
