// Orders of floats with their indices as integers: larger first, of equal ones the lower index (R6).
//
// Include after lamina.cuh.
#pragma once

// Grows with x; NaN counts as -infinity, both zeros alike. Never 0.
DEVICE u32 orderOf(float x) {
  if (isNan(x)) x = -infinity();
  int bits = __float_as_int(x == 0 ? 0.0f : x);
  return (u32)bits ^ (bits < 0 ? 0xFFFFFFFFu : 0x80000000u);
}

DEVICE float valueOf(u32 order) {
  return __int_as_float((int)(order & 0x80000000u ? order ^ 0x80000000u : ~order));
}

// The largest key is the largest value's, at its lowest index.
DEVICE u64 keyOf(float x, u32 index) { return (u64)orderOf(x) << 32 | (u32)~index; }

DEVICE u32 indexOf(u64 key) { return ~(u32)key; }

DEVICE u64 warpMost(u64 key) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) {
    u64 other = __shfl_xor_sync(FULL, key, d);
    if (other > key) key = other;
  }
  return key;
}

// The largest of a block's keys, in every thread. `room` holds a key a warp.
DEVICE u64 blockMost(u64 key, u64* room) {
  int lane = threadIdx.x & 31;
  key = warpMost(key);
  __syncthreads();
  if (lane == 0) room[threadIdx.x >> 5] = key;
  __syncthreads();
  return warpMost(lane < (int)(blockDim.x >> 5) ? room[lane] : 0);
}

// The sum over all threads, in every thread, in a fixed order. `room` holds a T a warp.
template <class T>
DEVICE T blockTotal(T x, T* room) {
  int lane = threadIdx.x & 31;
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(FULL, x, d);
  __syncthreads();
  if (lane == 0) room[threadIdx.x >> 5] = x;
  __syncthreads();
  x = lane < (int)(blockDim.x >> 5) ? room[lane] : (T)0;
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(FULL, x, d);
  return x;
}

// The sum over the threads up to this one, this one included. `room` holds a T a warp.
template <class T>
DEVICE T blockRunning(T x, T* room) {
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
#pragma unroll
  for (int d = 1; d < 32; d <<= 1) {
    T before = __shfl_up_sync(FULL, x, d);
    if (lane >= d) x += before;
  }
  __syncthreads();
  if (lane == 31) room[warp] = x;
  __syncthreads();
  T ahead = 0;
  for (int w = 0; w < warp; w++) ahead += room[w];
  return x + ahead;
}

#define TOP_THREADS 1024
#define TOP_BINS 2048
#define TOP_LISTED 2048

// Shared memory of topKeys.
struct TopRoom {
  u64 list[TOP_LISTED];
  u32 bins[TOP_BINS];
  u32 warps[32];
  u32 listed;
  u32 bin;
  u32 before;
  u32 inBin;
};

// Sorts the first n keys of a list, a power of two, in descending order.
DEVICE void sortKeys(u64* list, int n) {
  for (int run = 2; run <= n; run <<= 1) {
    for (int d = run >> 1; d > 0; d >>= 1) {
      __syncthreads();
      for (int i = threadIdx.x; i < n / 2; i += blockDim.x) {
        int a = 2 * i - (i & (d - 1));
        u64 x = list[a];
        u64 y = list[a + d];
        if ((x < y) == ((a & run) == 0)) {
          list[a] = y;
          list[a + d] = x;
        }
      }
    }
  }
  __syncthreads();
}

// Leaves the k largest keys of load(0) to load(n - 1) in room.list, in descending order; k is at
// most n and at most TOP_LISTED / 2. By digits of the order: count, find the digit of the k-th, go
// on within it, until what is left fits the list. By a block of TOP_THREADS.
template <class Load>
DEVICE void topKeys(const Load& load, i64 n, u32 k, TopRoom& room) {
  u32 t = threadIdx.x;
  u32 need = k;     // of those that begin with `prefix`
  u32 prefix = 0;   // digits that are known
  int shift = 32;   // bits below them
  bool fits = n <= TOP_LISTED;
  u32 least = 0;    // keys of at least this order are collected
  while (!fits && shift > 0) {
    int bits = shift > 11 ? 11 : shift;
    int below = shift - bits;
    for (u32 b = t; b < TOP_BINS; b += TOP_THREADS) room.bins[b] = 0;
    __syncthreads();
    for (i64 i = t; i < n; i += TOP_THREADS) {
      u32 order = orderOf(load(i));
      if ((u32)((u64)order >> shift) == prefix) {
        atomicAdd(&room.bins[order >> below & ((1u << bits) - 1)], 1u);
      }
    }
    __syncthreads();
    // From the highest bin down, two a thread.
    u32 high = TOP_BINS - 1 - 2 * t;
    u32 first = room.bins[high];
    u32 both = first + room.bins[high - 1];
    u32 upTo = blockRunning(both, room.warps);
    u32 ahead = upTo - both;
    if (ahead < need && upTo >= need) {
      bool inFirst = ahead + first >= need;
      room.bin = inFirst ? high : high - 1;
      room.before = inFirst ? ahead : ahead + first;
      room.inBin = inFirst ? first : both - first;
    }
    __syncthreads();
    prefix = prefix << bits | room.bin;
    need -= room.before;
    shift = below;
    least = prefix << shift;
    fits = (k - need) + room.inBin <= TOP_LISTED;
    __syncthreads();
  }
  for (u32 i = t; i < TOP_LISTED; i += TOP_THREADS) room.list[i] = 0;
  if (t == 0) room.listed = 0;
  __syncthreads();
  for (i64 i = t; i < n; i += TOP_THREADS) {
    float x = load(i);
    u32 order = orderOf(x);
    if (fits ? order >= least : order > least) {
      room.list[atomicAdd(&room.listed, 1u)] = keyOf(x, (u32)i);
    }
  }
  __syncthreads();
  // More ties than the list holds: the first ones by index.
  for (i64 from = 0; !fits && need > 0 && from < n; from += TOP_THREADS) {
    i64 i = from + t;
    bool tie = i < n && orderOf(load(i)) == least;
    u32 upTo = blockRunning(tie ? 1u : 0u, room.warps);
    if (tie && upTo <= need) room.list[k - need + upTo - 1] = keyOf(load(i), (u32)i);
    if (t == TOP_THREADS - 1) room.before = upTo < need ? upTo : need;
    __syncthreads();
    need -= room.before;
    __syncthreads();
  }
  u32 filled = fits ? room.listed : k;
  int size = 2;
  while (size < (int)filled) size <<= 1;
  sortKeys(room.list, size);
}
