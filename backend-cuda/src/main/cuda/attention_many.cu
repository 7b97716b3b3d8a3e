// Decode of many sequences over keys and values in BF16, with queries and weights rounded to it.
#include "attention_many.cuh"

KERNEL_OF(paged_decode_many_64, AttentionParams, TILE_THREADS, 4) {
  SHARED_BYTES(shared);
  decodeMany<Bf16Rounded, 64>(p, shared);
}
KERNEL_OF(paged_decode_many_128, AttentionParams, TILE_THREADS, 2) {
  SHARED_BYTES(shared);
  decodeMany<Bf16Rounded, 128>(p, shared);
}
KERNEL_OF(paged_decode_many_256, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  decodeMany<Bf16Rounded, 256>(p, shared);
}
