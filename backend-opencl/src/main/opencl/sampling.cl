// From logits to tokens: penalties, masks, draws, log-probabilities, and the k largest of rows.
#include "lamina.clh"
#include "order.clh"

struct PenaltyParams {
  u64 logits;
  u64 history;
  u64 numPrompt;
  u64 presence;
  u64 frequency;
  u64 repetition;
  u64 out;
  int vocab;
  int length;
};

#define PENALTY_CHUNK 4096

// A group counts a row's history for the tokens of one chunk, and writes their logits.
// Grid: rows, chunks.
KERNEL penalties(
    const struct PenaltyParams p, global u8* b_logits, global u8* b_history,
    global u8* b_numPrompt, global u8* b_presence, global u8* b_frequency,
    global u8* b_repetition, global u8* b_out) {
  // Bit 0 marks a token of the prompt, the bits above count the output.
  local u32 seen[PENALTY_CHUNK];
  i64 row = BLOCK_X;
  int first = (int)BLOCK_Y * PENALTY_CHUNK;
  int n = min(PENALTY_CHUNK, p.vocab - first);
  for (int i = TID; i < n; i += GROUP) seen[i] = 0;
  SYNC();
  int prompt = AT(const int, numPrompt)[row];
  for (int i = TID; i < p.length; i += GROUP) {
    int v = AT(const int, history)[row * p.length + i];
    if (v >= first && v < first + n) {
      if (i < prompt) {
        ATOMIC_OR(&seen[v - first], 1u);
      } else {
        ATOMIC_ADD(&seen[v - first], 2u);
      }
    }
  }
  SYNC();
  float presence = AT(const float, presence)[row];
  float frequency = AT(const float, frequency)[row];
  float repetition = AT(const float, repetition)[row];
  i64 at = row * p.vocab + first;
  for (int i = TID; i < n; i += GROUP) {
    float x = AT(const float, logits)[at + i];
    if (seen[i] != 0) {
      u32 count = seen[i] >> 1;
      x = x > 0 ? x / repetition : x * repetition;
      x -= frequency * (float)count + (count > 0 ? presence : 0.0f);
    }
    AT(float, out)[at + i] = x;
  }
}

struct BitmaskParams {
  u64 logits;
  u64 mask;
  u64 out;
  int vocab;
};

#define MASK_CHUNK 2048

// Grid: rows, chunks.
KERNEL apply_bitmask(
    const struct BitmaskParams p, global u8* b_logits, global u8* b_mask, global u8* b_out) {
  i64 row = BLOCK_X;
  int words = (p.vocab + 31) / 32;
  int first = (int)BLOCK_Y * MASK_CHUNK;
  int end = min(first + MASK_CHUNK, p.vocab);
  for (int v = first + TID; v < end; v += GROUP) {
    bool shown = (AT(const u32, mask)[row * words + v / 32] >> (v & 31) & 1) != 0;
    AT(u32, out)[row * p.vocab + v] = shown ? AT(const u32, logits)[row * p.vocab + v] : 0xFF800000u;
  }
}

// ---- Draws.
//
// All of a row by one group, since OpenCL 1.2 has no order of memory between groups. It finds the
// largest logit, counts the tokens and adds up their probabilities by how far they are below it, finds
// the bins that the cuts of top-k and top-p go through, adds noise to what is surely kept, lists what
// lies in those bins, and decides about the list. Probabilities are added as integers, so the order of
// the additions, which is free, changes nothing.

#define BINS 1024
#define LISTED 2048
#define CHUNK 8192

// Bins a unit of z; the last bin takes all that is further down, where a probability counts as 0.
#define BINS_A_UNIT 38.0f

// exp(0) as an integer: 2^37. The sums of the 19 low and of the 18 high bits over a chunk fit 32 bits.
#define ONE 137438953472.0f
#define LOW_BITS 19

// The noise lies between -2.9 and 16.7: what is further below the largest z is never drawn.
#define REACH 20.0f

// A row's scratch memory, of which only the list is used: the rest is of kernels with many groups a
// row.
struct SampleState {
  u64 unused[BINS + BINS / 2 + 4];
  u64 list[LISTED];
};

struct SampleParams {
  u64 logits;
  u64 temperature;
  u64 topK;
  u64 topP;
  u64 minP;
  u64 seed;
  u64 position;
  u64 ids;
  u64 states;     // [R]
  u64 chunkMost;  // unused here
  int vocab;
  int chunks;
  int chunk;
};

#define SAMPLE_ARGS                                                                           \
  const struct SampleParams p, global u8 *b_logits, global u8 *b_temperature,                 \
      global u8 *b_topK, global u8 *b_topP, global u8 *b_minP, global u8 *b_seed,             \
      global u8 *b_position, global u8 *b_ids, global u8 *b_states, global u8 *b_chunkMost

// How a row is drawn.
struct Draw {
  global const float* logits;
  int vocab;
  u64 top;  // key of the largest logit
  float temperature;
  float most;  // the largest z
  float minP;
  float topP;
  u32 topK;
  bool cutsK;
  bool cutsP;
  u64 seed;
  u64 position;
};

float zOf(const struct Draw* d, float logit) {
  return isNan(logit) ? -infinity() : logit / d->temperature;
}
// How far z is below the largest.
float belowOf(const struct Draw* d, float z) { return z == d->most ? 0.0f : d->most - z; }
// exp(z - most), which is its probability in parts of the largest one.
float partOfLargest(float below) { return below == 0 ? 1.0f : exp(-below); }
bool isLikely(const struct Draw* d, float below) {
  return below == 0 || !(d->minP > 0) || exp(-below) >= d->minP;
}

int binOf(float below) {
  float bin = below * BINS_A_UNIT;
  return bin < BINS - 1 ? (int)bin : BINS - 1;
}

u64 massOf(float below) {
  return binOf(below) == BINS - 1 ? 0 : (u64)(partOfLargest(below) * ONE);
}

// Whether a running sum is so large a part of the whole that what follows is cut off: not
// sum / total < topP, in integers, since doubles are optional.
bool reaches(u64 sum, u64 total, float topP) {
  if (total == 0 || !(topP > 0)) return true;
  // topP is below 1: mantissa / 2^shift.
  u32 bits = as_uint(topP);
  int exponent = (int)(bits >> 23);
  u64 mantissa = exponent == 0 ? bits : (bits & 0x7FFFFF) | 0x800000;
  int shift = 150 - (exponent == 0 ? 1 : exponent);
  // sum * 2^shift < mantissa * total, as two words each.
  u64 high = mul_hi(mantissa, total);
  u64 low = mantissa * total;
  u64 sumHigh = shift >= 64 ? (shift - 64 < 64 ? sum << (shift - 64) : 0) : sum >> (64 - shift);
  u64 sumLow = shift >= 64 ? 0 : sum << shift;
  bool overflows = sum != 0 && (shift >= 128 || (shift > 64 && sum >> (128 - shift) != 0));
  return overflows || sumHigh > high || (sumHigh == high && sumLow >= low);
}

// Philox-4x32-10 (Salmon et al., SC 2011): words 4i to 4i + 3 of a row's noise.
uint4 philox(u64 seed, u64 position, u32 i) {
  u32 c0 = (u32)position;
  u32 c1 = (u32)(position >> 32);
  u32 c2 = i;
  u32 c3 = 0;
  u32 k0 = (u32)seed;
  u32 k1 = (u32)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    u32 h0 = mul_hi(c0, 0xD2511F53u);
    u32 l0 = c0 * 0xD2511F53u;
    u32 h1 = mul_hi(c2, 0xCD9E8D57u);
    u32 l1 = c2 * 0xCD9E8D57u;
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return (uint4)(c0, c1, c2, c3);
}

// Noise of one token.
float gumbel(const struct Draw* d, u32 v) {
  uint4 w = philox(d->seed, d->position, v / 4);
  u32 j = v % 4;
  u32 word = j == 0 ? w.x : j == 1 ? w.y : j == 2 ? w.z : w.w;
  float u = ((float)(word >> 9) + 0.5f) * 1.1920928955078125e-7f;
  return -log(-log(u));
}

u64 noisyKey(const struct Draw* d, float z, u32 v) { return keyOf(z + gumbel(d, v), v); }

// Where the cuts go: bins before `first` are kept, from it to `last` undecided; top-k cuts in kBin,
// which is BINS for nowhere.
struct Cuts {
  int first;
  int last;
  int kBin;
};

// Counts tokens and probabilities by bins, as running sums.
void fillBins(
    const struct Draw* d, volatile local u32* count, local u64* mass, volatile local u32* parts,
    local u32* counts, local u64* masses) {
  volatile local u32* low = parts;
  volatile local u32* high = parts + BINS;
  for (int b = TID; b < BINS; b += GROUP) {
    count[b] = 0;
    mass[b] = 0;
  }
  for (int from = 0; from < d->vocab; from += CHUNK) {
    for (int b = TID; b < 2 * BINS; b += GROUP) parts[b] = 0;
    SYNC();
    for (int v = from + TID; v < min(from + CHUNK, d->vocab); v += GROUP) {
      float below = belowOf(d, zOf(d, d->logits[v]));
      if (!isLikely(d, below)) continue;
      int b = binOf(below);
      u64 m = massOf(below);
      ATOMIC_ADD(&count[b], 1u);
      if (m != 0) {
        ATOMIC_ADD(&low[b], (u32)m & ((1u << LOW_BITS) - 1));
        ATOMIC_ADD(&high[b], (u32)(m >> LOW_BITS));
      }
    }
    SYNC();
    for (int b = TID; b < BINS; b += GROUP) mass[b] += ((u64)high[b] << LOW_BITS) + low[b];
    SYNC();
  }
  // Neighbouring bins are one work-item's.
  int own = BINS / GROUP * TID;
  for (int b = own + 1; b < own + BINS / GROUP; b++) {
    count[b] += count[b - 1];
    mass[b] += mass[b - 1];
  }
  u32 allCount = count[own + BINS / GROUP - 1];
  u64 allMass = mass[own + BINS / GROUP - 1];
  u32 beforeCount = groupRunningCount(allCount, counts) - allCount;
  u64 beforeMass = groupRunningMass(allMass, masses) - allMass;
  for (int b = own; b < own + BINS / GROUP; b++) {
    count[b] += beforeCount;
    mass[b] += beforeMass;
  }
  SYNC();
}

struct Cuts findCuts(
    const struct Draw* d, volatile local u32* count, local const u64* mass,
    volatile local int* found) {
  if (TID == 0) found[0] = found[1] = found[2] = BINS;
  SYNC();
  for (int b = TID; b < BINS && d->cutsK; b += GROUP) {
    if (count[b] >= d->topK) ATOMIC_MIN(&found[0], b);
  }
  SYNC();
  // Where probabilities count as 0 it does not matter which are kept.
  struct Cuts cuts;
  cuts.kBin = found[0] >= BINS - 1 ? BINS : found[0];
  u64 all = mass[BINS - 1];
  u64 least = cuts.kBin == BINS ? all : cuts.kBin == 0 ? 0 : mass[cuts.kBin - 1];
  u64 most = cuts.kBin == BINS ? all : mass[cuts.kBin];
  for (int b = TID; b < BINS && d->cutsP; b += GROUP) {
    if (reaches(mass[b], least, d->topP)) ATOMIC_MIN(&found[1], b);
    if (reaches(mass[b], most, d->topP)) ATOMIC_MIN(&found[2], b);
  }
  SYNC();
  cuts.first = min(cuts.kBin, found[1]);
  cuts.last = min(cuts.kBin, found[2]);
  return cuts;
}

// Decides about the listed tokens: the largest noisy key of those that are kept.
u64 bestListed(
    const struct Draw* d, const struct Cuts* cuts, global const u64* list, int n,
    volatile local u32* count, local const u64* mass, local u64* masses, local u64* room) {
  for (int i = TID; i < n; i += GROUP) {
    masses[i] = massOf(belowOf(d, valueOf((u32)(list[i] >> 32))));
  }
  SYNC();
  u64 kept = 0;
  u64 best = 0;
  // First what top-k keeps of its bin, then whom both cuts keep.
  u64 total = cuts->kBin == BINS ? mass[BINS - 1] : 0;
  for (int pass = cuts->kBin == BINS ? 1 : 0; pass < 2; pass++) {
    for (int i = TID; i < n; i += GROUP) {
      u64 key = list[i];
      float z = valueOf((u32)(key >> 32));
      int b = binOf(belowOf(d, z));
      u32 rank = b == 0 ? 0 : count[b - 1];
      u64 ahead = b == 0 ? 0 : mass[b - 1];
      for (int o = 0; o < n; o++) {
        if (list[o] > key && binOf(belowOf(d, valueOf((u32)(list[o] >> 32)))) == b) {
          rank++;
          ahead += masses[o];
        }
      }
      if (pass == 0) {
        if (b == cuts->kBin && rank < d->topK) kept += masses[i];
        continue;
      }
      bool in = !d->cutsK || rank < d->topK;
      in = in && (!d->cutsP || rank == 0 || !reaches(ahead, total, d->topP));
      if (in && belowOf(d, z) <= REACH) best = max(best, noisyKey(d, z, indexOf(key)));
    }
    if (pass == 0) {
      total = groupTotal(kept, room) + (cuts->kBin == 0 ? 0 : mass[cuts->kBin - 1]);
    }
  }
  return best;
}

// How many likely tokens have at least this key, or the sum of their probabilities.
u64 countFrom(const struct Draw* d, u64 least, bool mass, local u64* room) {
  u64 sum = 0;
  for (int v = TID; v < d->vocab; v += GROUP) {
    float z = zOf(d, d->logits[v]);
    float below = belowOf(d, z);
    if (keyOf(z, v) >= least && isLikely(d, below)) sum += mass ? massOf(below) : 1;
  }
  return groupTotal(sum, room);
}

// The same for more undecided tokens than the list holds, as of equal logits: the cuts are found
// bit by bit, each bit with a pass over the row.
u64 bestSearched(const struct Draw* d, local u64* room) {
  u64 least = 0;
  for (u64 bit = 1ul << 63; d->cutsK && bit != 0; bit >>= 1) {
    if (countFrom(d, least | bit, false, room) >= d->topK) least |= bit;
  }
  u64 total = countFrom(d, least, true, room);
  u64 cut = 0;
  for (u64 bit = 1ul << 63; d->cutsP && bit != 0; bit >>= 1) {
    u64 next = cut | bit;
    u64 sum = countFrom(d, next > least ? next : least, true, room);
    if (reaches(sum, total, d->topP)) cut = next;
  }
  least = max(least, cut);
  least = min(least, keyOf(d->most, indexOf(d->top)));
  u64 best = 0;
  for (int v = TID; v < d->vocab; v += GROUP) {
    float z = zOf(d, d->logits[v]);
    float below = belowOf(d, z);
    if (keyOf(z, v) >= least && isLikely(d, below) && below <= REACH) {
      best = max(best, noisyKey(d, z, v));
    }
  }
  return best;
}

// The two launches that others need before sample_draw.
KERNEL sample_max(SAMPLE_ARGS) {}
KERNEL sample_bins(SAMPLE_ARGS) {}

KERNEL sample_draw(SAMPLE_ARGS) {
  local u32 count[BINS];
  local u64 mass[BINS];
  local u64 masses[LISTED];  // of the list; before that, low and high parts of bins
  local u64 room[GROUP];
  local u32 counts[GROUP];
  local int found[3];
  local u32 listed;
  if (BLOCK_Y != 0) return;
  i64 row = BLOCK_X;
  struct Draw d;
  d.logits = AT(const float, logits) + row * p.vocab;
  d.vocab = p.vocab;
  u64 top = 0;
  for (int v = TID; v < p.vocab; v += GROUP) top = max(top, keyOf(d.logits[v], v));
  d.top = groupMost(top, room);
  d.temperature = AT(const float, temperature)[row];
  float logit = valueOf((u32)(d.top >> 32));
  if (!(d.temperature > 0) || logit == -infinity()) {
    if (TID == 0) AT(int, ids)[row] = (int)indexOf(d.top);
    return;
  }
  d.most = logit / d.temperature;
  d.minP = AT(const float, minP)[row];
  d.topP = AT(const float, topP)[row];
  int k = AT(const int, topK)[row];
  d.topK = (u32)k;
  d.cutsK = k > 0 && k < p.vocab;
  d.cutsP = d.topP < 1;
  d.seed = AT(const u64, seed)[row];
  d.position = AT(const u64, position)[row];
  global u64* list = AT(struct SampleState, states)[row].list;
  struct Cuts cuts = {BINS, BINS, BINS};
  if (TID == 0) listed = 0;
  SYNC();
  if (d.cutsK || d.cutsP) {
    fillBins(&d, count, mass, (local u32*)masses, counts, room);
    cuts = findCuts(&d, count, mass, found);
  }
  // Top-p is a part of what top-k keeps, so that cut must be known even where nothing is drawn.
  int counted = d.cutsP ? cuts.kBin : BINS;
  u64 best = 0;
  for (int v = TID; v < p.vocab; v += GROUP) {
    float z = zOf(&d, d.logits[v]);
    float below = belowOf(&d, z);
    int b = binOf(below);
    if (!(b <= cuts.last || b == counted) || !isLikely(&d, below)) continue;
    if (b >= cuts.first) {
#if GROUP == 1
      u32 at = listed++;
#else
      u32 at = atomic_inc(&listed);
#endif
      if (at < LISTED) list[at] = keyOf(z, v);
    } else if (below <= REACH) {
      best = max(best, noisyKey(&d, z, v));
    }
  }
  SYNC();
  u32 n = listed;
  if (n > LISTED) {
    best = max(best, bestSearched(&d, room));
  } else if (n > 0) {
    best = max(best, bestListed(&d, &cuts, list, (int)n, count, mass, masses, room));
  }
  best = groupMost(best, room);
  if (TID == 0) AT(int, ids)[row] = (int)indexOf(best);
}

// ---- Log-probabilities and the k largest, a group a row.

#define TOP_BINS 2048
#define TOP_LISTED 2048

// Sorts the first n keys of a list, a power of two, in descending order.
#define SORT_KEYS(name, SPACE)                                  \
  void name(SPACE u64* list, i64 n) {                           \
    for (i64 run = 2; run <= n; run *= 2) {                     \
      for (i64 d = run / 2; d > 0; d /= 2) {                    \
        SYNC();                                                 \
        for (i64 i = TID; i < n / 2; i += GROUP) {              \
          i64 a = 2 * i - (i & (d - 1));                        \
          u64 x = list[a];                                      \
          u64 y = list[a + d];                                  \
          if ((x < y) == ((a & run) == 0)) {                    \
            list[a] = y;                                        \
            list[a + d] = x;                                    \
          }                                                     \
        }                                                       \
      }                                                         \
    }                                                           \
    SYNC();                                                     \
  }
SORT_KEYS(sortLocal, local)
SORT_KEYS(sortGlobal, global)

// Local memory of topKeys.
struct TopRoom {
  u64 list[TOP_LISTED];
  u32 bins[TOP_BINS];
  u32 items[GROUP];
  u32 listed;
  u32 bin;
  u32 before;
  u32 inBin;
};

// Leaves the k largest keys of elements first to first + n - 1 in room.list, in descending order; k
// is at most n and at most TOP_LISTED / 2. By digits of the order: count, find the digit of the k-th,
// go on within it, until what is left fits the list.
void topKeys(global const u8* x, i64 first, int dtype, i64 n, u32 k, volatile local struct TopRoom* room) {
  local u32* items = (local u32*)room->items;
  u32 need = k;     // of those that begin with `prefix`
  u32 prefix = 0;   // digits that are known
  int shift = 32;   // bits below them
  bool fits = n <= TOP_LISTED;
  u32 least = 0;    // keys of at least this order are collected
  while (!fits && shift > 0) {
    int bits = shift > 11 ? 11 : shift;
    int below = shift - bits;
    for (int b = TID; b < TOP_BINS; b += GROUP) room->bins[b] = 0;
    SYNC();
    for (i64 i = TID; i < n; i += GROUP) {
      u32 order = orderOf(loadFloat(x, first + i, dtype));
      if ((u32)((u64)order >> shift) == prefix) {
        ATOMIC_ADD(&room->bins[order >> below & ((1u << bits) - 1)], 1u);
      }
    }
    SYNC();
    // From the highest bin down, neighbours a work-item.
    const int own = TOP_BINS / GROUP;
    int high = TOP_BINS - 1 - own * TID;
    u32 all = 0;
    for (int b = high; b > high - own; b--) all += room->bins[b];
    u32 ahead = groupRunningCount(all, items) - all;
    if (ahead < need && ahead + all >= need) {
      int b = high;
      for (; ahead + room->bins[b] < need; b--) ahead += room->bins[b];
      room->bin = (u32)b;
      room->before = ahead;
      room->inBin = room->bins[b];
    }
    SYNC();
    prefix = prefix << bits | room->bin;
    need -= room->before;
    shift = below;
    least = prefix << shift;
    fits = (k - need) + room->inBin <= TOP_LISTED;
    SYNC();
  }
  for (int i = TID; i < TOP_LISTED; i += GROUP) room->list[i] = 0;
  if (TID == 0) room->listed = 0;
  SYNC();
  for (i64 i = TID; i < n; i += GROUP) {
    float value = loadFloat(x, first + i, dtype);
    u32 order = orderOf(value);
    if (fits ? order >= least : order > least) {
#if GROUP == 1
      room->list[room->listed++] = keyOf(value, (u32)i);
#else
      room->list[atomic_inc(&room->listed)] = keyOf(value, (u32)i);
#endif
    }
  }
  SYNC();
  // More ties than the list holds: the first ones by index.
  for (i64 from = 0; !fits && need > 0 && from < n; from += GROUP) {
    i64 i = from + TID;
    bool tie = i < n && orderOf(loadFloat(x, first + i, dtype)) == least;
    u32 upTo = groupRunningCount(tie ? 1u : 0u, items);
    if (tie && upTo <= need) {
      room->list[k - need + upTo - 1] = keyOf(loadFloat(x, first + i, dtype), (u32)i);
    }
    if (TID == GROUP - 1) room->before = upTo < need ? upTo : need;
    SYNC();
    need -= room->before;
    SYNC();
  }
  u32 filled = fits ? room->listed : k;
  int size = 2;
  while (size < (int)filled) size *= 2;
  sortLocal((local u64*)room->list, size);
}

struct LogprobParams {
  u64 logits;
  u64 ids;
  u64 chosen;
  u64 top;
  u64 topIds;
  int vocab;
  int k;
};

KERNEL logprobs(
    const struct LogprobParams p, global u8* b_logits, global u8* b_ids, global u8* b_chosen,
    global u8* b_top, global u8* b_topIds) {
  local struct TopRoom room;
  local float floats[GROUP];
  i64 row = BLOCK_X;
  global const float* logits = AT(const float, logits) + row * p.vocab;
  float most = -infinity();
  for (int v = TID; v < p.vocab; v += GROUP) most = fmax(most, logits[v]);
  most = groupMax(most, floats);
  // What each addition loses is kept: on a CPU one work-item adds a whole vocabulary.
  float sum = 0;
  float lost = 0;
  for (int v = TID; v < p.vocab; v += GROUP) {
    float term = exp(logits[v] - most) - lost;
    float more = sum + term;
    lost = (more - sum) - term;
    sum = more;
  }
  sum = groupSum(sum, floats);
  float shift = fabs(most) == infinity() ? 0.0f : log(sum);
  if (TID == 0) {
    int id = AT(const int, ids)[row];
    AT(float, chosen)[row] = id < 0 || id >= p.vocab ? 0.0f : logits[id] - most - shift;
  }
  if (p.k == 0) return;
  topKeys(AT(const u8, logits), row * p.vocab, F32, p.vocab, (u32)p.k, &room);
  for (int i = TID; i < p.k; i += GROUP) {
    u32 v = indexOf(room.list[i]);
    AT(float, top)[row * p.k + i] = logits[v] - most - shift;
    AT(int, topIds)[row * p.k + i] = (int)v;
  }
}

struct TopkParams {
  u64 x;
  u64 values;
  u64 indices;
  u64 lists;  // [rows, room] for sort_rows
  i64 length;
  i64 room;   // the power of two that length fits in
  int k;
  int dtype;
};

#define TOPK_ARGS                                                                    \
  const struct TopkParams p, global u8 *b_x, global u8 *b_values, global u8 *b_indices, \
      global u8 *b_lists

// Writes the row's element that a key names.
void storeTop(
    const struct TopkParams* p, i64 row, int i, u64 key, global const u8* x, global u8* values,
    global int* indices) {
  i64 at = indexOf(key);
  i64 to = row * p->k + i;
  i64 from = row * p->length + at;
  indices[to] = (int)at;
  switch (widthOf(p->dtype)) {
    case 1: values[to] = x[from]; break;
    case 2: ((global u16*)values)[to] = ((global const u16*)x)[from]; break;
    default: ((global u32*)values)[to] = ((global const u32*)x)[from]; break;
  }
}

// x is [rows, length] of floats; k is at most TOP_LISTED / 2.
KERNEL topk_rows(TOPK_ARGS) {
  local struct TopRoom room;
  i64 row = BLOCK_X;
  topKeys(AT(const u8, x), row * p.length, p.dtype, p.length, (u32)p.k, &room);
  for (int i = TID; i < p.k; i += GROUP) {
    storeTop(&p, row, i, room.list[i], AT(const u8, x), AT(u8, values), AT(int, indices));
  }
}

// The same for any k.
KERNEL sort_rows(TOPK_ARGS) {
  i64 row = BLOCK_X;
  global u64* list = AT(u64, lists) + row * p.room;
  for (i64 i = TID; i < p.room; i += GROUP) {
    float x = i < p.length ? loadFloat(AT(const u8, x), row * p.length + i, p.dtype) : 0.0f;
    list[i] = i < p.length ? keyOf(x, (u32)i) : 0;
  }
  sortGlobal(list, p.room);
  for (int i = TID; i < p.k; i += GROUP) {
    storeTop(&p, row, i, list[i], AT(const u8, x), AT(u8, values), AT(int, indices));
  }
}
