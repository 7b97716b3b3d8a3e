// Takes operands of products apart into planes of BF16, one of which is the operand rounded.
#include "blocks.cuh"
#include "lamina.cuh"

struct PlanesParams {
  const void* x;
  u16* out;
  const BlockFormat* format;
  i64 first;   // element of x that plane element 0 is
  i64 n;
  i64 stride;  // elements from one plane to the next
  int planes;
  int dtype;
};

DEVICE float cut(float x) { return __int_as_float((int)((u32)__float_as_int(x) & 0xFFFF0000u)); }

// One plane is rounded to nearest, several are cut.
KERNEL(to_planes, PlanesParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    float x = p.format != nullptr ? blockElement(*p.format, p.x, p.first + i)
                                  : loadFloat(p.x, p.first + i, p.dtype);
    if (p.planes == 1) {
      p.out[i] = toBf16(x);
      continue;
    }
    bool whole = isNan(x) || fabsf(x) == infinity();
    for (int plane = 0; plane < p.planes; plane++) {
      float part = plane == 0 && whole ? x : cut(x);
      p.out[plane * p.stride + i] = plane > 0 && whole ? (u16)0 : toBf16(part);
      x -= part;
    }
  }
}

struct RoundParams {
  const float4* x;
  uint4* out;
  i64 n;  // of eight elements each
};

// One plane of F32, both aligned to 16 bytes.
KERNEL(round_f32, RoundParams, 256) {
  for (i64 i = globalThread(); i < p.n; i += globalThreads()) {
    float4 a = p.x[2 * i];
    float4 b = p.x[2 * i + 1];
    p.out[i] = make_uint4(toBf16Pair(a.x, a.y), toBf16Pair(a.z, a.w), toBf16Pair(b.x, b.y),
                          toBf16Pair(b.z, b.w));
  }
}

struct SpreadParams {
  const void* bias;
  float* out;
  i64 m;
  i64 n;
  i64 outStride;  // elements from one row of out to the next
  int biasDtype;
};

// A bias in each row of a result that a product is then added to.
KERNEL(spread_bias, SpreadParams, 256) {
  for (i64 i = globalThread(); i < p.m * p.n; i += globalThreads()) {
    i64 column = i % p.n;
    p.out[i / p.n * p.outStride + column] = loadFloat(p.bias, column, p.biasDtype);
  }
}
