// Products by experts of many rows: choices are sorted by expert on the device, and tiles of rows of
// one expert are multiplied as gemm.cuh does. The host never learns how many rows an expert has: it
// launches as many tiles as there may be, and those past the last one end at once.
#include "gemm.cuh"

// Choices by expert; those of no expert come last. first[e] is where those of expert e begin, tile[e]
// the number of tiles of the experts before it; both have an entry for no expert and one after it.
struct Groups {
  int* order;
  int* first;
  int* tile;
};

struct SortParams {
  const int* ids;
  Groups groups;
  int choices;
  int experts;
};

#define GROUP_ROWS 64
#define SORT_THREADS 1024
#define MAX_EXPERTS 1024

DEVICE int groupOf(const SortParams& p, int i) {
  int expert = p.ids[i];
  return expert >= 0 && expert < p.experts ? expert : p.experts;
}

// Sum over the threads before this one, and this one; `room` holds 32.
DEVICE int blockScan(int x, int* room) {
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
#pragma unroll
  for (int d = 1; d < WARP; d *= 2) {
    int y = __shfl_up_sync(FULL, x, d);
    if (lane >= d) x += y;
  }
  __syncthreads();
  if (lane == WARP - 1) room[warp] = x;
  __syncthreads();
  for (int w = 0; w < warp; w++) x += room[w];
  return x;
}

// One block. The order within an expert is any: no result hangs on it.
KERNEL(group_choices, SortParams, SORT_THREADS) {
  __shared__ int count[MAX_EXPERTS + 1];
  __shared__ int room[WARP];
  int all = p.experts + 1;
  for (int e = threadIdx.x; e < all; e += SORT_THREADS) count[e] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < p.choices; i += SORT_THREADS) atomicAdd(&count[groupOf(p, i)], 1);
  __syncthreads();
  int rows = 0;
  int tiles = 0;
  for (int e0 = 0; e0 < all; e0 += SORT_THREADS) {
    int e = e0 + threadIdx.x;
    int own = e < all ? count[e] : 0;
    int ownTiles = (own + GROUP_ROWS - 1) / GROUP_ROWS;
    int rowsTo = rows + blockScan(own, room);
    int tilesTo = tiles + blockScan(ownTiles, room);
    if (e < all) {
      p.groups.first[e + 1] = rowsTo;
      p.groups.tile[e + 1] = tilesTo;
      count[e] = rowsTo - own;
    }
    if (e == 0) p.groups.first[0] = p.groups.tile[0] = 0;
    // Totals of these experts, from the thread of the last one.
    __syncthreads();
    if (threadIdx.x == SORT_THREADS - 1) {
      room[0] = rowsTo;
      room[1] = tilesTo;
    }
    __syncthreads();
    rows = room[0];
    tiles = room[1];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < p.choices; i += SORT_THREADS) {
    p.groups.order[atomicAdd(&count[groupOf(p, i)], 1)] = i;
  }
}

struct GroupedParams {
  GemmParams gemm;     // weights of expert `from` on; the bias of expert 0 on
  Groups groups;
  int from;            // experts of this launch
  int to;
  int experts;
  int sharing;         // choices that have the same row of x
};

struct SortedRows {
  const int* order;
  int sharing;

  DEVICE i64 source(i64 row) const { return order[row] / sharing; }
  DEVICE i64 target(i64 row) const { return order[row]; }
};

// The last group that begins at a tile or before it.
DEVICE int groupAt(const int* tile, int from, int to, int at) {
  while (to - from > 1) {
    int middle = (from + to) / 2;
    if (tile[middle] <= at) {
      from = middle;
    } else {
      to = middle;
    }
  }
  return from;
}

template <int XP, int WP, int STAGES>
DEVICE void grouped(const GroupedParams& p, u8* shared) {
  const int columns = 128;
  int at = p.groups.tile[p.from] + (int)blockIdx.x;
  if (at >= p.groups.tile[p.to]) return;
  int expert = groupAt(p.groups.tile, p.from, p.to, at);
  i64 m0 = p.groups.first[expert] + (i64)(at - p.groups.tile[expert]) * GROUP_ROWS;
  i64 n0 = (i64)blockIdx.y * columns;
  GemmParams g = p.gemm;
  g.m = p.groups.first[expert + 1];
  SortedRows rows = {p.groups.order, p.sharing};
  if (expert == p.experts) {
    for (i64 i = threadIdx.x; i < GROUP_ROWS * columns; i += blockDim.x) {
      i64 m = m0 + i / columns;
      i64 n = n0 + i % columns;
      if (m < g.m && n < g.n) storeFloat(g.out, rows.target(m) * g.outStride + n, g.outDtype, 0.0f);
    }
    return;
  }
  g.weight += (i64)(expert - p.from) * g.n * g.k;
  if (g.bias != nullptr) {
    g.bias = (const u8*)g.bias + (i64)expert * g.n * widthOf(g.biasDtype);
  }
  gemm<XP, WP, GROUP_ROWS, columns, 32, 32, STAGES>(g, rows, m0, n0, shared);
}

// Dynamic shared memory is asked for by GroupedProducts.java: STAGES * (XP * 64 + WP * 128) * ROW_BYTES.
#define GROUPED(name, XP, WP, STAGES)      \
  KERNEL(name, GroupedParams, 256) {       \
    SHARED_BYTES(room);                    \
    grouped<XP, WP, STAGES>(p, (u8*)room); \
  }

GROUPED(grouped_1_1, 1, 1, 4)
GROUPED(grouped_3_1, 3, 1, 3)
GROUPED(grouped_3_3, 3, 3, 2)
