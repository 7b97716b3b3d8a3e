// What all kernels share: types, element conversions, warp and block reductions, tensors.
//
// No header of the toolkit is included, so that NVRTC compiles a kernel wherever the driver is. A
// kernel takes one struct by value; its fields are written in this order by Params.java, each at its
// natural alignment.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define DEVICE __device__ __forceinline__

// Kernels start while the one ahead of them still runs (programmatic dependent launch), so that
// launching costs no time: each lets the next one begin, then waits until the one before has ended and
// its writes are seen. KERNEL opens one, whose body follows and begins after the wait. A body opened
// by EAGER_KERNEL calls waitForPrevious() itself, in every thread, before it writes anything or reads
// what a kernel wrote; one opened by LATE_KERNEL calls letNextBegin() too, when it likes. Tests compile the kernels for the host and have all of this from there.
#ifdef LAMINA_EMULATE
#define KERNEL_OF(name, Params, threads, blocks) KERNEL(name, Params, threads)
#define EAGER_KERNEL(name, Params, threads, blocks) KERNEL(name, Params, threads)
#define LATE_KERNEL(name, Params, threads, blocks) KERNEL(name, Params, threads)
#else
DEVICE void waitForPrevious() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
DEVICE void letNextBegin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
#define KERNEL_BOUNDED(name, Params, begin, ...)                                              \
  static DEVICE void name##_body(const Params& p);                                            \
  extern "C" __global__ void __launch_bounds__(__VA_ARGS__) name(const __grid_constant__ Params p) { \
    begin;                                                                                    \
    name##_body(p);                                                                           \
  }                                                                                           \
  static DEVICE void name##_body(const Params& p)
#define KERNEL(name, Params, threads) \
  KERNEL_BOUNDED(name, Params, letNextBegin(); waitForPrevious(), threads)
// With registers for at least so many blocks on a multiprocessor, and up to as many as that leaves.
#define KERNEL_OF(name, Params, threads, blocks) \
  KERNEL_BOUNDED(name, Params, letNextBegin(); waitForPrevious(), threads, blocks)
#define EAGER_KERNEL(name, Params, threads, blocks) \
  KERNEL_BOUNDED(name, Params, letNextBegin(), threads, blocks)
#define LATE_KERNEL(name, Params, threads, blocks) \
  KERNEL_BOUNDED(name, Params, (void)0, threads, blocks)
// The dynamic shared memory of a launch.
#define SHARED_BYTES(name) extern __shared__ __align__(1024) unsigned char name[]
#endif

// dev.lamina.spi.ir.DType, by ordinal.
enum DType { F32, F16, BF16, F8E4M3, F8E5M2, I64, I32, I16, I8, U32, U16, U8, BOOL };

#define MAX_RANK 8

// A tensor: address of its first element, sizes and strides in elements.
struct Tensor {
  void* data;
  i64 size[MAX_RANK];
  i64 stride[MAX_RANK];
  int rank;
  int dtype;
};

// ---- 64-bit index of this thread and the number of threads of the grid, for loops over elements.

DEVICE i64 globalThread() { return (i64)blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE i64 globalThreads() { return (i64)gridDim.x * blockDim.x; }

// ---- Bits and floats.

DEVICE float infinity() { return __int_as_float(0x7F800000); }
DEVICE float quietNan() { return __int_as_float(0x7FC00000); }
DEVICE bool isNan(float x) { return x != x; }

DEVICE float fromBf16(u16 bits) { return __int_as_float((int)((u32)bits << 16)); }

// Nearest even; NaN stays NaN. Of a pair the first is the lower half.
#if defined(__CUDA_ARCH__)
DEVICE u16 toBf16(float x) {
  u16 bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
DEVICE u32 toBf16Pair(float x, float y) {
  u32 pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(y), "f"(x));
  return pair;
}
#else
DEVICE u16 toBf16(float x) {
  u32 bits = (u32)__float_as_int(x);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return (u16)(bits >> 16 | 0x40);
  return (u16)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
DEVICE u32 toBf16Pair(float x, float y) { return (u32)toBf16(y) << 16 | toBf16(x); }
#endif

#if defined(__CUDA_ARCH__)
DEVICE float fromF16(u16 bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}
DEVICE u16 toF16(float x) {
  u16 bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
#else
DEVICE float fromF16(u16 bits) {
  u32 sign = (u32)(bits & 0x8000) << 16;
  u32 exponent = bits >> 10 & 31;
  u32 mantissa = bits & 1023;
  if (exponent == 31) return __int_as_float((int)(sign | 0x7F800000 | mantissa << 13));
  if (exponent != 0) return __int_as_float((int)(sign | (exponent + 112) << 23 | mantissa << 13));
  float tiny = (float)mantissa * 5.9604644775390625e-8f;
  return sign ? -tiny : tiny;
}
DEVICE u16 toF16(float x) {
  u32 bits = (u32)__float_as_int(x);
  u32 sign = bits >> 16 & 0x8000;
  u32 rest = bits & 0x7FFFFFFF;
  if (rest > 0x7F800000) return (u16)(sign | 0x7E00);
  if (rest >= 0x477FF000) return (u16)(sign | 0x7C00);
  if (rest < 0x33000001) return (u16)sign;
  int exponent = (int)(rest >> 23) - 112;
  u32 mantissa = (rest & 0x7FFFFF) | 0x800000;
  int drop = exponent > 0 ? 13 : 14 - exponent;
  u32 kept = exponent > 0 ? ((u32)exponent << 10 | (mantissa >> 13 & 1023)) : mantissa >> drop;
  u32 half = 1u << (drop - 1);
  u32 lost = mantissa & ((half << 1) - 1);
  if (lost > half || (lost == half && (kept & 1))) kept++;
  return (u16)(sign | kept);
}
#endif

// OCP FP8 E4M3: no infinities, 0x7F and 0xFF are NaN.
DEVICE float fromE4m3(u8 bits) {
  u32 exponent = bits >> 3 & 15;
  u32 mantissa = bits & 7;
  float x = exponent == 0 ? (float)mantissa * 0.001953125f
                          : __int_as_float((int)((exponent + 120) << 23 | mantissa << 20));
  if ((bits & 0x7F) == 0x7F) x = quietNan();
  return bits & 0x80 ? -x : x;
}

// To a float of 8 bits with `mantissaBits` and the bias; nearest even.
template <int MANTISSA, int BIAS>
DEVICE u32 toSmall(u32 rest) {
  int exponent = (int)(rest >> 23) - 127 + BIAS;
  u32 mantissa = (rest & 0x7FFFFF) | 0x800000;
  int drop = exponent > 0 ? 23 - MANTISSA : 24 - MANTISSA - exponent;
  if (drop > 25) return 0;
  u32 kept = mantissa >> drop;
  u32 half = 1u << (drop - 1);
  u32 lost = mantissa & ((half << 1) - 1);
  if (lost > half || (lost == half && (kept & 1))) kept++;
  // The leading one of a normal number adds 1 to the exponent field.
  return exponent > 0 ? ((u32)(exponent - 1) << MANTISSA) + kept : kept;
}

// Out of range gives NaN, which is all that E4M3 has.
DEVICE u8 toE4m3(float x) {
  u32 bits = (u32)__float_as_int(x);
  u32 sign = bits >> 24 & 0x80;
  u32 rest = bits & 0x7FFFFFFF;
  if (rest > 0x7F800000) return (u8)(sign | 0x7F);
  u32 small = rest >= 0x7F800000 ? 0x7F : toSmall<3, 7>(rest);
  return (u8)(sign | (small > 0x7E ? 0x7F : small));
}

DEVICE float fromE5m2(u8 bits) { return fromF16((u16)((u32)bits << 8)); }

DEVICE u8 toE5m2(float x) {
  u32 bits = (u32)__float_as_int(x);
  u32 sign = bits >> 24 & 0x80;
  u32 rest = bits & 0x7FFFFFFF;
  if (rest > 0x7F800000) return (u8)(sign | 0x7E);
  u32 small = rest >= 0x7F800000 ? 0x7C : toSmall<2, 15>(rest);
  return (u8)(sign | (small > 0x7C ? 0x7C : small));
}

DEVICE bool isFloat(int dtype) { return dtype <= F8E5M2; }

DEVICE int widthOf(int dtype) {
  switch (dtype) {
    case I64: return 8;
    case F32: case I32: case U32: return 4;
    case F16: case BF16: case I16: case U16: return 2;
    default: return 1;
  }
}

DEVICE float loadFloat(const void* data, i64 i, int dtype) {
  switch (dtype) {
    case F32: return ((const float*)data)[i];
    case F16: return fromF16(((const u16*)data)[i]);
    case BF16: return fromBf16(((const u16*)data)[i]);
    case F8E4M3: return fromE4m3(((const u8*)data)[i]);
    default: return fromE5m2(((const u8*)data)[i]);
  }
}

DEVICE void storeFloat(void* data, i64 i, int dtype, float x) {
  switch (dtype) {
    case F32: ((float*)data)[i] = x; break;
    case F16: ((u16*)data)[i] = toF16(x); break;
    case BF16: ((u16*)data)[i] = toBf16(x); break;
    case F8E4M3: ((u8*)data)[i] = toE4m3(x); break;
    default: ((u8*)data)[i] = toE5m2(x); break;
  }
}

// Eight elements, which begin at a multiple of 16 bytes.
DEVICE void loadEight(const void* data, i64 i, int dtype, float (&x)[8]) {
  if (dtype == F32) {
    float4 a = ((const float4*)data)[i / 4];
    float4 b = ((const float4*)data)[i / 4 + 1];
    x[0] = a.x, x[1] = a.y, x[2] = a.z, x[3] = a.w;
    x[4] = b.x, x[5] = b.y, x[6] = b.z, x[7] = b.w;
  } else if (dtype == F16 || dtype == BF16) {
    uint4 pairs = ((const uint4*)data)[i / 8];
    u32 two[4] = {pairs.x, pairs.y, pairs.z, pairs.w};
    for (int e = 0; e < 8; e++) {
      u16 bits = (u16)(two[e / 2] >> e % 2 * 16);
      x[e] = dtype == F16 ? fromF16(bits) : fromBf16(bits);
    }
  } else {
    for (int e = 0; e < 8; e++) x[e] = loadFloat(data, i + e, dtype);
  }
}

DEVICE void storeEight(void* data, i64 i, int dtype, const float (&x)[8]) {
  if (dtype == F32) {
    ((float4*)data)[i / 4] = make_float4(x[0], x[1], x[2], x[3]);
    ((float4*)data)[i / 4 + 1] = make_float4(x[4], x[5], x[6], x[7]);
  } else if (dtype == F16 || dtype == BF16) {
    u32 two[4];
    for (int e = 0; e < 8; e += 2) {
      u16 low = dtype == F16 ? toF16(x[e]) : toBf16(x[e]);
      u16 high = dtype == F16 ? toF16(x[e + 1]) : toBf16(x[e + 1]);
      two[e / 2] = (u32)high << 16 | low;
    }
    ((uint4*)data)[i / 8] = make_uint4(two[0], two[1], two[2], two[3]);
  } else {
    for (int e = 0; e < 8; e++) storeFloat(data, i + e, dtype, x[e]);
  }
}

DEVICE float roundTo(int dtype, float x) {
  switch (dtype) {
    case F32: return x;
    case F16: return fromF16(toF16(x));
    case BF16: return fromBf16(toBf16(x));
    case F8E4M3: return fromE4m3(toE4m3(x));
    default: return fromE5m2(toE5m2(x));
  }
}

DEVICE i64 loadInt(const void* data, i64 i, int dtype) {
  switch (dtype) {
    case I64: return ((const i64*)data)[i];
    case I32: return ((const int*)data)[i];
    case U32: return ((const u32*)data)[i];
    case I16: return ((const short*)data)[i];
    case U16: return ((const u16*)data)[i];
    case I8: return ((const signed char*)data)[i];
    case U8: return ((const u8*)data)[i];
    default: return ((const u8*)data)[i] != 0;
  }
}

DEVICE void storeInt(void* data, i64 i, int dtype, i64 x) {
  switch (dtype) {
    case I64: ((i64*)data)[i] = x; break;
    case I32: case U32: ((u32*)data)[i] = (u32)x; break;
    case I16: case U16: ((u16*)data)[i] = (u16)x; break;
    default: ((u8*)data)[i] = (u8)x; break;
  }
}

// The low bits of an integer, extended as its dtype says.
DEVICE i64 wrapTo(int dtype, i64 x) {
  switch (dtype) {
    case I32: return (int)x;
    case U32: return (u32)x;
    case I16: return (short)x;
    case U16: return (u16)x;
    case I8: return (signed char)x;
    case U8: return (u8)x;
    case BOOL: return x & 1;
    default: return x;
  }
}

// ---- Typed access, where the dtype is known when the kernel is compiled.

struct AsF16 {
  typedef u16 Stored;
  static DEVICE float get(u16 x) { return fromF16(x); }
  static DEVICE u16 put(float x) { return toF16(x); }
};
struct AsBf16 {
  typedef u16 Stored;
  static DEVICE float get(u16 x) { return fromBf16(x); }
  static DEVICE u16 put(float x) { return toBf16(x); }
};

// ---- Max that keeps NaN (R3).

DEVICE float maxNan(float a, float b) { return isNan(a) || isNan(b) ? quietNan() : fmaxf(a, b); }
DEVICE float minNan(float a, float b) { return isNan(a) || isNan(b) ? quietNan() : fminf(a, b); }

// ---- Warps and blocks.

#define WARP 32
#define FULL 0xFFFFFFFFu

DEVICE float warpSum(float x) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(FULL, x, d);
  return x;
}

DEVICE float warpMax(float x) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) x = fmaxf(x, __shfl_xor_sync(FULL, x, d));
  return x;
}

// Sum over a block whose size is a multiple of 32; every thread gets it. `room` holds 32 floats.
DEVICE float blockSum(float x, float* room) {
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int warps = (int)(blockDim.x >> 5);
  x = warpSum(x);
  __syncthreads();
  if (lane == 0) room[warp] = x;
  __syncthreads();
  return warpSum(lane < warps ? room[lane] : 0.0f);
}

DEVICE float blockMax(float x, float* room) {
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int warps = (int)(blockDim.x >> 5);
  x = warpMax(x);
  __syncthreads();
  if (lane == 0) room[warp] = x;
  __syncthreads();
  return warpMax(lane < warps ? room[lane] : -infinity());
}

// ---- Reports of programs that break a rule; the host reads them after a run with checks.

// What went wrong first: 0 for nothing, else a code and two numbers that the message names.
struct Fault {
  int code;
  int unused;
  i64 got;
  i64 limit;
};

enum FaultCode { NO_FAULT, INDEX_PAST_END, DUPLICATE_INDEX, BOX_OUTSIDE };

DEVICE void report(Fault* fault, int code, i64 got, i64 limit) {
  if (fault != nullptr && atomicCAS(&fault->code, NO_FAULT, code) == NO_FAULT) {
    fault->got = got;
    fault->limit = limit;
  }
}
