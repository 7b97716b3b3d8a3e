// Attention over latents in BF16 and F16, F32 kept whole.
#include "attention_latent.cuh"

KERNEL_OF(latent_attention_bf16, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  latent<Bf16Exact>(p, shared);
}
KERNEL_OF(latent_attention_f16, AttentionParams, TILE_THREADS, 1) {
  SHARED_BYTES(shared);
  latent<F16Exact>(p, shared);
}
