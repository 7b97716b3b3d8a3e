// Attention over keys and values in BF16, with queries and weights rounded to it: relaxed numerics.
#include "attention_decode.cuh"
#include "attention_prefill.cuh"

KERNEL_OF(paged_decode_bf16_rounded_64, AttentionParams, TILE_THREADS, 4) {
  SHARED_BYTES(shared);
  decode<Bf16Rounded, 64>(p, shared);
}
KERNEL_OF(paged_decode_bf16_rounded_128, AttentionParams, TILE_THREADS, 3) {
  SHARED_BYTES(shared);
  decode<Bf16Rounded, 128>(p, shared);
}
KERNEL_OF(paged_decode_bf16_rounded_256, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  decode<Bf16Rounded, 256>(p, shared);
}
KERNEL_OF(paged_prefill_bf16_rounded_64, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  prefill<Bf16Rounded, 64>(p, shared);
}
KERNEL_OF(paged_prefill_bf16_rounded_128, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  prefill<Bf16Rounded, 128>(p, shared);
}
KERNEL_OF(paged_prefill_bf16_rounded_256, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  prefill<Bf16Rounded, 256>(p, shared);
}
