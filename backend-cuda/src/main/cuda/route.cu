// Chooses the experts of each token, a warp a token.
#include "lamina.cuh"

#include "order.cuh"

#define ROUTE_WARPS 4
#define MAX_EXPERTS 1024
#define MAX_GROUPS 64

enum RouteScore { SOFTMAX, SIGMOID };
enum GroupScore { LARGEST, TOP2_SUM };

struct RouteParams {
  const void* logits;  // [T, E]
  const void* bias;    // [E], or null
  int* ids;            // [T, k]
  float* weights;      // [T, k]
  i64 tokens;
  int experts;
  int k;
  int score;
  int groups;
  int topkGroups;
  int groupScore;
  int normalised;
  float scale;
  int logitDtype;
  int biasDtype;
};

// The largest key of values[0] to values[n - 1] that is below `last`, in every lane.
DEVICE u64 nextBest(const float* values, int n, u64 last) {
  u64 best = 0;
  for (int i = threadIdx.x & 31; i < n; i += WARP) {
    u64 key = keyOf(values[i], (u32)i);
    if (key < last && key > best) best = key;
  }
  return warpMost(best);
}

// Scores of the logits.
DEVICE void scoreExperts(const RouteParams& p, const float* logits, float* scores) {
  int lane = threadIdx.x & 31;
  if (p.score == SIGMOID) {
    for (int e = lane; e < p.experts; e += WARP) scores[e] = 1.0f / (1.0f + expf(-logits[e]));
    return;
  }
  float most = -infinity();
  for (int e = lane; e < p.experts; e += WARP) most = fmaxf(most, logits[e]);
  most = warpMax(most);
  float sum = 0;
  for (int e = lane; e < p.experts; e += WARP) {
    float part = expf(logits[e] - most);
    scores[e] = part;
    sum += part;
  }
  sum = warpSum(sum);
  for (int e = lane; e < p.experts; e += WARP) scores[e] /= sum;
}

// Keys outside of the best groups become -infinity.
DEVICE void keepGroups(const RouteParams& p, float* keys, float* groups) {
  int lane = threadIdx.x & 31;
  int each = p.experts / p.groups;
  for (int g = lane; g < p.groups; g += WARP) {
    float first = -infinity();
    float second = -infinity();
    for (int e = g * each; e < (g + 1) * each; e++) {
      float key = isNan(keys[e]) ? -infinity() : keys[e];
      second = key > first ? first : fmaxf(second, key);
      first = fmaxf(first, key);
    }
    groups[g] = p.groupScore == LARGEST ? first : first + second;
  }
  __syncwarp();
  u64 worst = ~0ull;
  for (int j = 0; j < p.topkGroups; j++) worst = nextBest(groups, p.groups, worst);
  for (int e = lane; e < p.experts; e += WARP) {
    u32 g = (u32)(e / each);
    if (keyOf(groups[g], g) < worst) keys[e] = -infinity();
  }
  __syncwarp();
}

KERNEL(moe_route, RouteParams, ROUTE_WARPS * WARP) {
  __shared__ float keyRoom[ROUTE_WARPS][MAX_EXPERTS];
  __shared__ float scoreRoom[ROUTE_WARPS][MAX_EXPERTS];
  __shared__ float groupRoom[ROUTE_WARPS][MAX_GROUPS];
  int warp = threadIdx.x >> 5;
  int lane = threadIdx.x & 31;
  i64 token = (i64)blockIdx.x * ROUTE_WARPS + warp;
  if (token >= p.tokens) return;
  float* keys = keyRoom[warp];
  float* scores = scoreRoom[warp];
  for (int e = lane; e < p.experts; e += WARP) {
    keys[e] = loadFloat(p.logits, token * p.experts + e, p.logitDtype);
  }
  __syncwarp();
  scoreExperts(p, keys, scores);
  __syncwarp();
  bool byScore = p.bias != nullptr || (p.groups > 1 && p.groupScore == TOP2_SUM);
  for (int e = lane; e < p.experts && byScore; e += WARP) {
    keys[e] = scores[e] + (p.bias == nullptr ? 0.0f : loadFloat(p.bias, e, p.biasDtype));
  }
  __syncwarp();
  if (p.topkGroups < p.groups) keepGroups(p, keys, groupRoom[warp]);
  u64 last = ~0ull;
  float sum = 0;
  for (int j = 0; j < p.k; j++) {
    last = nextBest(keys, p.experts, last);
    int e = (int)indexOf(last);
    sum += scores[e];
    if (lane == 0) p.ids[token * p.k + j] = e;
  }
  float divisor = p.normalised ? sum + 1e-20f : 1.0f;
  last = ~0ull;
  for (int j = 0; j < p.k; j++) {
    last = nextBest(keys, p.experts, last);
    if (lane == 0) p.weights[token * p.k + j] = scores[indexOf(last)] / divisor * p.scale;
  }
}
