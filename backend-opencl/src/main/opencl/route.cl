// Chooses the experts of each token, a group a token after the other.
#include "lamina.clh"
#include "order.clh"

#define TOKENS 4
#define MAX_EXPERTS 1024
#define MAX_GROUPS 64

enum RouteScore { SOFTMAX, SIGMOID };
enum GroupScore { LARGEST, TOP2_SUM };

struct RouteParams {
  u64 logits;   // [T, E]
  u64 bias;     // [E], or null
  u64 ids;      // I32 [T, k]
  u64 weights;  // F32 [T, k]
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

// The largest key of values[0] to values[n - 1] that is below `last`.
u64 nextBest(local const float* values, int n, u64 last, local u64* room) {
  u64 best = 0;
  for (int i = TID; i < n; i += GROUP) {
    u64 key = keyOf(values[i], (u32)i);
    if (key < last && key > best) best = key;
  }
  return groupMost(best, room);
}

// Scores of the logits.
void scoreExperts(
    const struct RouteParams* p, local const float* logits, local float* scores,
    local float* room) {
  // Both kinds take the folds, since PoCL loses a barrier that a branch goes around.
  bool softmax = p->score == SOFTMAX;
  float most = -infinity();
  for (int e = TID; e < p->experts; e += GROUP) most = fmax(most, logits[e]);
  most = groupMax(most, room);
  float sum = 0;
  for (int e = TID; e < p->experts; e += GROUP) {
    float part = softmax ? exp(logits[e] - most) : 1.0f / (1.0f + exp(-logits[e]));
    scores[e] = part;
    sum += part;
  }
  sum = groupSum(sum, room);
  for (int e = TID; e < p->experts && softmax; e += GROUP) scores[e] /= sum;
}

// Keys outside of the best groups become -infinity.
void keepGroups(const struct RouteParams* p, local float* keys, local float* groups, local u64* room) {
  int each = p->experts / p->groups;
  for (int g = TID; g < p->groups; g += GROUP) {
    float first = -infinity();
    float second = -infinity();
    for (int e = g * each; e < (g + 1) * each; e++) {
      float key = isNan(keys[e]) ? -infinity() : keys[e];
      second = key > first ? first : fmax(second, key);
      first = fmax(first, key);
    }
    groups[g] = p->groupScore == LARGEST ? first : first + second;
  }
  SYNC();
  u64 worst = ~0ul;
  for (int j = 0; j < p->topkGroups; j++) worst = nextBest(groups, p->groups, worst, room);
  for (int e = TID; e < p->experts; e += GROUP) {
    u32 g = (u32)(e / each);
    if (keyOf(groups[g], g) < worst) keys[e] = -infinity();
  }
  SYNC();
}

KERNEL moe_route(
    const struct RouteParams p, global u8* b_logits, global u8* b_bias, global u8* b_ids,
    global u8* b_weights) {
  local float keys[MAX_EXPERTS];
  local float scores[MAX_EXPERTS];
  local float groups[MAX_GROUPS];
  local float floats[GROUP];
  local u64 room[GROUP];
  for (i64 token = BLOCK_X * TOKENS; token < min(BLOCK_X * TOKENS + TOKENS, p.tokens); token++) {
    SYNC();
    for (int e = TID; e < p.experts; e += GROUP) {
      keys[e] = loadFloat(AT(const u8, logits), token * p.experts + e, p.logitDtype);
    }
    SYNC();
    scoreExperts(&p, keys, scores, floats);
    SYNC();
    bool byScore = b_bias != 0 || (p.groups > 1 && p.groupScore == TOP2_SUM);
    for (int e = TID; e < p.experts && byScore; e += GROUP) {
      keys[e] = scores[e] + (b_bias == 0 ? 0.0f : loadFloat(AT(const u8, bias), e, p.biasDtype));
    }
    SYNC();
    if (p.topkGroups < p.groups) keepGroups(&p, keys, groups, room);
    u64 last = ~0ul;
    float sum = 0;
    for (int j = 0; j < p.k; j++) {
      last = nextBest(keys, p.experts, last, room);
      int e = (int)indexOf(last);
      sum += scores[e];
      if (TID == 0) AT(int, ids)[token * p.k + j] = e;
    }
    float divisor = p.normalised ? sum + 1e-20f : 1.0f;
    last = ~0ul;
    for (int j = 0; j < p.k; j++) {
      last = nextBest(keys, p.experts, last, room);
      if (TID == 0) AT(float, weights)[token * p.k + j] = scores[indexOf(last)] / divisor * p.scale;
    }
  }
}
