// Products of operands in three planes.
#include "gemm.cuh"

GEMM(gemm_3_1, 3, 1, 128, 128, 32, 64, 3)
GEMM(gemm_3_3, 3, 3, 128, 128, 32, 64, 2)
