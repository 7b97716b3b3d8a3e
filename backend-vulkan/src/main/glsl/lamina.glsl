// What all kernels share: types, memory behind addresses, element conversions, reductions.
//
// Memory is reached through 64-bit device addresses alone (buffer device address): a launch gives the
// address of one struct, whose fields Params.java writes in C's order and alignment, and addresses of
// tensors stand in it. A file holds a kernel for each `#ifdef KERNEL_name`; the build compiles it once
// for each; and once more with PUSHED, where the struct itself is pushed, if the file defines PUSHES.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

#define u8 uint8_t
#define u16 uint16_t
#define u32 uint
#define u64 uint64_t
#define i64 int64_t

// The device may offer fewer workgroups along x than a launch has: then it comes in slices.
#define KERNEL(Struct, numThreads)                                                        \
  layout(local_size_x = numThreads) in;                                                   \
  layout(push_constant, scalar) uniform Launch { uint firstBlock; uint blocks; Struct p; }; \
  void main()

#ifdef PUSHED
#define PARAMS(Struct) struct Struct
#else
#define PARAMS(Struct) layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer Struct
#endif

#define threadIdx int(gl_LocalInvocationIndex)
#define blockDim int(gl_WorkGroupSize.x)
#define blockX (int(gl_WorkGroupID.x) + int(firstBlock))
#define blockY int(gl_WorkGroupID.y)
#define blockZ int(gl_WorkGroupID.z)
#define gridX int(blocks)
#define globalThread (i64(blockX) * blockDim + threadIdx)
#define globalThreads (i64(gridX) * blockDim)

// Shared memory whose size the launch says, in words.
layout(constant_id = 0) const int SHARED_WORDS = 1;

// dev.lamina.spi.ir.DType, by ordinal.
const int F32 = 0, F16 = 1, BF16 = 2, F8E4M3 = 3, F8E5M2 = 4;
const int I64 = 5, I32 = 6, I16 = 7, I8 = 8, U32 = 9, U16 = 10, U8 = 11, BOOL = 12;

const int MAX_RANK = 8;

// A tensor: address of its first element, sizes and strides in elements.
struct Tensor {
  u64 data;
  i64 size[MAX_RANK];
  i64 stride[MAX_RANK];
  int rank;
  int dtype;
};

// ---- Memory behind an address, by the kind of element.

layout(buffer_reference, scalar, buffer_reference_align = 1) buffer Bytes { u8 v; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Halves { u16 v; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words { u32 v; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Ints { int v; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float v; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Longs { i64 v; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Quads { uvec4 v; };

#define byteAt(a, i) Bytes((a) + u64(i)).v
#define halfAt(a, i) Halves((a) + 2 * u64(i)).v
#define wordAt(a, i) Words((a) + 4 * u64(i)).v
#define intAt(a, i) Ints((a) + 4 * u64(i)).v
#define floatAt(a, i) Floats((a) + 4 * u64(i)).v
#define longAt(a, i) Longs((a) + 8 * u64(i)).v
#define quadAt(a, i) Quads((a) + 16 * u64(i)).v

// ---- Bits and floats. A driver may take isnan() for false, so NaN is told by its bits.

#define INFINITY uintBitsToFloat(0x7F800000u)
#define QUIET_NAN uintBitsToFloat(0x7FC00000u)

bool isNan(float x) { return (floatBitsToUint(x) & 0x7FFFFFFFu) > 0x7F800000u; }

float maxNan(float a, float b) { return isNan(a) || isNan(b) ? QUIET_NAN : a > b ? a : b; }
float minNan(float a, float b) { return isNan(a) || isNan(b) ? QUIET_NAN : a < b ? a : b; }

float fromBf16(u32 bits) { return uintBitsToFloat(bits << 16); }

// Nearest even; NaN stays NaN. In integers, as a driver may round as it likes.
u32 toBf16(float x) {
  u32 bits = floatBitsToUint(x);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return bits >> 16 | 0x40u;
  return (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
}

float fromF16(u32 bits) {
  u32 sign = (bits & 0x8000u) << 16;
  u32 exponent = bits >> 10 & 31u;
  u32 mantissa = bits & 1023u;
  if (exponent == 31u) return uintBitsToFloat(sign | 0x7F800000u | mantissa << 13);
  if (exponent != 0u) return uintBitsToFloat(sign | (exponent + 112u) << 23 | mantissa << 13);
  float tiny = float(mantissa) * 5.9604644775390625e-8;
  return sign != 0u ? -tiny : tiny;
}

u32 toF16(float x) {
  u32 bits = floatBitsToUint(x);
  u32 sign = bits >> 16 & 0x8000u;
  u32 rest = bits & 0x7FFFFFFFu;
  if (rest > 0x7F800000u) return sign | 0x7E00u;
  if (rest >= 0x477FF000u) return sign | 0x7C00u;
  if (rest < 0x33000001u) return sign;
  int exponent = int(rest >> 23) - 112;
  u32 mantissa = (rest & 0x7FFFFFu) | 0x800000u;
  int drop = exponent > 0 ? 13 : 14 - exponent;
  u32 kept = exponent > 0 ? (u32(exponent) << 10 | (mantissa >> 13 & 1023u)) : mantissa >> drop;
  u32 middle = 1u << (drop - 1);
  u32 lost = mantissa & ((middle << 1) - 1u);
  if (lost > middle || (lost == middle && (kept & 1u) != 0u)) kept++;
  return sign | kept;
}

// OCP FP8 E4M3: no infinities, 0x7F and 0xFF are NaN.
float fromE4m3(u32 bits) {
  u32 exponent = bits >> 3 & 15u;
  u32 mantissa = bits & 7u;
  float x = exponent == 0u ? float(mantissa) * 0.001953125
                           : uintBitsToFloat((exponent + 120u) << 23 | mantissa << 20);
  if ((bits & 0x7Fu) == 0x7Fu) x = QUIET_NAN;
  return (bits & 0x80u) != 0u ? -x : x;
}

// To a float of 8 bits with so many of mantissa and the bias; nearest even.
u32 toSmall(u32 rest, int mantissaBits, int bias) {
  int exponent = int(rest >> 23) - 127 + bias;
  u32 mantissa = (rest & 0x7FFFFFu) | 0x800000u;
  int drop = exponent > 0 ? 23 - mantissaBits : 24 - mantissaBits - exponent;
  if (drop > 25) return 0u;
  u32 kept = mantissa >> drop;
  u32 middle = 1u << (drop - 1);
  u32 lost = mantissa & ((middle << 1) - 1u);
  if (lost > middle || (lost == middle && (kept & 1u) != 0u)) kept++;
  // The leading one of a normal number adds 1 to the exponent field.
  return exponent > 0 ? (u32(exponent - 1) << mantissaBits) + kept : kept;
}

// Out of range gives NaN, which is all that E4M3 has.
u32 toE4m3(float x) {
  u32 bits = floatBitsToUint(x);
  u32 sign = bits >> 24 & 0x80u;
  u32 rest = bits & 0x7FFFFFFFu;
  if (rest >= 0x7F800000u) return sign | 0x7Fu;
  u32 small = toSmall(rest, 3, 7);
  return sign | (small > 0x7Eu ? 0x7Fu : small);
}

float fromE5m2(u32 bits) { return fromF16(bits << 8); }

u32 toE5m2(float x) {
  u32 bits = floatBitsToUint(x);
  u32 sign = bits >> 24 & 0x80u;
  u32 rest = bits & 0x7FFFFFFFu;
  if (rest > 0x7F800000u) return sign | 0x7Eu;
  u32 small = rest >= 0x7F800000u ? 0x7Cu : toSmall(rest, 2, 15);
  return sign | (small > 0x7Cu ? 0x7Cu : small);
}

bool isFloat(int dtype) { return dtype <= F8E5M2; }

int widthOf(int dtype) {
  switch (dtype) {
    case I64: return 8;
    case F32: case I32: case U32: return 4;
    case F16: case BF16: case I16: case U16: return 2;
    default: return 1;
  }
}

float loadFloat(u64 data, i64 i, int dtype) {
  switch (dtype) {
    case F32: return floatAt(data, i);
    case F16: return fromF16(u32(halfAt(data, i)));
    case BF16: return fromBf16(u32(halfAt(data, i)));
    case F8E4M3: return fromE4m3(u32(byteAt(data, i)));
    default: return fromE5m2(u32(byteAt(data, i)));
  }
}

void storeFloat(u64 data, i64 i, int dtype, float x) {
  switch (dtype) {
    case F32: floatAt(data, i) = x; break;
    case F16: halfAt(data, i) = u16(toF16(x)); break;
    case BF16: halfAt(data, i) = u16(toBf16(x)); break;
    case F8E4M3: byteAt(data, i) = u8(toE4m3(x)); break;
    default: byteAt(data, i) = u8(toE5m2(x)); break;
  }
}

// Eight elements, which begin at a multiple of 16 bytes.
void loadEight(u64 data, i64 i, int dtype, out float x[8]) {
  if (dtype == F32) {
    uvec4 a = quadAt(data, i / 4);
    uvec4 b = quadAt(data, i / 4 + 1);
    [[unroll]] for (int e = 0; e < 4; e++) {
      x[e] = uintBitsToFloat(a[e]);
      x[e + 4] = uintBitsToFloat(b[e]);
    }
  } else if (dtype == F16 || dtype == BF16) {
    uvec4 pairs = quadAt(data, i / 8);
    [[unroll]] for (int e = 0; e < 8; e++) {
      u32 bits = pairs[e / 2] >> e % 2 * 16 & 0xFFFFu;
      x[e] = dtype == F16 ? fromF16(bits) : fromBf16(bits);
    }
  } else {
    for (int e = 0; e < 8; e++) x[e] = loadFloat(data, i + e, dtype);
  }
}

void storeEight(u64 data, i64 i, int dtype, float x[8]) {
  if (dtype == F32) {
    quadAt(data, i / 4) = floatBitsToUint(vec4(x[0], x[1], x[2], x[3]));
    quadAt(data, i / 4 + 1) = floatBitsToUint(vec4(x[4], x[5], x[6], x[7]));
  } else if (dtype == F16 || dtype == BF16) {
    uvec4 pairs;
    [[unroll]] for (int e = 0; e < 8; e += 2) {
      u32 low = dtype == F16 ? toF16(x[e]) : toBf16(x[e]);
      u32 high = dtype == F16 ? toF16(x[e + 1]) : toBf16(x[e + 1]);
      pairs[e / 2] = high << 16 | low;
    }
    quadAt(data, i / 8) = pairs;
  } else {
    for (int e = 0; e < 8; e++) storeFloat(data, i + e, dtype, x[e]);
  }
}

float roundTo(int dtype, float x) {
  switch (dtype) {
    case F32: return x;
    case F16: return fromF16(toF16(x));
    case BF16: return fromBf16(toBf16(x));
    case F8E4M3: return fromE4m3(toE4m3(x));
    default: return fromE5m2(toE5m2(x));
  }
}

// The low bits of an integer, extended as its dtype says.
i64 wrapTo(int dtype, i64 x) {
  switch (dtype) {
    case I32: return i64(int(x));
    case U32: return i64(u32(x));
    case I16: return i64(int(x) << 16 >> 16);
    case U16: return x & 0xFFFFL;
    case I8: return i64(int(x) << 24 >> 24);
    case U8: return x & 0xFFL;
    case BOOL: return x & 1L;
    default: return x;
  }
}

i64 loadInt(u64 data, i64 i, int dtype) {
  switch (dtype) {
    case I64: return longAt(data, i);
    case I32: return i64(intAt(data, i));
    case U32: return i64(wordAt(data, i));
    case I16: case U16: return wrapTo(dtype, i64(halfAt(data, i)));
    case I8: case U8: return wrapTo(dtype, i64(byteAt(data, i)));
    default: return byteAt(data, i) != u8(0) ? 1L : 0L;
  }
}

void storeInt(u64 data, i64 i, int dtype, i64 x) {
  switch (dtype) {
    case I64: longAt(data, i) = x; break;
    case I32: case U32: wordAt(data, i) = u32(x); break;
    case I16: case U16: halfAt(data, i) = u16(x); break;
    default: byteAt(data, i) = u8(x); break;
  }
}

// ---- Reductions of 32 neighbours and of the whole workgroup, for subgroups of 8 to 64 lanes: what
// lies in one subgroup is exchanged by shuffles, the rest through shared memory. The order of the
// sums is the same for every size. All threads of the workgroup call these.

const int WARP = 32;
#define lane (threadIdx & 31)
#define warp (threadIdx >> 5)

#ifdef REDUCE
shared float exchange[REDUCE];

float neighbour(float x, int distance) {
  if (distance < int(gl_SubgroupSize)) return subgroupShuffleXor(x, uint(distance));
  barrier();
  exchange[threadIdx] = x;
  barrier();
  return exchange[threadIdx ^ distance];
}

float warpSum(float x) {
  [[unroll]] for (int d = 16; d > 0; d >>= 1) x += neighbour(x, d);
  return x;
}

float warpMax(float x) {
  [[unroll]] for (int d = 16; d > 0; d >>= 1) x = max(x, neighbour(x, d));
  return x;
}

// Of a workgroup whose size is a multiple of 32; every thread gets it.
float blockSum(float x) {
  x = warpSum(x);
  barrier();
  if (lane == 0) exchange[warp] = x;
  barrier();
  x = lane < REDUCE / 32 ? exchange[lane] : 0.0;
  barrier();
  return warpSum(x);
}

float blockMax(float x) {
  x = warpMax(x);
  barrier();
  if (lane == 0) exchange[warp] = x;
  barrier();
  x = lane < REDUCE / 32 ? exchange[lane] : -INFINITY;
  barrier();
  return warpMax(x);
}

shared uint anyThread;

// Whether it holds for any thread of the workgroup.
bool blockAny(bool it) {
  barrier();
  if (threadIdx == 0) anyThread = 0u;
  barrier();
  if (it) atomicOr(anyThread, 1u);
  barrier();
  return anyThread != 0u;
}
#endif

// ---- Reports of programs that break a rule; the host reads them after a run with checks.

// What went wrong first: 0 for nothing, else a code and two numbers that the message names.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Fault {
  int code;
  int unused;
  i64 got;
  i64 limit;
};

const int INDEX_PAST_END = 1, DUPLICATE_INDEX = 2, BOX_OUTSIDE = 3;

void report(u64 fault, int code, i64 got, i64 limit) {
  if (fault != 0UL && atomicCompSwap(Fault(fault).code, 0, code) == 0) {
    Fault(fault).got = got;
    Fault(fault).limit = limit;
  }
}
