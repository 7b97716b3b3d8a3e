// Attention over keys and values in BF16, F32 kept whole.
#include "attention_decode.cuh"
#include "attention_prefill.cuh"

KERNEL_OF(paged_decode_bf16_64, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  decode<Bf16Exact, 64>(p, shared);
}
KERNEL_OF(paged_decode_bf16_128, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  decode<Bf16Exact, 128>(p, shared);
}
KERNEL_OF(paged_decode_bf16_256, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  decode<Bf16Exact, 256>(p, shared);
}
KERNEL_OF(paged_prefill_bf16_64, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  prefill<Bf16Exact, 64>(p, shared);
}
KERNEL_OF(paged_prefill_bf16_128, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  prefill<Bf16Exact, 128>(p, shared);
}
KERNEL_OF(paged_prefill_bf16_256, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  prefill<Bf16Exact, 256>(p, shared);
}
