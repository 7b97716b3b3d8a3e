// Block formats taken apart at full speed: codes of a block as BF16, which holds each exactly.
//
// Lane t of four has eight elements of each group of 32: 8t to 8t + 7, or where codes lie in HALVES 4t
// to 4t + 3 and 16 more. A format gives for either half of them the four codes as two pairs {0, 2} and
// {1, 3}, raised by OFFSET; an element is factor * sub-scale of its group * (code - OFFSET), less a
// minimum. Blocks are read word by word, at addresses of the alignment that is said. What their bytes
// mean is said by QuantFormat.java.
#pragma once
#include "lamina.cuh"

#define CODE_GROUP 32

// fmaPair: a * b + c of two BF16 each, rounded once.
#if defined(__CUDA_ARCH__)
// (x & mask) | bits as one instruction: of constants alone the compiler makes two.
DEVICE u32 select(u32 x, u32 mask, u32 bits) {
  u32 y;
  asm("lop3.b32 %0, %1, %2, %3, 0xEA;" : "=r"(y) : "r"(x), "r"(mask), "r"(bits));
  return y;
}
DEVICE u32 fmaPair(u32 a, u32 b, u32 c) {
  u32 d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
#else
DEVICE u32 select(u32 x, u32 mask, u32 bits) { return (x & mask) | bits; }
DEVICE u32 fmaPair(u32 a, u32 b, u32 c) {
  u32 d = 0;
  for (int s = 0; s < 32; s += 16) {
    float x = fmaf(fromBf16((u16)(a >> s)), fromBf16((u16)(b >> s)), fromBf16((u16)(c >> s)));
    d |= (u32)toBf16(x) << s;
  }
  return d;
}
#endif

// The next plane of a number, of which the rest stays: its upper bits, cut. What is not finite is its
// first plane, and the others are zero.
DEVICE u16 nextPlane(float& x) {
  if (!(fabsf(x) < infinity())) {
    u16 all = toBf16(x);
    x = 0;
    return all;
  }
  u32 bits = (u32)__float_as_int(x) & 0xFFFF0000u;
  x -= __int_as_float((int)bits);
  return (u16)(bits >> 16);
}

#define PAIR(bits) ((u32)(bits) << 16 | (u32)(bits))
#define PAIR_ONE PAIR(0x3F80)
#define PAIR_MINUS_ONE PAIR(0xBF80)
// 128 as BF16, whose last bit counts 1: bits below 7 of a code may be set in it.
#define PAIR_128 PAIR(0x4300)

// Words of 4 bytes that begin at any address.
struct Words {
  const u32* at;
  u32 shift;

  DEVICE explicit Words(const u8* from) {
    u64 address = (u64)from;
    at = (const u32*)(from - (address & 3));
    shift = (u32)(address & 3) * 8;
  }
  DEVICE u32 word(int i) const { return __funnelshift_r(at[i], at[i + 1], shift); }
};

// Two bytes at an even address.
DEVICE u32 halfAt(const u8* at) { return *(const u16*)at; }

// An integer of 8 bits as a float.
DEVICE float byteOf(u32 word, int i) {
  // 2^23 + byte; the difference is exact.
  return __int_as_float((int)__byte_perm(word, 0x4B000000u, 0x7440 | i)) - 8388608.0f;
}

// Pairs of bytes, of which MASK counts, less 128 and a bias.
template <u32 MASK>
DEVICE void unsignedPairs(u32 bytes, u32 bias, u32 (&pairs)[2]) {
  pairs[0] = fmaPair(select(bytes, PAIR(MASK), PAIR_128), PAIR_ONE, bias);
  pairs[1] = fmaPair(select(bytes >> 8, PAIR(MASK), PAIR_128), PAIR_ONE, bias);
}

// Two bytes of 16 bits as two's complements.
DEVICE u32 signedPair(u32 bytes) {
  // 128 + the lower seven bits, less 128 or, where the eighth is set, less 256.
  u32 bias = select(bytes, PAIR(0x0080), PAIR_128);
  return fmaPair(bias, PAIR_MINUS_ONE, select(bytes, PAIR(0x007F), PAIR_128));
}

struct CodesQ8_0 {
  enum { ELEMENTS = 32, BYTES = 34, SUB = 32, ALIGNED = 2, HALVES = 0, OFFSET = 0 };
  enum { HAS_MIN = 0, HAS_NAN = 0 };
  const u8* block;
  Words codes;

  DEVICE explicit CodesQ8_0(const u8* at) : block(at), codes(at + 2) {}
  DEVICE void pairs(int, int half, int t, u32 (&out)[2]) const {
    u32 w = codes.word(2 * t + half);
    out[0] = signedPair(w);
    out[1] = signedPair(w >> 8);
  }
  DEVICE float factor() const { return fromF16((u16)halfAt(block)); }
  DEVICE float subScale(int, int) const { return 1; }
};

struct CodesQ4_0 {
  enum { ELEMENTS = 32, BYTES = 18, SUB = 32, ALIGNED = 2, HALVES = 1, OFFSET = 0 };
  enum { HAS_MIN = 0, HAS_NAN = 0 };
  const u8* block;
  Words codes;

  DEVICE explicit CodesQ4_0(const u8* at) : block(at), codes(at + 2) {}
  DEVICE void pairs(int, int half, int t, u32 (&out)[2]) const {
    unsignedPairs<15>(codes.word(t) >> (4 * half), PAIR(0xC308), out);  // 128 + 8
  }
  DEVICE float factor() const { return fromF16((u16)halfAt(block)); }
  DEVICE float subScale(int, int) const { return 1; }
};

struct CodesQ4_K {
  enum { ELEMENTS = 256, BYTES = 144, SUB = 32, ALIGNED = 16, HALVES = 0, OFFSET = 16 };
  enum { HAS_MIN = 1, HAS_NAN = 0 };
  const u32* words;
  u32 factors;
  u32 scales[2];
  u32 minima[2];

  DEVICE explicit CodesQ4_K(const u8* at) : words((const u32*)at) {
    uint4 head = *(const uint4*)at;
    factors = head.x;
    scales[0] = head.y & 0x3F3F3F3Fu;
    scales[1] = (head.w & 0x0F0F0F0Fu) | (head.y >> 2 & 0x30303030u);
    minima[0] = head.z & 0x3F3F3F3Fu;
    minima[1] = (head.w >> 4 & 0x0F0F0F0Fu) | (head.z >> 2 & 0x30303030u);
  }
  // A code as the highest bits of the mantissa of 16: its last bit counts 1.
  static DEVICE u32 pair(u32 shifted) { return select(shifted, PAIR(0x0078), PAIR(0x4180)); }
  DEVICE void pairs(int group, int half, int t, u32 (&out)[2]) const {
    uint2 two = ((const uint2*)words)[2 + group / 2 * 4 + t];
    u32 w = half == 0 ? two.x : two.y;
    out[0] = pair((group & 1) == 0 ? w << 3 : w >> 1);
    out[1] = pair((group & 1) == 0 ? w >> 5 : w >> 9);
  }
  DEVICE float factor() const { return fromF16((u16)(factors & 0xFFFF)); }
  DEVICE float subScale(int group, int) const { return byteOf(scales[group / 4], group & 3); }
  DEVICE float minimum() const { return fromF16((u16)(factors >> 16)); }
  DEVICE float minimumCount(int group) const { return byteOf(minima[group / 4], group & 3); }
  // Bytes of groups 2t and 2t + 1 as a pair.
  static DEVICE u32 pairOf(const u32 (&bytes)[2], int t) {
    u32 two = __byte_perm(bytes[0], bytes[1], 0x10u * (2 * t + 1) | 2 * t);
    return fmaPair(__byte_perm(two, 0, 0x4140) | PAIR_128, PAIR_ONE, PAIR(0xC300));
  }
  DEVICE u32 minimumPair(int t) const { return pairOf(minima, t); }
  DEVICE u32 subScalePair(int t) const { return pairOf(scales, t); }
};

struct CodesQ6_K {
  enum { ELEMENTS = 256, BYTES = 210, SUB = 16, ALIGNED = 2, HALVES = 1, OFFSET = 0 };
  enum { HAS_MIN = 0, HAS_NAN = 0 };
  const u8* block;
  Words words;

  DEVICE explicit CodesQ6_K(const u8* at) : block(at), words(at) {}
  DEVICE void pairs(int group, int half, int t, u32 (&out)[2]) const {
    int upper = group / 4;
    int quarter = group % 4;
    u32 low = words.word(16 * upper + 8 * (quarter & 1) + 4 * half + t);
    u32 high = words.word(32 + 8 * upper + 4 * half + t);
    u32 bytes = (low >> (4 * (quarter >> 1)) & 0x0F0F0F0Fu) |
                (high >> (2 * quarter) << 4 & 0x30303030u);
    unsignedPairs<63>(bytes, PAIR(0xC320), out);  // 128 + 32
  }
  DEVICE float factor() const { return fromF16((u16)halfAt(block + 208)); }
  DEVICE float subScale(int group, int half) const {
    return (float)((const signed char*)block)[192 + 2 * group + half];
  }
};

struct CodesMXFP4 {
  enum { ELEMENTS = 32, BYTES = 17, SUB = 32, ALIGNED = 1, HALVES = 1, OFFSET = 0 };
  enum { HAS_MIN = 0, HAS_NAN = 0 };
  const u8* block;
  Words codes;

  DEVICE explicit CodesMXFP4(const u8* at) : block(at), codes(at + 1) {}
  // The code's sign and, as the lowest bits of the exponent and the highest of the mantissa, its
  // other three: 2^-127 times what it stands for, doubled.
  static DEVICE u32 pair(u32 signs, u32 rest) {
    return fmaPair(select(signs, PAIR(0x8000), rest & PAIR(0x01C0)), PAIR(0x7F00), PAIR(0x8000));
  }
  DEVICE void pairs(int, int half, int t, u32 (&out)[2]) const {
    u32 w = codes.word(t);
    if (half == 0) {
      out[0] = pair(w << 12, w << 6);
      out[1] = pair(w << 4, w >> 2);
    } else {
      out[0] = pair(w << 8, w << 2);
      out[1] = pair(w, w >> 6);
    }
  }
  DEVICE float factor() const {
    u32 e = block[0];
    return __int_as_float((int)(e < 2 ? 0x00200000u << e : (e - 1) << 23));
  }
  DEVICE float subScale(int, int) const { return 1; }
};

struct CodesF8E4M3_128 {
  enum { ELEMENTS = 128, BYTES = 132, SUB = 128, ALIGNED = 4, HALVES = 0, OFFSET = 0 };
  enum { HAS_MIN = 0, HAS_NAN = 1 };
  const u32* words;

  DEVICE explicit CodesF8E4M3_128(const u8* at) : words((const u32*)at) {}
  // Exponent and mantissa where BF16 has them: 2^-120 times what they stand for.
  static DEVICE u32 pair(u32 signs, u32 rest) {
    return fmaPair(select(signs, PAIR(0x8000), rest & PAIR(0x07F0)), PAIR(0x7B80), PAIR(0x8000));
  }
  DEVICE u32 word(int group, int half, int t) const { return words[1 + 8 * group + 2 * t + half]; }
  DEVICE void pairs(int group, int half, int t, u32 (&out)[2]) const {
    u32 w = word(group, half, t);
    out[0] = pair(w << 8, w << 4);
    out[1] = pair(w, w >> 4);
  }
  // Not zero if one of the codes is NaN, which has all seven bits below the sign.
  DEVICE u32 nans(int group, int half, int t) const {
    return ((word(group, half, t) & 0x7F7F7F7Fu) + 0x01010101u) & 0x80808080u;
  }
  DEVICE float factor() const { return __int_as_float((int)words[0]); }
  DEVICE float subScale(int, int) const { return 1; }
};

// Weights that are BF16 as they are, as blocks without a scale.
struct CodesBf16 {
  enum { ELEMENTS = 64, BYTES = 128, SUB = 64, ALIGNED = 16, HALVES = 0, OFFSET = 0 };
  enum { HAS_MIN = 0, HAS_NAN = 0 };
  const uint4* eights;

  DEVICE explicit CodesBf16(const u8* at) : eights((const uint4*)at) {}
  DEVICE void pairs(int group, int half, int t, u32 (&out)[2]) const {
    uint4 v = eights[4 * group + t];
    u32 low = half == 0 ? v.x : v.z;
    u32 high = half == 0 ? v.y : v.w;
    out[0] = __byte_perm(low, high, 0x5410);
    out[1] = __byte_perm(low, high, 0x7632);
  }
  DEVICE float factor() const { return 1; }
  DEVICE float subScale(int, int) const { return 1; }
};
