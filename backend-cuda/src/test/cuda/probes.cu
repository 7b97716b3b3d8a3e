// Kernels that show what the emulator makes of threads, warps, barriers and copies.
#include "lamina.cuh"

#include "tensor_core.cuh"

struct ProbeParams {
  const float* x;
  float* y;
  int* ints;
  int n;
};

// y[block] = sum of 100 elements; the other threads end at once.
KERNEL(early_exit, ProbeParams, 128) {
  __shared__ float room[128];
  if (threadIdx.x >= 100) return;
  room[threadIdx.x] = p.x[blockIdx.x * 100 + threadIdx.x];
  __syncthreads();
  if (threadIdx.x == 0) {
    float sum = 0;
    for (int i = 0; i < 100; i++) sum += room[i];
    p.y[blockIdx.x] = sum;
  }
}

// ints[op * 32 + lane] of one warp.
KERNEL(warp_ops, ProbeParams, 32) {
  int lane = threadIdx.x;
  int* to = p.ints + lane;
  to[0] = __shfl_sync(FULL, lane, 5);
  to[32] = __shfl_xor_sync(FULL, lane, 9);
  to[64] = __shfl_up_sync(FULL, lane, 3);
  to[96] = __shfl_down_sync(FULL, lane, 3, 8);
  to[128] = (int)__ballot_sync(FULL, lane % 3 == 0);
  to[160] = __reduce_add_sync(FULL, lane);
  to[192] = (int)__match_any_sync(FULL, lane / 5);
  // Each half by itself, one of them twice.
  u32 half = lane < 16 ? 0xFFFFu : 0xFFFF0000u;
  if (lane < 16) __syncwarp(half);
  to[224] = __reduce_max_sync(half, lane);
}

KERNEL(votes, ProbeParams, 96) {
  int t = threadIdx.x;
  int count = __syncthreads_count(t % 2);
  int any = __syncthreads_or(t == 77);
  int all = __syncthreads_and(t != 77);
  if (t == 3) {
    p.ints[0] = count;
    p.ints[1] = any;
    p.ints[2] = all;
    p.ints[3] = (int)(blockDim.x * gridDim.y);
  }
  atomicMax(&p.ints[4], t);
  atomicAdd(&p.y[0], 0.5f);
}

KERNEL(diverged_barrier, ProbeParams, 64) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

KERNEL(hung_barrier, ProbeParams, 64) {
  if (threadIdx.x == 40) barrierSync(1, 64);
  __syncthreads();
}

KERNEL(past_shared, ProbeParams, 64) {
  SHARED_BYTES(bytes);
  ((float*)bytes)[threadIdx.x + 1] = 1;
}

KERNEL(unwritten_shared, ProbeParams, 64) {
  SHARED_BYTES(bytes);
  __shared__ float room[64];
  p.y[threadIdx.x] = ((float*)bytes)[threadIdx.x];
  p.y[64 + threadIdx.x] = room[threadIdx.x];
}

// Reads a neighbour's value without the barrier that it needs.
KERNEL(missing_barrier, ProbeParams, 64) {
  __shared__ int room[64];
  room[threadIdx.x] = 0;
  __syncthreads();
  room[threadIdx.x] = 1;
  p.ints[threadIdx.x] = room[threadIdx.x ^ 32];
}

KERNEL(spin_forever, ProbeParams, 32) {
  while (*(volatile int*)p.ints == 0) __nanosleep(20);
}

// x: A [16, 16] and behind it B [16, 8], of small integers; y = A B, once in BF16 and once in F16.
KERNEL(tensor_product, ProbeParams, 32) {
  __shared__ __align__(16) u16 a[2][16 * 16];
  __shared__ __align__(16) u16 b[2][16 * 8];
  int lane = threadIdx.x;
  for (int i = lane; i < 16 * 16; i += 32) {
    a[0][i] = toBf16(p.x[i]);
    a[1][i] = toF16(p.x[i]);
  }
  for (int i = lane; i < 16 * 8; i += 32) {
    b[0][i] = toBf16(p.x[256 + i]);
    b[1][i] = toF16(p.x[256 + i]);
  }
  __syncwarp();
  for (int kind = 0; kind < 2; kind++) {
    u32 fa[4];
    u32 fb[2];
    loadMatrices4(fa, &a[kind][lane % 16 * 16 + lane / 16 * 8]);
    loadMatrices2Transposed(fb, &b[kind][lane % 16 * 8]);
    float d[4] = {1, 1, 1, 1};
    if (kind == 0) {
      mmaBf16(d, fa, fb);
    } else {
      mmaF16(d, fa, fb);
    }
    for (int r = 0; r < 4; r++) {
      p.y[kind * 128 + (lane / 4 + r / 2 * 8) * 8 + 2 * (lane % 4) + r % 2] = d[r];
    }
  }
}

// y = x, and behind it what shared memory held before the wait.
KERNEL(async_copy, ProbeParams, 32) {
  __shared__ __align__(16) float room[2][128];
  int at = 4 * threadIdx.x;
  copyAsync16(&room[0][at], p.x + at);
  commitCopies();
  copyAsync16(&room[1][at], p.x + 128 + at, threadIdx.x == 0 ? 4 : 16);
  commitCopies();
  waitCopies<1>();
  for (int i = at; i < at + 4; i++) {
    p.y[i] = room[0][i];
    p.y[256 + i] = room[1][i];
  }
  waitCopies<0>();
  for (int i = at; i < at + 4; i++) p.y[128 + i] = room[1][i];
}
