// Block formats of quantised weights as tables: what BlockTables.java writes of each BlockSpec.
#pragma once
#include "lamina.cuh"

// An integer put together from pieces: a word a piece is byte | shift << 16 | width << 20 | to << 24,
// the shift below 8; a piece may reach into the next byte.
struct BitTable {
  i64 words;  // bytes from the format's beginning
  int pieces;
  int unused;
};

enum Written {
  WRITTEN_F16,
  WRITTEN_QUARTER_F16,
  WRITTEN_EIGHTH_F16,
  WRITTEN_EIGHTH_F16_IN_HALVES,
  WRITTEN_F32,
  WRITTEN_HALF_E8M0,
  WRITTEN_HALF_E4M3
};

// What codes stand for: a number each, a coordinate of a point, a digit of base 3.
enum LevelKind { NUMBERS, POINTS, TERNARY };
enum Above { SIGN, EVEN_SIGNS, EIGHTHS };

#define MAX_RUNS 4

struct BlockFactor {
  BitTable integers;
  int written;
  int at;
  int stride;
  int groups;
  int bias;
  int isSigned;
};

struct BlockFormat {
  BitTable codes;
  i64 levels;  // bytes from here to 256 numbers, or to all points' coordinates
  BlockFactor scale;
  BlockFactor min;
  int elements;
  int bytes;
  int minimum;  // 0 without, 1 added, -1 subtracted
  int kind;
  int points;   // of the book, a power of two
  int dims;     // coordinates of a point
  int above;
  int runs;
  int runBytes[MAX_RUNS];
  int runPlanes[MAX_RUNS];
};

DEVICE float levelAt(const BlockFormat& f, u32 i) {
  return ((const float*)((const u8*)&f + f.levels))[i];
}

DEVICE u32 bitsOf(const BlockFormat& f, const BitTable& table, const u8* block, int i) {
  const u32* words = (const u32*)((const u8*)&f + table.words);
  u32 value = 0;
  for (int k = 0; k < table.pieces; k++) {
    u32 w = words[i * table.pieces + k];
    u32 shift = w >> 16 & 7;
    u32 width = w >> 20 & 15;
    const u8* at = block + (w & 0xFFFF);
    u32 bits = shift + width > 8 ? at[0] | (u32)at[1] << 8 : at[0];
    u32 piece = bits >> shift & ((1u << width) - 1);
    value |= piece << (w >> 24);
  }
  return value;
}

DEVICE float f16At(const u8* at) { return fromF16((u16)(at[0] | at[1] << 8)); }

DEVICE float writtenAt(int written, const u8* at) {
  switch (written) {
    case WRITTEN_F16: return f16At(at);
    case WRITTEN_QUARTER_F16: return f16At(at) * 0.25f;
    case WRITTEN_EIGHTH_F16: return f16At(at) * 0.125f;
    case WRITTEN_EIGHTH_F16_IN_HALVES: {
      u32 bits = 0;
      for (int i = 0; i < 4; i++) bits |= (u32)(at[2 * i + 1] >> 4) << (4 * i);
      return fromF16((u16)bits) * 0.125f;
    }
    case WRITTEN_F32:
      return __int_as_float((int)(at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24));
    case WRITTEN_HALF_E8M0: {
      // 2^(e - 128), which is subnormal for e below 2.
      u32 e = at[0];
      return __int_as_float((int)(e < 2 ? 0x00200000u << e : (e - 1) << 23));
    }
    default: {
      u8 bits = at[0] & 0x7F;
      return bits == 0x7F ? 0.0f : fromE4m3(bits) * 0.5f;
    }
  }
}

DEVICE float factorOf(const BlockFormat& f, const BlockFactor& factor, const u8* block, int group) {
  float x = writtenAt(factor.written, block + factor.at + group * factor.stride);
  if (factor.integers.pieces > 0) {
    int n = (int)bitsOf(f, factor.integers, block, group);
    if (factor.isSigned) n = (signed char)n;
    x = __fmul_rn(x, (float)(n - factor.bias));
  }
  return x;
}

DEVICE float pointLevel(const BlockFormat& f, u32 code, int i) {
  float c = levelAt(f, (code & (u32)(f.points - 1)) * (u32)f.dims + (u32)(i % f.dims));
  u32 bits = code / (u32)f.points;
  switch (f.above) {
    case SIGN: return bits != 0 ? -c : c;
    case EVEN_SIGNS: {
      u32 signs = bits | ((u32)__popc(bits) & 1) << 7;
      return signs >> (i % 8) & 1 ? -c : c;
    }
    default: return 8.0f * c + 1.0f - 2.0f * (float)bits;
  }
}

// Of each run of bytes the first digits of all come first.
DEVICE float ternaryLevel(const BlockFormat& f, const u8* block, int i) {
  int from = 0;
  for (int r = 0; r < f.runs; r++) {
    int n = f.runBytes[r] * f.runPlanes[r];
    if (i < n) {
      u32 power = 1;
      for (int plane = i / f.runBytes[r]; plane > 0; plane--) power *= 3;
      u32 code = bitsOf(f, f.codes, block, from + i % f.runBytes[r]);
      return (float)((int)((code * power & 255) * 3 >> 8) - 1);
    }
    i -= n;
    from += f.runBytes[r];
  }
  return 0.0f;
}

DEVICE float levelOf(const BlockFormat& f, const u8* block, int i) {
  if (f.kind == TERNARY) return ternaryLevel(f, block, i);
  u32 code = bitsOf(f, f.codes, block, i);
  return f.kind == POINTS ? pointLevel(f, code, i) : levelAt(f, code);
}

// Element i of a matrix of blocks; each product and sum is rounded by itself.
DEVICE float blockElement(const BlockFormat& f, const void* data, i64 i) {
  const u8* block = (const u8*)data + i / f.elements * f.bytes;
  int at = (int)(i % f.elements);
  int group = at / (f.elements / f.scale.groups);
  float x = __fmul_rn(factorOf(f, f.scale, block, group), levelOf(f, block, at));
  if (f.minimum != 0) {
    float m = factorOf(f, f.min, block, group);
    x = __fadd_rn(x, f.minimum > 0 ? m : -m);
  }
  return x;
}
