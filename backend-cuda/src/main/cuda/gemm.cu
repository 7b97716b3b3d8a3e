// Products of rounded operands.
#include "gemm.cuh"

GEMM_OF(gemm_1_1, 1, 1, 128, 128, 32, 64, 3, 2)
GEMM(gemm_1_1_small, 1, 1, 64, 64, 32, 16, 6)
GEMM(gemm_3_1_small, 3, 1, 64, 64, 32, 16, 5)
