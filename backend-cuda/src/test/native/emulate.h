// Compiles the CUDA kernel files for the host, for tests without a GPU.
//
//   g++ -std=c++17 -O2 -shared -fPIC -fno-weak -include emulate.h -x c++ kernels.cu
//
// A kernel becomes a C function `const char* NAME(const void* params, Dim3 grid, Dim3 block,
// unsigned sharedBytes)` that runs the whole grid on the calling thread and returns null, or one
// line that says what went wrong; beside it lies `NAME_info`, how long its parameters are and the
// most threads of a block. Blocks run one after the other, so a kernel whose blocks wait for each
// other hangs; the threads of a block are fibers that take turns where they synchronise.
//
// Stricter than a GPU: shared memory begins as NaN, asynchronous copies land at the wait and not
// before, and barriers that a GPU would hang at, or that threads reach at different lines, are
// reported. LAMINA_EMULATE_ORDER=reverse runs lanes, warps and blocks backwards: what then gives
// other results lacks a barrier.
#pragma once
#define LAMINA_EMULATE 1

#include "emulate/types.h"

#include "emulate/machine.h"

#include "emulate/warp.h"

#include "emulate/intrinsics.h"

#include "emulate/tensor_core.h"

#include "emulate/wgmma.h"

/** Opens a kernel: its body follows in braces and sees its parameters as p. */
#define KERNEL(name, Params, THREADS)                                                          \
  static void name##_body(const Params& p);                                                    \
  extern "C" __attribute__((visibility("default"))) const emulate::KernelInfo name##_info = {  \
      sizeof(Params), THREADS};                                                                \
  extern "C" __attribute__((visibility("default"))) const char* name(                          \
      const void* params, emulate::Dim3 grid, emulate::Dim3 block, unsigned sharedBytes) {     \
    return emulate::launch(                                                                    \
        {#name, THREADS, [](const void* q) { name##_body(*static_cast<const Params*>(q)); }},  \
        params, grid, block, sharedBytes);                                                     \
  }                                                                                            \
  static void name##_body([[maybe_unused]] const Params& p)

/** The dynamic shared memory of the launch. */
#define SHARED_BYTES(name) unsigned char* name = emulate::dynamicShared()
