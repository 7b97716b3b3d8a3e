// CUDA's words and vector types.
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define __device__
#define __host__
#define __global__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define __constant__ static
// A section of its own, so that each block can begin with NaN in it.
#define __shared__ static __attribute__((section("lamina_shared")))

#define LAMINA_VECTOR(T, name, align)                              \
  struct __align__(2 * (align)) name##2 {                          \
    T x, y;                                                        \
  };                                                               \
  struct name##3 {                                                 \
    T x, y, z;                                                     \
  };                                                               \
  struct __align__(4 * (align) < 16 ? 4 * (align) : 16) name##4 {  \
    T x, y, z, w;                                                  \
  };                                                               \
  static inline name##2 make_##name##2(T x, T y) { return {x, y}; } \
  static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

LAMINA_VECTOR(signed char, char, 1)
LAMINA_VECTOR(unsigned char, uchar, 1)
LAMINA_VECTOR(short, short, 2)
LAMINA_VECTOR(unsigned short, ushort, 2)
LAMINA_VECTOR(int, int, 4)
LAMINA_VECTOR(unsigned, uint, 4)
LAMINA_VECTOR(float, float, 4)
LAMINA_VECTOR(long long, longlong, 8)
LAMINA_VECTOR(unsigned long long, ulonglong, 8)
LAMINA_VECTOR(double, double, 8)
#undef LAMINA_VECTOR
