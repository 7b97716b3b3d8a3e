// Block formats of quantised weights as tables: what BlockTables.java writes of each BlockSpec.

// An integer put together from pieces: a word a piece is byte | shift << 16 | width << 20 | to << 24,
// the shift below 8; a piece may reach into the next byte.
struct BitTable {
  i64 words;  // bytes from the format's beginning
  int pieces;
  int unused;
};

const int WRITTEN_F16 = 0, WRITTEN_QUARTER_F16 = 1, WRITTEN_EIGHTH_F16 = 2;
const int WRITTEN_EIGHTH_F16_IN_HALVES = 3, WRITTEN_F32 = 4, WRITTEN_HALF_E8M0 = 5;

// What codes stand for: a number each, a coordinate of a point, a digit of base 3.
const int POINTS = 1, TERNARY = 2;
const int SIGN = 0, EVEN_SIGNS = 1;

const int MAX_RUNS = 4;

struct BlockFactor {
  BitTable integers;
  int written;
  int at;
  int stride;
  int groups;
  int bias;
  int isSigned;
};

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer BlockFormat {
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

float levelAt(u64 format, u32 i) {
  return floatAt(format + u64(BlockFormat(format).levels), i);
}

u32 bitsOf(u64 format, BitTable table, u64 block, int i) {
  u32 value = 0u;
  for (int k = 0; k < table.pieces; k++) {
    u32 w = wordAt(format + u64(table.words), i * table.pieces + k);
    u32 shift = w >> 16 & 7u;
    u32 width = w >> 20 & 15u;
    u64 at = block + u64(w & 0xFFFFu);
    u32 bits = u32(byteAt(at, 0));
    if (shift + width > 8u) bits |= u32(byteAt(at, 1)) << 8;
    u32 piece = bits >> shift & ((1u << width) - 1u);
    value |= piece << (w >> 24);
  }
  return value;
}

float f16Of(u64 at) { return fromF16(u32(byteAt(at, 0)) | u32(byteAt(at, 1)) << 8); }

float writtenAt(int written, u64 at) {
  switch (written) {
    case WRITTEN_F16: return f16Of(at);
    case WRITTEN_QUARTER_F16: return f16Of(at) * 0.25;
    case WRITTEN_EIGHTH_F16: return f16Of(at) * 0.125;
    case WRITTEN_EIGHTH_F16_IN_HALVES: {
      u32 bits = 0u;
      for (int i = 0; i < 4; i++) bits |= (u32(byteAt(at, 2 * i + 1)) >> 4) << (4 * i);
      return fromF16(bits) * 0.125;
    }
    case WRITTEN_F32: {
      u32 bits = 0u;
      for (int i = 0; i < 4; i++) bits |= u32(byteAt(at, i)) << (8 * i);
      return uintBitsToFloat(bits);
    }
    case WRITTEN_HALF_E8M0: {
      // 2^(e - 128), which is subnormal for e below 2.
      u32 e = u32(byteAt(at, 0));
      return uintBitsToFloat(e < 2u ? 0x00200000u << e : (e - 1u) << 23);
    }
    default: {
      u32 bits = u32(byteAt(at, 0)) & 0x7Fu;
      return bits == 0x7Fu ? 0.0 : fromE4m3(bits) * 0.5;
    }
  }
}

float factorOf(u64 format, BlockFactor f, u64 block, int group) {
  precise float x = writtenAt(f.written, block + u64(f.at + group * f.stride));
  if (f.integers.pieces > 0) {
    int n = int(bitsOf(format, f.integers, block, group));
    if (f.isSigned != 0) n = n << 24 >> 24;
    x = x * float(n - f.bias);
  }
  return x;
}

float pointLevel(u64 format, u32 code, int i) {
  BlockFormat f = BlockFormat(format);
  float c = levelAt(format, (code & u32(f.points - 1)) * u32(f.dims) + u32(i % f.dims));
  u32 bits = code / u32(f.points);
  switch (f.above) {
    case SIGN: return bits != 0u ? -c : c;
    case EVEN_SIGNS: {
      u32 signs = bits | u32(bitCount(bits) & 1) << 7;
      return (signs >> (i % 8) & 1u) != 0u ? -c : c;
    }
    default: return 8.0 * c + 1.0 - 2.0 * float(bits);
  }
}

// Of each run of bytes the first digits of all come first.
float ternaryLevel(u64 format, u64 block, int i) {
  BlockFormat f = BlockFormat(format);
  int from = 0;
  for (int r = 0; r < f.runs; r++) {
    int n = f.runBytes[r] * f.runPlanes[r];
    if (i < n) {
      u32 power = 1u;
      for (int plane = i / f.runBytes[r]; plane > 0; plane--) power *= 3u;
      u32 code = bitsOf(format, f.codes, block, from + i % f.runBytes[r]);
      return float(int((code * power & 255u) * 3u >> 8) - 1);
    }
    i -= n;
    from += f.runBytes[r];
  }
  return 0.0;
}

float levelOf(u64 format, u64 block, int i) {
  BlockFormat f = BlockFormat(format);
  if (f.kind == TERNARY) return ternaryLevel(format, block, i);
  u32 code = bitsOf(format, f.codes, block, i);
  return f.kind == POINTS ? pointLevel(format, code, i) : levelAt(format, code);
}

// Element i of a matrix of blocks; each product and sum is rounded by itself.
float blockElement(u64 format, u64 data, i64 i) {
  BlockFormat f = BlockFormat(format);
  u64 block = data + u64(i / f.elements * f.bytes);
  int at = int(i % f.elements);
  int group = at / (f.elements / f.scale.groups);
  precise float x = factorOf(format, f.scale, block, group) * levelOf(format, block, at);
  if (f.minimum != 0) {
    precise float m = factorOf(format, f.min, block, group);
    x = f.minimum > 0 ? x + m : x - m;
  }
  return x;
}
