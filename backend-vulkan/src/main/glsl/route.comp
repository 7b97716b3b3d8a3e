// Chooses the experts of each token, a workgroup of 32 threads a token.
#define REDUCE 32
#include "lamina.glsl"
#include "math.glsl"
#include "order.glsl"

#ifdef KERNEL_moe_route
const int MAX_EXPERTS = 1024, MAX_GROUPS = 64;
const int SIGMOID = 1, LARGEST = 0, TOP2_SUM = 1;

// Tokens that a launch counts by workgroup.
const int TOKENS = 4;

PARAMS(RouteParams) {
  u64 logits;   // [T, E]
  u64 bias;     // [E], or 0
  u64 ids;      // [T, k]
  u64 weights;  // [T, k]
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

shared float keys[MAX_EXPERTS];
shared float scores[MAX_EXPERTS];
shared float groupKeys[MAX_GROUPS];
shared u64 bests[32];

u64 largest(u64 key) {
  barrier();
  bests[threadIdx] = key;
  barrier();
  for (int d = 16; d > 0; d >>= 1) {
    if (threadIdx < d && bests[threadIdx + d] > bests[threadIdx]) bests[threadIdx] = bests[threadIdx + d];
    barrier();
  }
  return bests[0];
}

// The largest key of the experts that is below `last`, in every thread.
u64 nextExpert(int n, u64 last) {
  u64 best = 0UL;
  for (int i = threadIdx; i < n; i += WARP) {
    u64 key = keyOf(keys[i], u32(i));
    if (key < last && key > best) best = key;
  }
  return largest(best);
}

u64 nextGroup(int n, u64 last) {
  u64 best = 0UL;
  for (int i = threadIdx; i < n; i += WARP) {
    u64 key = keyOf(groupKeys[i], u32(i));
    if (key < last && key > best) best = key;
  }
  return largest(best);
}

// Scores of the logits, which are the keys.
void scoreExperts(RouteParams p) {
  if (p.score == SIGMOID) {
    for (int e = threadIdx; e < p.experts; e += WARP) scores[e] = 1.0 / (1.0 + expF(-keys[e]));
    return;
  }
  float most = -INFINITY;
  for (int e = threadIdx; e < p.experts; e += WARP) {
    if (keys[e] > most) most = keys[e];
  }
  most = warpMax(most);
  float sum = 0.0;
  for (int e = threadIdx; e < p.experts; e += WARP) {
    float part = expF(keys[e] - most);
    scores[e] = part;
    sum += part;
  }
  sum = warpSum(sum);
  for (int e = threadIdx; e < p.experts; e += WARP) scores[e] /= sum;
}

// Keys outside of the best groups become -infinity.
void keepGroups(RouteParams p) {
  int each = p.experts / p.groups;
  for (int g = threadIdx; g < p.groups; g += WARP) {
    float first = -INFINITY;
    float second = -INFINITY;
    for (int e = g * each; e < (g + 1) * each; e++) {
      float key = isNan(keys[e]) ? -INFINITY : keys[e];
      second = key > first ? first : max(second, key);
      first = max(first, key);
    }
    groupKeys[g] = p.groupScore == LARGEST ? first : first + second;
  }
  barrier();
  u64 worst = ~0UL;
  for (int j = 0; j < p.topkGroups; j++) worst = nextGroup(p.groups, worst);
  for (int e = threadIdx; e < p.experts; e += WARP) {
    u32 g = u32(e / each);
    if (keyOf(groupKeys[g], g) < worst) keys[e] = -INFINITY;
  }
  barrier();
}

void routeToken(RouteParams p, i64 token) {
  for (int e = threadIdx; e < p.experts; e += WARP) {
    keys[e] = loadFloat(p.logits, token * p.experts + e, p.logitDtype);
  }
  barrier();
  scoreExperts(p);
  barrier();
  bool byScore = p.bias != 0UL || (p.groups > 1 && p.groupScore == TOP2_SUM);
  for (int e = threadIdx; e < p.experts && byScore; e += WARP) {
    keys[e] = scores[e] + (p.bias == 0UL ? 0.0 : loadFloat(p.bias, i64(e), p.biasDtype));
  }
  barrier();
  if (p.topkGroups < p.groups) keepGroups(p);
  u64 last = ~0UL;
  float sum = 0.0;
  for (int j = 0; j < p.k; j++) {
    last = nextExpert(p.experts, last);
    int e = int(indexOf(last));
    sum += scores[e];
    if (threadIdx == 0) intAt(p.ids, token * p.k + j) = e;
  }
  float divisor = p.normalised != 0 ? sum + 1e-20 : 1.0;
  last = ~0UL;
  for (int j = 0; j < p.k; j++) {
    last = nextExpert(p.experts, last);
    if (threadIdx == 0) {
      floatAt(p.weights, token * p.k + j) = scores[indexOf(last)] / divisor * p.scale;
    }
  }
  barrier();
}

KERNEL(RouteParams, 32) {
  for (int i = 0; i < TOKENS; i++) {
    i64 token = i64(blockX) * TOKENS + i;
    if (token < p.tokens) routeToken(p, token);
  }
}
#endif
