// From logits to tokens: penalties, masks, draws, log-probabilities, and the k largest of rows.
#include "lamina.cuh"

#include "order.cuh"

struct PenaltyParams {
  const float* logits;
  const int* history;
  const int* numPrompt;
  const float* presence;
  const float* frequency;
  const float* repetition;
  float* out;
  int vocab;
  int length;
};

#define PENALTY_CHUNK 4096

// A block counts a row's history for the tokens of one chunk, and writes their logits.
// Grid: rows, chunks.
KERNEL(penalties, PenaltyParams, 256) {
  // Bit 0 marks a token of the prompt, the bits above count the output.
  __shared__ u32 seen[PENALTY_CHUNK];
  i64 row = blockIdx.x;
  int first = (int)blockIdx.y * PENALTY_CHUNK;
  int n = min(PENALTY_CHUNK, p.vocab - first);
  for (int i = threadIdx.x; i < n; i += 256) seen[i] = 0;
  __syncthreads();
  int prompt = p.numPrompt[row];
  for (int i = threadIdx.x; i < p.length; i += 256) {
    int v = p.history[row * p.length + i];
    if (v >= first && v < first + n) {
      if (i < prompt) {
        atomicOr(&seen[v - first], 1u);
      } else {
        atomicAdd(&seen[v - first], 2u);
      }
    }
  }
  __syncthreads();
  float presence = p.presence[row];
  float frequency = p.frequency[row];
  float repetition = p.repetition[row];
  i64 at = row * p.vocab + first;
  for (int i = threadIdx.x; i < n; i += 256) {
    float x = p.logits[at + i];
    if (seen[i] != 0) {
      u32 count = seen[i] >> 1;
      x = x > 0 ? x / repetition : x * repetition;
      x -= frequency * (float)count + (count > 0 ? presence : 0.0f);
    }
    p.out[at + i] = x;
  }
}

struct BitmaskParams {
  const u32* logits;
  const u32* mask;
  u32* out;
  int vocab;
};

#define MASK_CHUNK 2048

// Grid: rows, chunks.
KERNEL(apply_bitmask, BitmaskParams, 256) {
  i64 row = blockIdx.x;
  int words = (p.vocab + 31) / 32;
  int first = (int)blockIdx.y * MASK_CHUNK;
  int end = min(first + MASK_CHUNK, p.vocab);
  for (int v = first + (int)threadIdx.x; v < end; v += 256) {
    bool shown = (p.mask[row * words + v / 32] >> (v & 31) & 1) != 0;
    p.out[row * p.vocab + v] = shown ? p.logits[row * p.vocab + v] : 0xFF800000u;
  }
}

// ---- Draws.
//
// Three launches, each of grid: rows, chunks of a row. sample_max finds the largest logit of each
// chunk. sample_bins counts the tokens of a row, and adds up their probabilities, by how far they
// are below the largest; the row's last block finds the bins that the cuts of top-k and top-p go
// through. sample_draw adds noise to what is surely kept and lists what lies in those bins; the
// row's last block decides about the list. Probabilities are added as integers, so the order of
// the additions, which is free, changes nothing.

#define SAMPLE_THREADS 512
#define SAMPLE_BINS 1024
#define SAMPLE_LISTED 2048

// Bins a unit of z; the last bin takes all that is further down, where a probability counts as 0.
#define BINS_A_UNIT 38.0f

// exp(0) as an integer: 2^37. The sums of the 19 low and of the 18 high bits over a chunk of up to
// 8192 tokens fit 32 bits.
#define ONE 137438953472.0f
#define LOW_BITS 19

// The noise lies between -2.9 and 16.7: what is further below the largest z is never drawn.
#define REACH 20.0f

struct SampleState {
  u64 mass[SAMPLE_BINS];   // running sums once the cuts are known
  u32 count[SAMPLE_BINS];  // the same
  u64 best;                // noisy key
  u32 listed;
  u32 binsDone;
  u32 drawDone;
  int first;  // bins before it are kept, from it to last undecided
  int last;
  int kBin;  // where top-k cuts, SAMPLE_BINS for nowhere
  u64 list[SAMPLE_LISTED];
};

struct SampleParams {
  const float* logits;
  const float* temperature;
  const int* topK;
  const float* topP;
  const float* minP;
  const u64* seed;
  const u64* position;
  int* ids;
  SampleState* states;  // [R]
  u64* chunkMost;       // [R, chunks]
  int vocab;
  int chunks;
  int chunk;  // tokens of one, a multiple of 4, at most 8192
};

static_assert(sizeof(SampleState) == 28704, "SamplingKernels.java takes so many bytes a row");

// Four tokens of a row from v on; what is behind its end is left out of n.
struct Four {
  float x[4];
  int n;
};

DEVICE Four loadFour(const float* row, int v, int vocab) {
  Four f;
  f.n = min(4, vocab - v);
  if (f.n == 4 && ((u64)(row + v) & 15) == 0) {
    float4 all = *(const float4*)(row + v);
    f.x[0] = all.x;
    f.x[1] = all.y;
    f.x[2] = all.z;
    f.x[3] = all.w;
  } else {
#pragma unroll
    for (int j = 0; j < 4; j++) f.x[j] = j < f.n ? row[v + j] : 0.0f;
  }
  return f;
}

KERNEL(sample_max, SampleParams, SAMPLE_THREADS) {
  __shared__ u64 room[SAMPLE_THREADS / WARP];
  i64 row = blockIdx.x;
  SampleState& state = p.states[row];
  if (blockIdx.y == 0) {
    for (int b = threadIdx.x; b < SAMPLE_BINS; b += SAMPLE_THREADS) {
      state.mass[b] = 0;
      state.count[b] = 0;
    }
    if (threadIdx.x == 0) {
      state.best = 0;
      state.listed = 0;
      state.binsDone = 0;
      state.drawDone = 0;
    }
  }
  const float* logits = p.logits + row * p.vocab;
  int from = (int)blockIdx.y * p.chunk;
  int end = min(from + p.chunk, p.vocab);
  u64 most = 0;
  for (int v = from + 4 * (int)threadIdx.x; v < end; v += 4 * SAMPLE_THREADS) {
    Four f = loadFour(logits, v, p.vocab);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      u64 key = keyOf(f.x[j], v + j);
      if (j < f.n && key > most) most = key;
    }
  }
  most = blockMost(most, room);
  if (threadIdx.x == 0) p.chunkMost[row * p.chunks + blockIdx.y] = most;
}

// How a row is drawn.
struct Draw {
  u64 top;  // key of the largest logit
  float temperature;
  float most;  // the largest z
  float minP;
  float topP;
  u32 topK;
  bool greedy;
  bool cutsK;
  bool cutsP;

  DEVICE bool cuts() const { return cutsK || cutsP; }

  DEVICE float z(float logit) const {
    return isNan(logit) ? -infinity() : __fdiv_rn(logit, temperature);
  }
  // How far z is below the largest.
  DEVICE float below(float z) const { return z == most ? 0.0f : most - z; }
  // exp(z - most), which is its probability in parts of the largest one.
  DEVICE float part(float below) const { return below == 0 ? 1.0f : expf(-below); }
  DEVICE bool likely(float below) const {
    return below == 0 || !(minP > 0) || expf(-below) >= minP;
  }
};

// For whole warps.
DEVICE Draw drawOf(const SampleParams& p, i64 row) {
  Draw d;
  u64 top = 0;
  for (int c = threadIdx.x & 31; c < p.chunks; c += WARP) {
    u64 key = p.chunkMost[row * p.chunks + c];
    if (key > top) top = key;
  }
  d.top = warpMost(top);
  d.temperature = p.temperature[row];
  d.minP = p.minP[row];
  d.topP = p.topP[row];
  int k = p.topK[row];
  d.topK = (u32)k;
  d.cutsK = k > 0 && k < p.vocab;
  d.cutsP = d.topP < 1;
  float logit = valueOf((u32)(d.top >> 32));
  d.most = __fdiv_rn(logit, d.temperature);
  d.greedy = !(d.temperature > 0) || logit == -infinity();
  return d;
}

DEVICE int binOf(float below) {
  float bin = below * BINS_A_UNIT;
  return bin < SAMPLE_BINS - 1 ? (int)bin : SAMPLE_BINS - 1;
}

DEVICE u64 massOf(const Draw& d, float below) {
  return binOf(below) == SAMPLE_BINS - 1 ? 0 : (u64)(d.part(below) * ONE);
}

// Whether a running sum is so large a part of the whole that what follows is cut off.
DEVICE bool reaches(u64 sum, u64 total, float topP) {
  return !((double)sum / (double)total < (double)topP);
}

// Whether this block is the last one of its row, of which each has written what it has to.
DEVICE bool isLast(u32* done, u32 blocks, u32* room) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) *room = atomicAdd(done, 1u);
  __syncthreads();
  __threadfence();
  return *room == blocks - 1;
}

// By the row's last block: running sums over the bins, and the bins that the cuts go through.
DEVICE void findCuts(const Draw& d, SampleState& state, u32* count, u64* mass, int* found) {
  __shared__ u64 masses[SAMPLE_THREADS / WARP];
  __shared__ u32 counts[SAMPLE_THREADS / WARP];
  int b = 2 * (int)threadIdx.x;
  u32 c0 = __ldcg(&state.count[b]);
  u32 c1 = __ldcg(&state.count[b + 1]);
  u64 m0 = __ldcg(&state.mass[b]);
  u64 m1 = __ldcg(&state.mass[b + 1]);
  u32 c = blockRunning(c0 + c1, counts);
  u64 m = blockRunning(m0 + m1, masses);
  count[b] = c - c1;
  count[b + 1] = c;
  mass[b] = m - m1;
  mass[b + 1] = m;
  if (threadIdx.x < 3) found[threadIdx.x] = SAMPLE_BINS;
  __syncthreads();
  for (int i = b; i <= b + 1; i++) {
    state.count[i] = count[i];
    state.mass[i] = mass[i];
    if (d.cutsK && count[i] >= d.topK) atomicMin(&found[0], i);
  }
  __syncthreads();
  // Where probabilities count as 0 it does not matter which are kept.
  int kBin = found[0] >= SAMPLE_BINS - 1 ? SAMPLE_BINS : found[0];
  u64 all = mass[SAMPLE_BINS - 1];
  u64 least = kBin == SAMPLE_BINS ? all : kBin == 0 ? 0 : mass[kBin - 1];
  u64 most = kBin == SAMPLE_BINS ? all : mass[kBin];
  for (int i = b; i <= b + 1 && d.cutsP; i++) {
    if (reaches(mass[i], least, d.topP)) atomicMin(&found[1], i);
    if (reaches(mass[i], most, d.topP)) atomicMin(&found[2], i);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    state.kBin = kBin;
    state.first = min(kBin, found[1]);
    state.last = min(kBin, found[2]);
  }
}

KERNEL(sample_bins, SampleParams, SAMPLE_THREADS) {
  __shared__ u32 count[SAMPLE_BINS];
  __shared__ __align__(8) u32 parts[2 * SAMPLE_BINS];
  __shared__ u32 room;
  __shared__ int found[3];
  i64 row = blockIdx.x;
  Draw d = drawOf(p, row);
  if (d.greedy || !d.cuts()) return;
  SampleState& state = p.states[row];
  u32* low = parts;
  u32* high = parts + SAMPLE_BINS;
  for (int b = threadIdx.x; b < SAMPLE_BINS; b += SAMPLE_THREADS) {
    count[b] = 0;
    low[b] = 0;
    high[b] = 0;
  }
  __syncthreads();
  const float* logits = p.logits + row * p.vocab;
  int from = (int)blockIdx.y * p.chunk;
  int end = min(from + p.chunk, p.vocab);
  for (int v = from + 4 * (int)threadIdx.x; v < end; v += 4 * SAMPLE_THREADS) {
    Four f = loadFour(logits, v, p.vocab);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float below = d.below(d.z(f.x[j]));
      if (j >= f.n || !d.likely(below)) continue;
      int b = binOf(below);
      u64 mass = massOf(d, below);
      atomicAdd(&count[b], 1u);
      if (mass != 0) {
        atomicAdd(&low[b], (u32)mass & ((1u << LOW_BITS) - 1));
        atomicAdd(&high[b], (u32)(mass >> LOW_BITS));
      }
    }
  }
  __syncthreads();
  for (int b = threadIdx.x; b < SAMPLE_BINS; b += SAMPLE_THREADS) {
    u64 mass = ((u64)high[b] << LOW_BITS) + low[b];
    if (count[b] != 0) atomicAdd(&state.count[b], count[b]);
    if (mass != 0) atomicAdd(&state.mass[b], mass);
  }
  if (isLast(&state.binsDone, p.chunks, &room)) findCuts(d, state, count, (u64*)parts, found);
}

// Philox-4x32-10 (Salmon et al., SC 2011): words 4i to 4i + 3 of a row's noise.
DEVICE uint4 philox(u64 seed, u64 position, u32 i) {
  u32 c0 = (u32)position;
  u32 c1 = (u32)(position >> 32);
  u32 c2 = i;
  u32 c3 = 0;
  u32 k0 = (u32)seed;
  u32 k1 = (u32)(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    u32 h0 = __umulhi(c0, 0xD2511F53u);
    u32 l0 = c0 * 0xD2511F53u;
    u32 h1 = __umulhi(c2, 0xCD9E8D57u);
    u32 l1 = c2 * 0xCD9E8D57u;
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return make_uint4(c0, c1, c2, c3);
}

DEVICE float gumbelOf(u32 word) {
  float u = ((float)(word >> 9) + 0.5f) * 1.1920928955078125e-7f;
  return -logf(-logf(u));
}

// Noise of one token.
DEVICE float gumbel(const SampleParams& p, i64 row, u32 v) {
  uint4 w = philox(p.seed[row], p.position[row], v / 4);
  u32 j = v % 4;
  return gumbelOf(j == 0 ? w.x : j == 1 ? w.y : j == 2 ? w.z : w.w);
}

// Decides about the listed tokens: the largest noisy key of those that are kept.
DEVICE u64 bestListed(
    const SampleParams& p, const Draw& d, i64 row, SampleState& state, u64* keys, u64* masses,
    int* bins) {
  __shared__ u64 kept;
  int n = (int)__ldcg(&state.listed);
  int kBin = state.kBin;
  for (int i = threadIdx.x; i < n; i += SAMPLE_THREADS) {
    keys[i] = __ldcg(&state.list[i]);
    float below = d.below(valueOf((u32)(keys[i] >> 32)));
    masses[i] = massOf(d, below);
    bins[i] = binOf(below);
  }
  if (threadIdx.x == 0) kept = 0;
  __syncthreads();
  u32 rank[SAMPLE_LISTED / SAMPLE_THREADS];
  u64 ahead[SAMPLE_LISTED / SAMPLE_THREADS];
#pragma unroll
  for (int k = 0; k < SAMPLE_LISTED / SAMPLE_THREADS; k++) {
    int i = (int)threadIdx.x + k * SAMPLE_THREADS;
    if (i >= n) continue;
    int b = bins[i];
    rank[k] = b == 0 ? 0 : state.count[b - 1];
    ahead[k] = b == 0 ? 0 : state.mass[b - 1];
    for (int o = 0; o < n; o++) {
      if (keys[o] > keys[i] && bins[o] == b) {
        rank[k]++;
        ahead[k] += masses[o];
      }
    }
    if (b == kBin && rank[k] < d.topK) atomicAdd(&kept, masses[i]);
  }
  __syncthreads();
  u64 total = kBin == SAMPLE_BINS ? state.mass[SAMPLE_BINS - 1]
                                  : kept + (kBin == 0 ? 0 : state.mass[kBin - 1]);
  u64 best = 0;
#pragma unroll
  for (int k = 0; k < SAMPLE_LISTED / SAMPLE_THREADS; k++) {
    int i = (int)threadIdx.x + k * SAMPLE_THREADS;
    if (i >= n) continue;
    bool in = !d.cutsK || rank[k] < d.topK;
    in = in && (!d.cutsP || rank[k] == 0 || !reaches(ahead[k], total, d.topP));
    float z = valueOf((u32)(keys[i] >> 32));
    if (in && d.below(z) <= REACH) {
      u32 v = indexOf(keys[i]);
      u64 key = keyOf(z + gumbel(p, row, v), v);
      if (key > best) best = key;
    }
  }
  return best;
}

// How many likely tokens have at least this key, and the sum of their probabilities.
DEVICE u64 countFrom(const SampleParams& p, const Draw& d, i64 row, u64 least, bool mass, u64* room) {
  u64 sum = 0;
  for (int v = threadIdx.x; v < p.vocab; v += SAMPLE_THREADS) {
    float z = d.z(p.logits[row * p.vocab + v]);
    float below = d.below(z);
    if (keyOf(z, v) >= least && d.likely(below)) sum += mass ? massOf(d, below) : 1;
  }
  return blockTotal(sum, room);
}

// The same for more undecided tokens than the list holds, as of equal logits: the cuts are found
// bit by bit, each bit with a pass over the row.
DEVICE u64 bestSearched(const SampleParams& p, const Draw& d, i64 row, u64* room) {
  u64 least = 0;
  for (u64 bit = 1ull << 63; d.cutsK && bit != 0; bit >>= 1) {
    if (countFrom(p, d, row, least | bit, false, room) >= d.topK) least |= bit;
  }
  u64 total = countFrom(p, d, row, least, true, room);
  u64 cut = 0;
  for (u64 bit = 1ull << 63; d.cutsP && bit != 0; bit >>= 1) {
    u64 next = cut | bit;
    u64 sum = countFrom(p, d, row, next > least ? next : least, true, room);
    if (reaches(sum, total, d.topP)) cut = next;
  }
  if (cut > least) least = cut;
  u64 top = keyOf(d.most, indexOf(d.top));
  if (least > top) least = top;
  u64 best = 0;
  for (int v = threadIdx.x; v < p.vocab; v += SAMPLE_THREADS) {
    float z = d.z(p.logits[row * p.vocab + v]);
    float below = d.below(z);
    if (keyOf(z, v) >= least && d.likely(below) && below <= REACH) {
      u64 key = keyOf(z + gumbel(p, row, v), v);
      if (key > best) best = key;
    }
  }
  return best;
}

KERNEL(sample_draw, SampleParams, SAMPLE_THREADS) {
  __shared__ u64 keys[SAMPLE_LISTED];
  __shared__ u64 masses[SAMPLE_LISTED];
  __shared__ int bins[SAMPLE_LISTED];
  __shared__ u64 mosts[SAMPLE_THREADS / WARP];
  __shared__ u32 room;
  i64 row = blockIdx.x;
  Draw d = drawOf(p, row);
  if (d.greedy) {
    if (blockIdx.y == 0 && threadIdx.x == 0) p.ids[row] = (int)indexOf(d.top);
    return;
  }
  SampleState& state = p.states[row];
  int first = d.cuts() ? state.first : SAMPLE_BINS;
  int last = d.cuts() ? state.last : SAMPLE_BINS;
  // Top-p is a part of what top-k keeps, so that cut must be known even where nothing is drawn.
  int counted = d.cuts() && d.cutsP ? state.kBin : SAMPLE_BINS;
  const float* logits = p.logits + row * p.vocab;
  int from = (int)blockIdx.y * p.chunk;
  int end = min(from + p.chunk, p.vocab);
  u64 best = 0;
  for (int v = from + 4 * (int)threadIdx.x; v < end; v += 4 * SAMPLE_THREADS) {
    Four f = loadFour(logits, v, p.vocab);
    bool drawn = false;
    uint4 words = make_uint4(0, 0, 0, 0);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float z = d.z(f.x[j]);
      float below = d.below(z);
      int b = binOf(below);
      if (j >= f.n || !(b <= last || b == counted) || !d.likely(below)) continue;
      if (b >= first) {
        u32 at = atomicAdd(&state.listed, 1u);
        if (at < SAMPLE_LISTED) state.list[at] = keyOf(z, v + j);
      } else if (below <= REACH) {
        if (!drawn) words = philox(p.seed[row], p.position[row], (u32)v / 4);
        drawn = true;
        u32 word = j == 0 ? words.x : j == 1 ? words.y : j == 2 ? words.z : words.w;
        u64 key = keyOf(z + gumbelOf(word), v + j);
        if (key > best) best = key;
      }
    }
  }
  best = blockMost(best, mosts);
  if (threadIdx.x == 0 && best != 0) atomicMax(&state.best, best);
  if (!isLast(&state.drawDone, p.chunks, &room)) return;
  u32 listed = __ldcg(&state.listed);
  best = 0;
  if (listed > SAMPLE_LISTED) {
    best = bestSearched(p, d, row, mosts);
  } else if (listed > 0) {
    best = bestListed(p, d, row, state, keys, masses, bins);
  }
  best = blockMost(best, mosts);
  if (threadIdx.x == 0) {
    u64 sure = __ldcg(&state.best);
    p.ids[row] = (int)indexOf(sure > best ? sure : best);
  }
}

// ---- Log-probabilities and the k largest, a block a row.

struct LogprobParams {
  const float* logits;
  const int* ids;
  float* chosen;
  float* top;
  int* topIds;
  int vocab;
  int k;
};

struct FloatRow {
  const void* data;
  i64 first;
  int dtype;
  DEVICE float operator()(i64 i) const { return loadFloat(data, first + i, dtype); }
};

KERNEL(logprobs, LogprobParams, TOP_THREADS) {
  __shared__ TopRoom room;
  __shared__ float floats[32];
  i64 row = blockIdx.x;
  const float* logits = p.logits + row * p.vocab;
  float most = -infinity();
  for (int v = threadIdx.x; v < p.vocab; v += TOP_THREADS) most = fmaxf(most, logits[v]);
  most = blockMax(most, floats);
  float sum = 0;
  for (int v = threadIdx.x; v < p.vocab; v += TOP_THREADS) sum += expf(logits[v] - most);
  sum = blockSum(sum, floats);
  float shift = fabsf(most) == infinity() ? 0.0f : logf(sum);
  if (threadIdx.x == 0) {
    int id = p.ids[row];
    p.chosen[row] = id < 0 || id >= p.vocab ? 0.0f : logits[id] - most - shift;
  }
  if (p.k == 0) return;
  topKeys(FloatRow{p.logits, row * p.vocab, F32}, p.vocab, (u32)p.k, room);
  for (int i = threadIdx.x; i < p.k; i += TOP_THREADS) {
    u32 v = indexOf(room.list[i]);
    p.top[row * p.k + i] = logits[v] - most - shift;
    p.topIds[row * p.k + i] = (int)v;
  }
}

struct TopkParams {
  const void* x;
  void* values;
  int* indices;
  u64* lists;  // [rows, room] for sort_rows
  i64 length;
  i64 room;    // the power of two that length fits in
  int k;
  int dtype;
};

// Writes the row's elements that a list of keys names.
DEVICE void storeTop(const TopkParams& p, i64 row, const u64* list) {
  for (int i = threadIdx.x; i < p.k; i += TOP_THREADS) {
    i64 at = indexOf(list[i]);
    i64 to = row * p.k + i;
    i64 from = row * p.length + at;
    p.indices[to] = (int)at;
    switch (widthOf(p.dtype)) {
      case 1: ((u8*)p.values)[to] = ((const u8*)p.x)[from]; break;
      case 2: ((u16*)p.values)[to] = ((const u16*)p.x)[from]; break;
      default: ((u32*)p.values)[to] = ((const u32*)p.x)[from]; break;
    }
  }
}

// x is [rows, length] of floats; k is at most TOP_LISTED / 2.
KERNEL(topk_rows, TopkParams, TOP_THREADS) {
  __shared__ TopRoom room;
  i64 row = blockIdx.x;
  topKeys(FloatRow{p.x, row * p.length, p.dtype}, p.length, (u32)p.k, room);
  storeTop(p, row, room.list);
}

// The same for any k.
KERNEL(sort_rows, TopkParams, TOP_THREADS) {
  i64 row = blockIdx.x;
  u64* list = p.lists + row * p.room;
  for (i64 i = threadIdx.x; i < p.room; i += TOP_THREADS) {
    float x = i < p.length ? loadFloat(p.x, row * p.length + i, p.dtype) : 0.0f;
    list[i] = i < p.length ? keyOf(x, (u32)i) : 0;
  }
  sortKeys(list, (int)p.room);
  storeTop(p, row, list);
}
