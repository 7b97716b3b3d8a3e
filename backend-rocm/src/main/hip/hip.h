// CUDA's words for HIP's compilers: goes before a kernel file of backend-cuda, which is compiled as it
// is. What those files write in PTX they write in C++ too, where __CUDA_ARCH__ is not defined.
//
// The kernels count in warps of 32 lanes. A wave of 64 is two of them, side by side: every exchange
// between lanes stays within 32, and lanes of one half never ask for those of the other, so it does
// not matter which of the two is active.
#pragma once

#ifdef __HIP__

// hiprtc brings the runtime's header itself.
#ifndef __HIPCC_RTC__
#include <hip/hip_runtime.h>
#endif

#define __grid_constant__
#ifndef __align__
#define __align__(n) __attribute__((aligned(n)))
#endif

// Of all masks only the full one is used. Newer HIP has functions of these names, which want masks
// of 64 bits.
#define __shfl_sync(mask, x, lane) __shfl(x, lane, 32)
#define __shfl_xor_sync(mask, x, bits) __shfl_xor(x, bits, 32)
#define __shfl_up_sync(mask, x, delta) __shfl_up(x, delta, 32)

// Lanes of a wave run in step: what is left is that the compiler keeps memory in order.
#define __syncwarp()                                          \
  do {                                                        \
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "wavefront");    \
    __builtin_amdgcn_wave_barrier();                          \
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "wavefront");    \
  } while (0)

// A load that sees what other blocks wrote before a fence: past the cache of a compute unit.
template <class T>
__device__ inline T __ldcg(const T* p) {
  return __hip_atomic_load(p, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

#endif
