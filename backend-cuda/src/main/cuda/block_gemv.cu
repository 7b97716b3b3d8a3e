// Projections of one or two rows by weights in blocks: a kernel a format and number of rows.
#include "block_gemv_codes.cuh"

// Warps and stages, as dynamic shared memory, are those of BlockGemv.java.
#define BLOCK_GEMV(name, F, ROWS, STAGES, DEPTH)                             \
  LATE_KERNEL(block_gemv_##name##_##ROWS, BlockGemvParams, 8 * WARP, 1) {    \
    BlockGemv<F, ROWS, STAGES, DEPTH, 8>(p).run();                           \
  }

BLOCK_GEMV(q4_k, GemvQ4_K<2>, 1, 3, 2)
BLOCK_GEMV(q4_k, GemvQ4_K<2>, 2, 3, 2)
BLOCK_GEMV(q6_k, GemvQ6_K, 1, 3, 2)
BLOCK_GEMV(q6_k, GemvQ6_K, 2, 3, 2)
BLOCK_GEMV(q8_0, GemvQ8_0<512>, 1, 2, 1)
BLOCK_GEMV(q8_0, GemvQ8_0<256>, 2, 2, 1)
BLOCK_GEMV(q4_0, GemvHalves<HalvesQ4_0>, 1, 3, 2)
BLOCK_GEMV(q4_0, GemvHalves<HalvesQ4_0>, 2, 3, 2)
BLOCK_GEMV(mxfp4, GemvHalves<HalvesMXFP4>, 1, 3, 2)
BLOCK_GEMV(mxfp4, GemvHalves<HalvesMXFP4>, 2, 3, 2)
BLOCK_GEMV(f8e4m3_128, GemvF8E4M3_128<512>, 1, 2, 1)
BLOCK_GEMV(f8e4m3_128, GemvF8E4M3_128<256>, 2, 2, 1)
