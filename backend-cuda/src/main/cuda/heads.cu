// What is done to the heads of a layer before it attends, for any number of tokens.
#include "heads.cuh"

// A warp a head of a token. Angles, which hang on inputs of the graph alone, are made while the
// kernel ahead still runs.
EAGER_KERNEL(turn_and_append, HeadParams, 128, 1) {
  int lane = threadIdx.x & 31;
  i64 i = (i64)blockIdx.x * 4 + (threadIdx.x >> 5);
  int heads = p.qHeads + p.kHeads + p.vHeads;
  i64 token = i / heads;
  int head = (int)(i % heads);
  bool turns = token < p.tokens && head < p.qHeads + p.kHeads;
  Angles<MAX_HEAD_WIDTH> by;
#pragma unroll
  for (int j = 0; j < by.PAIRS; j++) {
    int pair = lane + j * WARP;
    by.c[j] = 1;
    by.s[j] = 0;
    if (turns && pair < p.turning.rotary / 2) {
      angleOf(p.turning, p.positions, p.freqs, p.tokens, token, pair, &by.c[j], &by.s[j]);
    }
  }
  waitForPrevious();
  if (token >= p.tokens) return;
  turnHead(p, token, head, lane, by);
}

#define TOKEN_THREADS 256

// The same by a block a token, which makes its angles once for all heads.
EAGER_KERNEL(turn_and_append_token, HeadParams, TOKEN_THREADS, 1) {
  __shared__ float cosine[MAX_HEAD_WIDTH / 2];
  __shared__ float sine[MAX_HEAD_WIDTH / 2];
  int lane = threadIdx.x & 31;
  i64 token = blockIdx.x;
  int pairs = p.turning.rotary / 2;
  for (int i = threadIdx.x; i < pairs; i += TOKEN_THREADS) {
    angleOf(p.turning, p.positions, p.freqs, p.tokens, token, i, &cosine[i], &sine[i]);
  }
  __syncthreads();
  waitForPrevious();
  Angles<MAX_HEAD_WIDTH> by;
  takeAngles(cosine, sine, pairs, lane, by);
  int heads = p.qHeads + p.kHeads + p.vHeads;
  for (int head = threadIdx.x >> 5; head < heads; head += TOKEN_THREADS / WARP) {
    turnHead(p, token, head, lane, by);
  }
}
