// What a card can do at most: how fast it reads its memory, and operands for how fast it multiplies.
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

struct NoiseParams {
  u16* to;
  i64 n;
};

// Numbers of the size of a model's, in BF16: what a product draws of power, and so its clock, hangs on
// how many bits change from one operand to the next.
KERNEL(noise_bf16, NoiseParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    u32 hash = (u32)i * 0x9E3779B9u ^ (u32)(i >> 32);
    hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
    hash ^= hash >> 16;
    // The sum of four uniform numbers is near a normal one.
    float sum = 0;
    for (int e = 0; e < 4; e++) sum += (float)(hash >> 8 * e & 255) - 127.5f;
    p.to[i] = toBf16(sum / 148.0f);
  }
}
