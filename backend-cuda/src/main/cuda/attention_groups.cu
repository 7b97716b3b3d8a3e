// Prefill over keys and values in BF16 by warpgroups: relaxed numerics, sm_90a only.
#include "attention_groups.cuh"

KERNEL_OF(paged_prefill_groups_64, AttentionParams, TILE_THREADS, 2) {
  SHARED_BYTES(shared);
  prefillGroups<64>(p, shared);
}
KERNEL_OF(paged_prefill_groups_128, AttentionParams, TILE_THREADS, 2) {
  SHARED_BYTES(shared);
  prefillGroups<128>(p, shared);
}
