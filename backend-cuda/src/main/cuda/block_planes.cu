// Weights in blocks taken apart into planes of BF16, for products of many rows (gemm.cuh).
#include "block_codes.cuh"

struct BlockPlanesParams {
  const u8* blocks;  // the first of those to be taken apart
  u16* out;
  i64 n;             // elements
  i64 stride;        // from one plane to the next
  int planes;        // one is rounded to nearest, three are cut
  int unused;
};

// Four elements, whose values are rounded as QuantFormat says.
template <typename C>
DEVICE void elements(const u8* block, int at, float (&x)[4]) {
  C codes(block);
  int group = at / CODE_GROUP;
  int half = C::HALVES ? at / 16 % 2 : at / 4 % 2;
  int t = C::HALVES ? at / 4 % 4 : at / 8 % 4;
  u32 pairs[2];
  codes.pairs(group, half, t, pairs);
  float scale = codes.factor();
  if (C::SUB < C::ELEMENTS) scale = __fmul_rn(scale, codes.subScale(group, half));
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float code = fromBf16((u16)(pairs[i & 1] >> (i >> 1) * 16)) - (float)C::OFFSET;
    x[i] = __fmul_rn(scale, code);
  }
  if constexpr (C::HAS_MIN != 0) {
    float m = __fmul_rn(codes.minimum(), codes.minimumCount(group));
#pragma unroll
    for (int i = 0; i < 4; i++) x[i] = __fadd_rn(x[i], -m);
  }
  if constexpr (C::HAS_NAN != 0) {
    u32 nans = codes.nans(group, half, t);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if ((nans >> (8 * i + 7) & 1) != 0) x[i] = quietNan();
    }
  }
}

template <typename C>
DEVICE void takeApart(const BlockPlanesParams& p) {
  for (i64 i = globalThread() * 4; i < p.n; i += globalThreads() * 4) {
    float x[4];
    elements<C>(p.blocks + i / C::ELEMENTS * C::BYTES, (int)(i % C::ELEMENTS), x);
    for (int plane = 0; plane < p.planes; plane++) {
      uint2 pairs;
      if (p.planes == 1) {
        pairs = make_uint2(toBf16Pair(x[0], x[1]), toBf16Pair(x[2], x[3]));
      } else {
        u16 parts[4];
#pragma unroll
        for (int e = 0; e < 4; e++) parts[e] = nextPlane(x[e]);
        pairs.x = (u32)parts[1] << 16 | parts[0];
        pairs.y = (u32)parts[3] << 16 | parts[2];
      }
      *(uint2*)(p.out + plane * p.stride + i) = pairs;
    }
  }
}

#define BLOCK_PLANES(name, C) \
  KERNEL(name, BlockPlanesParams, 256) { takeApart<C>(p); }

BLOCK_PLANES(block_planes_q8_0, CodesQ8_0)
BLOCK_PLANES(block_planes_q4_0, CodesQ4_0)
BLOCK_PLANES(block_planes_q4_k, CodesQ4_K)
BLOCK_PLANES(block_planes_q6_k, CodesQ6_K)
BLOCK_PLANES(block_planes_mxfp4, CodesMXFP4)
BLOCK_PLANES(block_planes_f8e4m3_128, CodesF8E4M3_128)
