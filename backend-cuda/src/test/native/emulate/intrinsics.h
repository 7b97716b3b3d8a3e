// Arithmetic, bits, conversions, loads and atomics of CUDA.
#pragma once

// Scalars by bits.
template <class To, class From>
static inline To lamina_bits(From x) {
  static_assert(sizeof(To) == sizeof(From), "sizes differ");
  To y;
  memcpy(&y, &x, sizeof y);
  return y;
}
static inline int __float_as_int(float x) { return lamina_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return lamina_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return lamina_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return lamina_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return lamina_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return lamina_bits<double>(x); }

// One rounding each: the files are compiled without contraction.
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __frcp_rn(float a) { return 1.0f / a; }
static inline float __frsqrt_rn(float a) { return static_cast<float>(1.0 / sqrt((double)a)); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
static inline float rsqrtf(float a) { return __frsqrt_rn(a); }
static inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1.0f) : 0.0f; }
static inline float __fdividef(float a, float b) { return a / b; }
// The fast functions are as good here as the exact ones; glibc has some of the names.
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __powf(x, y) powf(x, y)
#define __sincosf(x, s, c) sincosf(x, s, c)

#define LAMINA_MIN_MAX(T)                                          \
  static inline T min(T a, T b) { return b < a ? b : a; }          \
  static inline T max(T a, T b) { return a < b ? b : a; }
LAMINA_MIN_MAX(int)
LAMINA_MIN_MAX(unsigned)
LAMINA_MIN_MAX(long)
LAMINA_MIN_MAX(unsigned long)
LAMINA_MIN_MAX(long long)
LAMINA_MIN_MAX(unsigned long long)
#undef LAMINA_MIN_MAX
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }

// Conversions: out of range they saturate, and NaN is 0.
template <class T>
static inline T lamina_saturate(double x, double least, double most) {
  return x != x ? 0 : static_cast<T>(x <= least ? least : x >= most ? most : x);
}
static inline int __float2int_rz(float x) { return lamina_saturate<int>(x, -2147483648.0, 2147483647.0); }
static inline int __float2int_rn(float x) { return __float2int_rz(rintf(x)); }
static inline int __float2int_rd(float x) { return __float2int_rz(floorf(x)); }
static inline int __float2int_ru(float x) { return __float2int_rz(ceilf(x)); }
static inline unsigned __float2uint_rz(float x) { return lamina_saturate<unsigned>(x, 0, 4294967295.0); }
static inline unsigned __float2uint_rn(float x) { return __float2uint_rz(rintf(x)); }
static inline long long __float2ll_rz(float x) {
  return x != x ? 0 : x >= 0x1p63f ? INT64_MAX : x <= -0x1p63f ? INT64_MIN : (long long)x;
}
static inline long long __float2ll_rn(float x) { return __float2ll_rz(rintf(x)); }
static inline unsigned long long __float2ull_rz(float x) {
  return !(x > 0) ? 0 : x >= 0x1p64f ? UINT64_MAX : (unsigned long long)x;
}
static inline float __int2float_rn(int x) { return static_cast<float>(x); }
static inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
static inline float __ll2float_rn(long long x) { return static_cast<float>(x); }
static inline float __ull2float_rn(unsigned long long x) { return static_cast<float>(x); }
static inline float __double2float_rn(double x) { return static_cast<float>(x); }

// Integers.
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(x); }
static inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned __brev(unsigned x) {
  x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
  x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
  x = (x >> 4 & 0x0F0F0F0F) | (x & 0x0F0F0F0F) << 4;
  return __builtin_bswap32(x);
}
static inline int __mulhi(int a, int b) { return static_cast<int>((long long)a * b >> 32); }
static inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((unsigned long long)a * b >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((unsigned __int128)a * b >> 64);
}
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  unsigned long long both = (unsigned long long)b << 32 | a;
  unsigned y = 0;
  for (int i = 0; i < 4; i++) {
    unsigned s = selector >> 4 * i & 15;
    unsigned byte = both >> 8 * (s & 7) & 0xFF;
    y |= (s < 8 ? byte : (byte & 0x80) != 0 ? 0xFFu : 0u) << 8 * i;
  }
  return y;
}
static inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) {
  return static_cast<unsigned>((((unsigned long long)hi << 32 | lo) << (n & 31)) >> 32);
}
static inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) {
  return static_cast<unsigned>(((unsigned long long)hi << 32 | lo) >> (n & 31));
}
static inline int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) {
    c += static_cast<signed char>(a >> i) * static_cast<signed char>(b >> i);
  }
  return c;
}
static inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 32; i += 8) {
    c += (a >> i & 0xFF) * (b >> i & 0xFF);
  }
  return c;
}

// Loads and stores with hints.
template <class T> static inline T __ldg(const T* p) { return *p; }
template <class T> static inline T __ldcs(const T* p) { return *p; }
template <class T> static inline T __ldcg(const T* p) { return *p; }
template <class T> static inline T __ldca(const T* p) { return *p; }
template <class T> static inline T __ldcv(const T* p) { return *static_cast<const volatile T*>(p); }
template <class T> static inline void __stcs(T* p, T x) { *p = x; }
template <class T> static inline void __stcg(T* p, T x) { *p = x; }
template <class T> static inline void __stwt(T* p, T x) { *p = x; }

// Atomics, which give what was there before.
template <class T, class F>
static inline T lamina_atomic(T* p, F f) {
  T old;
  __atomic_load(p, &old, __ATOMIC_SEQ_CST);
  for (;;) {
    T next = f(old);
    if (__atomic_compare_exchange(p, &old, &next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      return old;
    }
  }
}
#define LAMINA_ATOMIC(T)                                                                       \
  static inline T atomicAdd(T* p, T x) { return lamina_atomic(p, [=](T y) { return static_cast<T>(y + x); }); } \
  static inline T atomicExch(T* p, T x) { return lamina_atomic(p, [=](T) { return x; }); }
#define LAMINA_ATOMIC_ORDER(T)                                                                 \
  static inline T atomicMax(T* p, T x) { return lamina_atomic(p, [=](T y) { return max(x, y); }); } \
  static inline T atomicMin(T* p, T x) { return lamina_atomic(p, [=](T y) { return min(x, y); }); } \
  static inline T atomicAnd(T* p, T x) { return lamina_atomic(p, [=](T y) { return x & y; }); } \
  static inline T atomicOr(T* p, T x) { return lamina_atomic(p, [=](T y) { return x | y; }); } \
  static inline T atomicXor(T* p, T x) { return lamina_atomic(p, [=](T y) { return x ^ y; }); } \
  static inline T atomicCAS(T* p, T expected, T x) {                                           \
    return lamina_atomic(p, [=](T y) { return y == expected ? x : y; });                       \
  }
LAMINA_ATOMIC(int)
LAMINA_ATOMIC(unsigned)
LAMINA_ATOMIC(unsigned long long)
LAMINA_ATOMIC(float)
static inline double atomicAdd(double* p, double x) {
  return lamina_atomic(p, [=](double y) { return y + x; });
}
LAMINA_ATOMIC_ORDER(int)
LAMINA_ATOMIC_ORDER(unsigned)
LAMINA_ATOMIC_ORDER(unsigned long long)
static inline int atomicSub(int* p, int x) { return atomicAdd(p, -x); }
static inline unsigned atomicSub(unsigned* p, unsigned x) { return atomicAdd(p, 0u - x); }
static inline unsigned atomicInc(unsigned* p, unsigned most) {
  return lamina_atomic(p, [=](unsigned y) { return y >= most ? 0 : y + 1; });
}
#undef LAMINA_ATOMIC
#undef LAMINA_ATOMIC_ORDER
