// Prefill over keys and values in BF16 by warpgroups: relaxed numerics, sm_90a only.
#include "attention_groups.cuh"

KERNEL_OF(paged_prefill_groups_64, AttentionParams, GROUP_THREADS, 1) {
  SHARED_BYTES(shared);
  prefillGroups<64>(p, shared);
}
KERNEL_OF(paged_prefill_groups_128, AttentionParams, GROUP_THREADS, 1) {
  SHARED_BYTES(shared);
  prefillGroups<128>(p, shared);
}
KERNEL_OF(paged_prefill_groups_256, AttentionParams, GROUP_THREADS, 1) {
  SHARED_BYTES(shared);
  prefillGroups<256>(p, shared);
}
