// Orders of floats with their indices as integers: larger first, of equal ones the lower index (R6).

// Grows with x; NaN counts as -infinity, both zeros alike. Never 0.
u32 orderOf(float x) {
  if (isNan(x)) x = -INFINITY;
  u32 bits = x == 0.0 ? 0u : floatBitsToUint(x);
  return bits ^ (bits >> 31 != 0u ? 0xFFFFFFFFu : 0x80000000u);
}

float valueOf(u32 order) {
  return uintBitsToFloat((order & 0x80000000u) != 0u ? order ^ 0x80000000u : ~order);
}

// The largest key is the largest value's, at its lowest index.
u64 keyOf(float x, u32 index) { return u64(orderOf(x)) << 32 | u64(~index); }

u32 indexOf(u64 key) { return ~u32(key); }

#ifdef TOP
const int TOP_THREADS = 1024, TOP_BINS = 2048, TOP_LISTED = 2048;

shared u64 topList[TOP_LISTED];
shared u32 topBins[TOP_BINS];
shared u32 topListed, topBin, topBefore, topInBin;

// The sum over the threads up to this one, this one included. In place of the bins, as 32 KiB of
// shared memory have no room for both.
u32 blockRunning(u32 x) {
  barrier();
  topBins[threadIdx] = x;
  barrier();
  for (int d = 1; d < TOP_THREADS; d <<= 1) {
    u32 before = threadIdx >= d ? topBins[threadIdx - d] : 0u;
    barrier();
    topBins[threadIdx] += before;
    barrier();
  }
  return topBins[threadIdx];
}

// Sorts the first n keys of the list, a power of two, in descending order.
void sortTopList(int n) {
  for (int run = 2; run <= n; run <<= 1) {
    for (int d = run >> 1; d > 0; d >>= 1) {
      barrier();
      for (int i = threadIdx; i < n / 2; i += TOP_THREADS) {
        int a = 2 * i - (i & (d - 1));
        u64 x = topList[a];
        u64 y = topList[a + d];
        if ((x < y) == ((a & run) == 0)) {
          topList[a] = y;
          topList[a + d] = x;
        }
      }
    }
  }
  barrier();
}

// Leaves the k largest keys of n floats in topList, in descending order; k is at most n and at most
// TOP_LISTED / 2. By digits of the order: count, find the digit of the k-th, go on within it, until
// what is left fits the list. By a workgroup of TOP_THREADS.
void topKeys(u64 data, i64 offset, int dtype, i64 n, u32 k) {
  u32 t = u32(threadIdx);
  u32 need = k;    // of those that begin with `prefix`
  u32 prefix = 0u;  // digits that are known
  int shift = 32;  // bits below them
  bool fits = n <= TOP_LISTED;
  u32 least = 0u;  // keys of at least this order are collected
  while (!fits && shift > 0) {
    int bits = shift > 11 ? 11 : shift;
    int below = shift - bits;
    for (u32 b = t; b < TOP_BINS; b += TOP_THREADS) topBins[b] = 0u;
    barrier();
    for (i64 i = t; i < n; i += TOP_THREADS) {
      u32 order = orderOf(loadFloat(data, offset + i, dtype));
      if (u32(u64(order) >> shift) == prefix) {
        atomicAdd(topBins[order >> below & ((1u << bits) - 1u)], 1u);
      }
    }
    barrier();
    // From the highest bin down, two a thread.
    u32 high = TOP_BINS - 1 - 2 * t;
    u32 first = topBins[high];
    u32 both = first + topBins[high - 1];
    u32 upTo = blockRunning(both);
    u32 ahead = upTo - both;
    if (ahead < need && upTo >= need) {
      bool inFirst = ahead + first >= need;
      topBin = inFirst ? high : high - 1;
      topBefore = inFirst ? ahead : ahead + first;
      topInBin = inFirst ? first : both - first;
    }
    barrier();
    prefix = prefix << bits | topBin;
    need -= topBefore;
    shift = below;
    least = prefix << shift;
    fits = (k - need) + topInBin <= TOP_LISTED;
    barrier();
  }
  for (u32 i = t; i < TOP_LISTED; i += TOP_THREADS) topList[i] = 0UL;
  if (t == 0u) topListed = 0u;
  barrier();
  for (i64 i = t; i < n; i += TOP_THREADS) {
    float x = loadFloat(data, offset + i, dtype);
    u32 order = orderOf(x);
    if (fits ? order >= least : order > least) topList[atomicAdd(topListed, 1u)] = keyOf(x, u32(i));
  }
  barrier();
  // More ties than the list holds: the first ones by index.
  for (i64 from = 0; !fits && need > 0u && from < n; from += TOP_THREADS) {
    i64 i = from + t;
    float x = i < n ? loadFloat(data, offset + i, dtype) : 0.0;
    bool tie = i < n && orderOf(x) == least;
    u32 upTo = blockRunning(tie ? 1u : 0u);
    if (tie && upTo <= need) topList[k - need + upTo - 1u] = keyOf(x, u32(i));
    if (t == TOP_THREADS - 1) topBefore = upTo < need ? upTo : need;
    barrier();
    need -= topBefore;
    barrier();
  }
  u32 filled = fits ? topListed : k;
  int size = 2;
  while (size < int(filled)) size <<= 1;
  sortTopList(size);
}
#endif
