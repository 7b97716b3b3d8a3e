// Block formats as projections of few rows multiply them: how a warp takes a chunk of 16 rows, which lies
// in shared memory, times x. What their bytes mean is said by QuantFormat.java.
#pragma once
#include "block_codes.cuh"
#include "block_gemv.cuh"

// Q4_K: 256 elements are d, dmin, 12 bytes of scales and minima, and four times 32 bytes whose lower
// halves are one sub-block and whose upper halves the next.
template <int BLOCKS>
struct GemvQ4_K {
  enum { CHUNK = 256 * BLOCKS, BYTES = 144 * BLOCKS, PIECES = 9 * BLOCKS };
  typedef IntegerX<true> X;

  // Rows whose addresses differ by 64 bytes modulo 128 are read together.
  static DEVICE int rowOf(int g) {
    return BLOCKS == 2 ? (g & 4) | (g & 1) << 1 | (g >> 1 & 1) : g;
  }

  // A row's scales and minima as this lane needs them.
  struct Head {
    float d;
    float dmin;
    u32 scales[2];  // two of either half of the block, a byte each
    u32 minima;     // four

    DEVICE Head(const uint4& head, int t) {
      d = fromF16((u16)(head.x & 0xFFFF));
      dmin = fromF16((u16)(head.x >> 16));
      int shift = 16 * (t >> 1);
      u32 y = head.y >> shift;
      scales[0] = y & 0x3F3Fu;
      scales[1] = (head.w >> shift & 0x0F0Fu) | (y >> 2 & 0x3030u);
      bool upper = (t & 1) != 0;
      u32 low = upper ? head.w >> 4 : head.z;
      u32 high = upper ? head.z >> 2 : head.z;
      minima = (low & 0x0F0F0F0Fu) | (high & 0x30303030u);
    }
  };

  template <int ROWS>
  static DEVICE void multiply(const X& x, int above, int below, int chunk, float (&sum)[ROWS][4]) {
#pragma unroll 1
    for (int b = 0; b < BLOCKS; b++) {
      block(x, above + b * 144, below + b * 144, BLOCKS * chunk + b, sum);
    }
  }

  template <int ROWS>
  static DEVICE void block(const X& x, int above, int below, int super, float (&sum)[ROWS][4]) {
    int lane = threadIdx.x & 31;
    int g = lane >> 2;
    int t = lane & 3;
    int plane = g & 3;
    bool in = (g < 4) == (t < 2);
    int own = plane * 256 + (t >> 1) * 64 + (t & 1) * 16;
    int swap = (plane & 1) * 32;
    int zeros = g < 4 ? 64 : 0;  // in banks that the other lanes do not read
    Head upper(wordsAt(above), t);
    Head lower(wordsAt(below), t);
    int low[ROWS][4];
    int high[ROWS][4];
    int xLow[ROWS];
    int xHigh[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      int at = x.planesOf(r, super) + own;
      xLow[r] = in ? at + swap : zeros;
      xHigh[r] = in ? at + (32 - swap) : zeros;
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      uint4 a = wordsAt(above + 16 + half * 64 + t * 16);
      uint4 c = wordsAt(below + 16 + half * 64 + t * 16);
      const u32 low4 = 0x0F0F0F0Fu;
      const u32 high4 = 0xF0F0F0F0u;
      int scale[2] = {(int)(upper.scales[half] & 255), (int)(lower.scales[half] & 255)};
      int scaleHigh[2] = {(int)(upper.scales[half] >> 8), (int)(lower.scales[half] >> 8)};
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        uint4 xv = wordsAt(xLow[r] + half * 128);
        int d[4] = {0, 0, 0, 0};
        mmaU8(d, {a.x & low4, c.x & low4, a.y & low4, c.y & low4}, {xv.x, xv.y});
        mmaU8(d, {a.z & low4, c.z & low4, a.w & low4, c.w & low4}, {xv.z, xv.w});
        xv = wordsAt(xHigh[r] + half * 128);
        int h[4] = {0, 0, 0, 0};
        mmaU8(h, {a.x & high4, c.x & high4, a.y & high4, c.y & high4}, {xv.x, xv.y});
        mmaU8(h, {a.z & high4, c.z & high4, a.w & high4, c.w & high4}, {xv.z, xv.w});
#pragma unroll
        for (int e = 0; e < 4; e++) {
          low[r][e] = half == 0 ? scale[e >> 1] * d[e] : low[r][e] + scale[e >> 1] * d[e];
          high[r][e] = half == 0 ? scaleHigh[e >> 1] * h[e] : high[r][e] + scaleHigh[e >> 1] * h[e];
        }
      }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      int sums = g < 4 && t < 2 ? x.sumsOf(ROWS, r, super) + plane * 8 + t * 4 : 0;
      int m[4] = {0, 0, 0, 0};
      mmaU8Half(m, {upper.minima, lower.minima}, wordAt(sums));
      float scale = *(const float*)room(x.scaleOf(ROWS, r, super));
      float factors[2] = {upper.d * scale, lower.d * scale};
      float minima[2] = {upper.dmin * scale, lower.dmin * scale};
#pragma unroll
      for (int e = 0; e < 4; e++) {
        // Upper halves counted 16 times; sums of x are in units of 32 times those of x.
        sum[r][e] = fmaf(factors[e >> 1] * 0.0625f, (float)(low[r][e] * 16 + high[r][e]), sum[r][e]);
        sum[r][e] = fmaf(minima[e >> 1] * -32.0f, (float)m[e], sum[r][e]);
      }
    }
  }
};

// Q8_0: 32 elements are d and 32 signed bytes.
template <int ELEMENTS>
struct GemvQ8_0 {
  enum { CHUNK = ELEMENTS, BYTES = CHUNK / 32 * 34, PIECES = BYTES / 16 };
  typedef IntegerX<false> X;

  static DEVICE int rowOf(int g) { return g; }

  // The 16 codes from an offset on that is two bytes past a word, or at one.
  static DEVICE void codes(int at, u32 shift, u32 (&words)[4]) {
    u32 w[5];
#pragma unroll
    for (int i = 0; i < 5; i++) w[i] = wordAt(at + 4 * i);
#pragma unroll
    for (int i = 0; i < 4; i++) words[i] = __funnelshift_r(w[i], w[i + 1], shift);
  }

  template <int ROWS>
  static DEVICE void multiply(const X& x, int above, int below, int chunk, float (&sum)[ROWS][4]) {
    int lane = threadIdx.x & 31;
    int g = lane >> 2;
    int t = lane & 3;
    int plane = g & 3;
    bool in = (g < 4) == (t < 2);
    int own = plane * 256 + (((t >> 1) ^ (plane & 1)) * 32) + (t & 1) * 16;
    // Of two blocks that follow each other the first one's codes lie two bytes past a word.
    u32 shift = t < 2 ? 16 : 0;
    int code = (t < 2 ? 0 : 36) + (t & 1) * 16;
    int scales = t < 2 ? 0 : 34;
#pragma unroll
    for (int b = 0; b < CHUNK / X_BLOCK; b++) {
      int super = chunk * (CHUNK / X_BLOCK) + b;
      float scale[ROWS];
      int xs[ROWS];
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        scale[r] = *(const float*)room(x.scaleOf(ROWS, r, super));
        // Zeros are in banks that the other lanes do not read.
        xs[r] = in ? x.planesOf(r, super) + own : 64;
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int at = b * 272 + i * 68;
        u32 a[4];
        u32 c[4];
        codes(above + at + code, shift, a);
        codes(below + at + code, shift, c);
        float d[2] = {fromF16((u16)halfAt(room(above + at + scales))),
                      fromF16((u16)halfAt(room(below + at + scales)))};
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          uint4 xv = wordsAt(xs[r] + i * 64);
          int all[4] = {0, 0, 0, 0};
          mmaS8(all, {a[0], c[0], a[1], c[1]}, {xv.x, xv.y});
          mmaS8(all, {a[2], c[2], a[3], c[3]}, {xv.z, xv.w});
#pragma unroll
          for (int e = 0; e < 4; e++) {
            sum[r][e] = fmaf(d[e >> 1] * scale[r], (float)all[e], sum[r][e]);
          }
        }
      }
    }
  }
};

// Eight bytes of shared memory at any address, as two words; as many more may be read.
DEVICE void bytesAt(int at, u32& first, u32& second) {
  int from = at & ~3;
  u32 shift = (u32)(at & 3) * 8;
  u32 middle = wordAt(from + 4);
  first = __funnelshift_r(wordAt(from), middle, shift);
  second = __funnelshift_r(middle, wordAt(from + 8), shift);
}

// Formats of 32 elements in 16 bytes of halves, the lower ones first: a lane has eight bytes of one of
// two blocks. H says where they lie and what they stand for.
template <class H>
struct GemvHalves {
  enum { CHUNK = 512, BYTES = 16 * H::BLOCK, PIECES = BYTES / 16 };
  typedef IntegerX<false> X;

  static DEVICE int rowOf(int g) { return g; }

  template <int ROWS>
  static DEVICE void multiply(const X& x, int above, int below, int chunk, float (&sum)[ROWS][4]) {
    int lane = threadIdx.x & 31;
    int g = lane >> 2;
    int t = lane & 3;
    int plane = g & 3;
    bool in = (g < 4) == (t < 2);
    int own = plane * 256 + (((t >> 1) ^ (plane & 1)) * 32) + (t & 1) * 8;
#pragma unroll 1
    for (int b = 0; b < 2; b++) {
      int super = chunk * 2 + b;
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int at = (b * 8 + i * 2 + (t >> 1)) * H::BLOCK;
        u32 a[2];
        u32 c[2];
        bytesAt(above + at + H::BLOCK - 16 + (t & 1) * 8, a[0], a[1]);
        bytesAt(below + at + H::BLOCK - 16 + (t & 1) * 8, c[0], c[1]);
        u32 upper[4];
        u32 lower[4];
        H::codes(a, upper);
        H::codes(c, lower);
        float d[2] = {H::factor(above + at), H::factor(below + at)};
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          int from = in ? x.planesOf(r, super) + own : 64;
          uint2 first = *(const uint2*)room(from + i * 64);
          uint2 second = *(const uint2*)room(from + i * 64 + 16);
          float scale = *(const float*)room(x.scaleOf(ROWS, r, super));
          u32 xv[4];
          H::order(first, second, xv);
          int all[4] = {0, 0, 0, 0};
          mmaS8(all, {upper[0], lower[0], upper[1], lower[1]}, {xv[0], xv[1]});
          mmaS8(all, {upper[2], lower[2], upper[3], lower[3]}, {xv[2], xv[3]});
#pragma unroll
          for (int e = 0; e < 4; e++) sum[r][e] = fmaf(d[e >> 1] * scale, (float)all[e], sum[r][e]);
        }
      }
    }
  }
};

// Q4_0: a code less 8, times d; 16 times that as the upper half of a signed byte.
struct HalvesQ4_0 {
  enum { BLOCK = 18 };
  static DEVICE void codes(const u32 (&w)[2], u32 (&to)[4]) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      to[i] = (w[i] << 4 ^ 0x80808080u) & 0xF0F0F0F0u;
      to[2 + i] = (w[i] ^ 0x88888888u) & 0xF0F0F0F0u;
    }
  }
  static DEVICE float factor(int block) {
    return fromF16((u16)halfAt(room(block))) * 0.0625f;
  }
  static DEVICE void order(const uint2& first, const uint2& second, u32 (&x)[4]) {
    x[0] = first.x, x[1] = first.y, x[2] = second.x, x[3] = second.y;
  }
};

// MXFP4: codes of a sign and three bits, which pick twice what they stand for from a table. They come out
// lower and upper halves by turns.
struct HalvesMXFP4 {
  enum { BLOCK = 17 };
  static DEVICE void codes(const u32 (&w)[2], u32 (&to)[4]) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      u32 four = i & 1 ? w[i / 2] >> 16 : w[i / 2];
      u32 pick = four & 0x7777u;
      u32 positive = __byte_perm(0x03020100u, 0x0C080604u, pick);
      u32 negative = __byte_perm(0xFDFEFF00u, 0xF4F8FAFCu, pick);
      u32 signs = __byte_perm(0x0000FF00u, 0, four >> 3 & 0x1111u);
      to[i] = (negative & signs) | (positive & ~signs);
    }
  }
  static DEVICE float factor(int block) {
    u32 e = *room(block);
    return __int_as_float((int)(e < 2 ? 0x00200000u << e : (e - 1) << 23));
  }
  static DEVICE void order(const uint2& first, const uint2& second, u32 (&x)[4]) {
    x[0] = __byte_perm(first.x, second.x, 0x5140);
    x[1] = __byte_perm(first.x, second.x, 0x7362);
    x[2] = __byte_perm(first.y, second.y, 0x5140);
    x[3] = __byte_perm(first.y, second.y, 0x7362);
  }
};

// Q6_K: 256 elements are the lower four bits of their codes, the upper two, sixteen signed scales and d.
// A product takes two sub-blocks of 16.
struct GemvQ6_K {
  enum { CHUNK = 256, BYTES = 210, PIECES = 14 };
  typedef IntegerX<false> X;

  static DEVICE int rowOf(int g) { return g; }

  template <int ROWS>
  static DEVICE void multiply(const X& x, int above, int below, int chunk, float (&sum)[ROWS][4]) {
    int lane = threadIdx.x & 31;
    int g = lane >> 2;
    int t = lane & 3;
    int plane = g & 3;
    bool in = (g < 4) == (t < 2);
    int all[ROWS][4];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int e = 0; e < 4; e++) all[r][e] = 0;
#pragma unroll 1
    for (int half = 0; half < 2; half++) {
      u32 low[2][4];   // of the upper and the lower row, the bytes of 64 elements
      u32 high[2][2];  // of 128
#pragma unroll
      for (int row = 0; row < 2; row++) {
        int at = (row == 0 ? above : below) + t * 8;
        bytesAt(at + half * 64, low[row][0], low[row][1]);
        bytesAt(at + half * 64 + 32, low[row][2], low[row][3]);
        bytesAt(at + 128 + half * 32, high[row][0], high[row][1]);
      }
#pragma unroll
      for (int quarter = 0; quarter < 4; quarter++) {
        u32 a[4];
        int scales[2];
#pragma unroll
        for (int row = 0; row < 2; row++) {
          const signed char* at = (const signed char*)room(row == 0 ? above : below) + 192;
          scales[row] = at[half * 8 + quarter * 2 + (t >> 1)];
#pragma unroll
          for (int i = 0; i < 2; i++) {
            u32 lower = low[row][(quarter & 1) * 2 + i] >> (quarter >> 1) * 4 & 0x0F0F0F0Fu;
            u32 upper = high[row][i] >> quarter * 2 << 4 & 0x30303030u;
            // Less 32, as a byte's two's complement.
            a[2 * i + row] = ((lower | upper) + 0x60606060u) ^ 0x80808080u;
          }
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          int own = plane * 256 + half * 128 + (quarter ^ (plane & 1)) * 32 + t * 8;
          uint2 xv = *(const uint2*)room(in ? x.planesOf(r, chunk) + own : 0);
          int d[4] = {0, 0, 0, 0};
          mmaS8(d, a, {xv.x, xv.y});
#pragma unroll
          for (int e = 0; e < 4; e++) all[r][e] += scales[e >> 1] * d[e];
        }
      }
    }
    float d[2] = {fromF16((u16)halfAt(room(above + 208))), fromF16((u16)halfAt(room(below + 208)))};
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      float scale = *(const float*)room(x.scaleOf(ROWS, r, chunk));
#pragma unroll
      for (int e = 0; e < 4; e++) sum[r][e] = fmaf(d[e >> 1] * scale, (float)all[r][e], sum[r][e]);
    }
  }
};

// F8E4M3_128: 128 elements are an F32 and as many E4M3 floats.
template <int ELEMENTS>
struct GemvF8E4M3_128 {
  enum { CHUNK = ELEMENTS, BYTES = CHUNK / 128 * 132, PIECES = (BYTES + 15) / 16 };
  typedef HalfX X;

  static DEVICE int rowOf(int g) { return g; }

  template <int ROWS>
  static DEVICE void multiply(const X& x, int above, int below, int chunk, float (&sum)[1][4]) {
#pragma unroll 1
    for (int b = 0; b < CHUNK / X_BLOCK; b++) {
      blocks<ROWS>(x, above + b * 264, below + b * 264, CHUNK / X_BLOCK * chunk + b, sum);
    }
  }

  // Two blocks, whose x shares a scale.
  template <int ROWS>
  static DEVICE void blocks(const X& x, int above, int below, int super, float (&sum)[1][4]) {
    int lane = threadIdx.x & 31;
    int g = lane >> 2;
    int t = lane & 3;
    // Columns that there are not read the last one.
    int column = g < 3 * ROWS ? g : 3 * ROWS - 1;
    int xs = x.planesOf(column / 3, super) + column % 3 * 512 + t * 16;
    int swap = (column % 3 & 1) * 64;
    int own[2] = {xs + swap, xs - swap};
    float scale[2];
#pragma unroll
    for (int e = 0; e < 2; e++) {
      int c = 2 * t + e < 3 * ROWS ? 2 * t + e : 3 * ROWS - 1;
      scale[e] = *(const float*)room(x.scaleOf(ROWS, c / 3, super));
    }
#pragma unroll
    for (int b = 0; b < 2; b++) {
      float d[4] = {0, 0, 0, 0};
      float factors[2] = {__int_as_float((int)wordAt(above + b * 132)),
                          __int_as_float((int)wordAt(below + b * 132))};
#pragma unroll
      for (int group = 0; group < 4; group++) {
        uint4 xv = wordsAt(own[group & 1] + (b * 4 + group) * 64);
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int at = b * 132 + 4 + group * 32 + half * 16 + t * 4;
          u32 upper = wordAt(above + at);
          u32 lower = wordAt(below + at);
          u32 bx[2] = {half == 0 ? xv.x : xv.z, half == 0 ? xv.y : xv.w};
          mmaF16(d, {f16Pair(upper), f16Pair(lower), f16Pair(upper >> 16), f16Pair(lower >> 16)}, bx);
        }
      }
#pragma unroll
      for (int e = 0; e < 4; e++) sum[0][e] = fmaf(factors[e >> 1] * scale[e & 1], d[e], sum[0][e]);
    }
  }

  // The lower two of four E4M3 floats as F16.
  static DEVICE u32 f16Pair(u32 codes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    u32 pair;
    asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(pair) : "h"((u16)codes));
    return pair;
#else
    return (u32)toF16(fromE4m3((u8)(codes >> 8))) << 16 | toF16(fromE4m3((u8)codes));
#endif
  }
};
