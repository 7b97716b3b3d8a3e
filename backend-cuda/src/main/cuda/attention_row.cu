// Decode of one row with what its heads need before it, over keys and values in BF16 and F16.
#include "attention_row.cuh"

#define ROW(dtype, W, D)                                                    \
  EAGER_KERNEL(row_decode_##dtype##_##D, RowParams, ROW_THREADS, 1) {       \
    SHARED_BYTES(shared);                                                   \
    RowDecode<W, D> decode(p, shared);                                      \
    decode.run(shared);                                                     \
  }

ROW(bf16, AsBf16, 64)
ROW(bf16, AsBf16, 128)
ROW(bf16, AsBf16, 256)
ROW(f16, AsF16, 64)
ROW(f16, AsF16, 128)
ROW(f16, AsF16, 256)
