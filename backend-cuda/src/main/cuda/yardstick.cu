// What a card can do at most: how fast it reads its memory.
#include "lamina.cuh"

struct ReadParams {
  const uint4* from;
  u32* sink;
  i64 n;
};

// Four reads of 16 bytes of each thread are under way; the sum keeps them from being left out.
KERNEL(read_all, ReadParams, 512) {
  u32 sum = 0;
  i64 step = globalThreads();
  i64 i = globalThread();
  for (; i + 3 * step < p.n; i += 4 * step) {
    uint4 a = p.from[i];
    uint4 b = p.from[i + step];
    uint4 c = p.from[i + 2 * step];
    uint4 d = p.from[i + 3 * step];
    sum += a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w ^ c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
  }
  for (; i < p.n; i += step) sum += p.from[i].x;
  if (sum == 0x9E3779B9) *p.sink = sum;
}
