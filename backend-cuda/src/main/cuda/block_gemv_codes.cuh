// Block formats as projections of few rows multiply them: how a warp takes a chunk of 16 rows, which lies
// in shared memory, times x. What their bytes mean is said by QuantFormat.java.
#pragma once
#include "block_codes.cuh"
#include "block_gemv.cuh"

// Q4_K: 256 elements are d, dmin, 12 bytes of scales and minima, and four times 32 bytes whose lower
// halves are one sub-block and whose upper halves the next.
struct GemvQ4_K {
  // Two blocks of a row are whole sectors of 32 bytes.
  enum { CHUNK = 512, BYTES = 288, PIECES = 18 };
  typedef IntegerX<true> X;

  // Rows whose addresses differ by 64 bytes modulo 128 are read together.
  static DEVICE int rowOf(int g) { return (g & 4) | (g & 1) << 1 | (g >> 1 & 1); }

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
    for (int b = 0; b < 2; b++) block(x, above + b * 144, below + b * 144, 2 * chunk + b, sum);
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
    Head upper(wordsAt(above), t);
    Head lower(wordsAt(below), t);
    int low[ROWS][4];
    int high[ROWS][4];
    int xLow[ROWS];
    int xHigh[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      int at = x.planesOf(r, super) + own;
      xLow[r] = in ? at + swap : 0;
      xHigh[r] = in ? at + (32 - swap) : 0;
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
        xs[r] = in ? x.planesOf(r, super) + own : 0;
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

// F8E4M3_128: 128 elements are an F32 and as many E4M3 floats.
struct GemvF8E4M3_128 {
  enum { CHUNK = 256, BYTES = 264, PIECES = 17 };
  typedef HalfX X;

  static DEVICE int rowOf(int g) { return g; }

  template <int ROWS>
  static DEVICE void multiply(const X& x, int above, int below, int chunk, float (&sum)[1][4]) {
    int lane = threadIdx.x & 31;
    int g = lane >> 2;
    int t = lane & 3;
    // Columns that there are not read the last one.
    int column = g < 3 * ROWS ? g : 3 * ROWS - 1;
    int xs = x.planesOf(column / 3, chunk) + column % 3 * 512 + t * 16;
    int swap = (column % 3 & 1) * 64;
    int own[2] = {xs + swap, xs - swap};
    float scale[2];
#pragma unroll
    for (int e = 0; e < 2; e++) {
      int c = 2 * t + e < 3 * ROWS ? 2 * t + e : 3 * ROWS - 1;
      scale[e] = *(const float*)room(x.scaleOf(ROWS, c / 3, chunk));
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
