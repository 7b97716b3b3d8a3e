// Products of up to 8 rows of x with weights in blocks.
#include "block_product.cuh"

// Dynamic shared memory is asked for by BlockProducts.java.
#define BLOCK_PRODUCT(name, C, TILES)                          \
  EAGER_KERNEL(name, BlockProductParams, PRODUCT_THREADS, 1) { \
    BlockProduct<C, TILES>(p).run();                           \
  }

BLOCK_PRODUCT(block_product_q8_0, CodesQ8_0, 1)
BLOCK_PRODUCT(block_product_q4_0, CodesQ4_0, 1)
BLOCK_PRODUCT(block_product_q4_k, CodesQ4_K, 1)
BLOCK_PRODUCT(block_product_q6_k, CodesQ6_K, 1)
BLOCK_PRODUCT(block_product_mxfp4, CodesMXFP4, 1)
BLOCK_PRODUCT(block_product_f8e4m3_128, CodesF8E4M3_128, 1)
BLOCK_PRODUCT(block_product_q8_0_3, CodesQ8_0, 3)
BLOCK_PRODUCT(block_product_q4_0_3, CodesQ4_0, 3)
BLOCK_PRODUCT(block_product_q4_k_3, CodesQ4_K, 3)
BLOCK_PRODUCT(block_product_q6_k_3, CodesQ6_K, 3)
BLOCK_PRODUCT(block_product_mxfp4_3, CodesMXFP4, 3)
BLOCK_PRODUCT(block_product_f8e4m3_128_3, CodesF8E4M3_128, 3)
// Of chosen experts, whose weights are plain.
BLOCK_PRODUCT(block_product_bf16, CodesBf16, 1)
