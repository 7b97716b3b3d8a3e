// Fused elementwise expressions as programs of a small register machine.
//
// ElementwiseProgram.java writes the programs. Every value is rounded to its dtype, as if the ops had
// run one by one. A thread decodes each instruction once for LANES elements.
#include "lamina.cuh"

#define LANES 4
#define REGISTERS 48
#define MAX_INPUTS 12

// An instruction is four words: op, dtype, result, a | b, c, dtype of a, saturate | 64 bits.
enum Op { INPUT, CONSTANT, SELECT, CAST, UNARY = 16, BINARY = 32, COMPARE = 48 };
enum Unary { NEG, ABS, EXP, LOG, SQRT, RSQRT, RECIP, TANH, SIGMOID, ERF, SIN, COS, FLOOR, ROUND, NOT };
enum Binary { ADD, SUB, MUL, DIV, REM, MAX, MIN, POW, AND, OR, XOR, SHL, SHR };
enum Compare { EQ, LT, LE };

struct Input {
  const void* data;
  i64 stride[MAX_RANK];
  int dtype;
};

struct ElementwiseParams {
  const uint4* code;
  void* out;
  i64 n;
  i64 size[MAX_RANK];
  Input in[MAX_INPUTS];
  int length;
  int rank;
  int dense;
  int dtype;
};

DEVICE float unaryFloat(int kind, float x) {
  switch (kind) {
    case NEG: return -x;
    case ABS: return fabsf(x);
    case EXP: return expf(x);
    case LOG: return logf(x);
    case SQRT: return sqrtf(x);
    case RSQRT: return 1.0f / sqrtf(x);
    case RECIP: return 1.0f / x;
    case TANH: return tanhf(x);
    case SIGMOID: return 1.0f / (1.0f + expf(-x));
    case ERF: return erff(x);
    case SIN: return sinf(x);
    case COS: return cosf(x);
    case FLOOR: return floorf(x);
    default: return rintf(x);
  }
}

DEVICE i64 unaryInt(int kind, int dtype, i64 x) {
  switch (kind) {
    case NEG: return wrapTo(dtype, (i64)(0 - (u64)x));
    case ABS: return wrapTo(dtype, x < 0 ? (i64)(0 - (u64)x) : x);
    default: return wrapTo(dtype, ~x);
  }
}

DEVICE float binaryFloat(int kind, float a, float b) {
  switch (kind) {
    case ADD: return __fadd_rn(a, b);
    case SUB: return __fadd_rn(a, -b);
    case MUL: return __fmul_rn(a, b);
    case DIV: return a / b;
    case REM: return fmodf(a, b);
    case MAX: return maxNan(a, b);
    case MIN: return minNan(a, b);
    default: return powf(a, b);
  }
}

DEVICE i64 binaryInt(int kind, int dtype, i64 a, i64 b) {
  int width = 8 * widthOf(dtype);
  bool outside = b < 0 || b >= width;
  i64 x;
  switch (kind) {
    case ADD: x = (i64)((u64)a + (u64)b); break;
    case SUB: x = (i64)((u64)a - (u64)b); break;
    case MUL: x = (i64)((u64)a * (u64)b); break;
    case DIV: x = b == 0 ? 0 : b == -1 ? (i64)(0 - (u64)a) : a / b; break;
    case REM: x = b == 0 || b == -1 ? 0 : a % b; break;
    case MAX: x = a > b ? a : b; break;
    case MIN: x = a < b ? a : b; break;
    case AND: x = a & b; break;
    case OR: x = a | b; break;
    case XOR: x = a ^ b; break;
    case SHL: x = outside ? 0 : (i64)((u64)a << b); break;
    default: x = outside ? (a < 0 ? -1 : 0) : a >> b; break;
  }
  return wrapTo(dtype, x);
}

DEVICE i64 limitOf(int dtype, bool low) {
  switch (dtype) {
    case I64: return low ? (i64)(1ull << 63) : (i64)~(1ull << 63);
    case I32: return low ? -2147483648ll : 2147483647ll;
    case I16: return low ? -32768 : 32767;
    case I8: return low ? -128 : 127;
    case U32: return low ? 0 : 4294967295ll;
    case U16: return low ? 0 : 65535;
    default: return low ? 0 : 255;
  }
}

// R4: truncates toward zero; saturates or wraps; NaN gives 0.
DEVICE i64 floatToInt(float x, int dtype, bool saturate) {
  if (isNan(x)) return 0;
  if (dtype == BOOL) return x != 0.0f;
  bool fits = fabsf(x) < 9223372036854775808.0f;
  if (saturate) {
    i64 low = limitOf(dtype, true);
    i64 high = limitOf(dtype, false);
    if (!fits) return x < 0 ? low : high;
    i64 whole = (i64)x;
    return whole < low ? low : whole > high ? high : whole;
  }
  if (fits) return wrapTo(dtype, (i64)x);
  u32 bits = (u32)__float_as_int(x);
  int shift = (int)(bits >> 23 & 255) - 127 - 23;
  if (shift >= 64) return 0;
  u64 whole = (u64)(bits & 0x7FFFFF | 0x800000) << shift;
  return wrapTo(dtype, (i64)(x < 0 ? 0 - whole : whole));
}

DEVICE i64 intToInt(i64 x, int dtype, bool saturate) {
  if (dtype == BOOL) return x != 0;
  i64 wrapped = wrapTo(dtype, x);
  if (!saturate || wrapped == x) return wrapped;
  return limitOf(dtype, x < 0);
}

DEVICE float asFloat(i64 bits) { return __int_as_float((int)bits); }
DEVICE i64 asBits(float x) { return (u32)__float_as_int(x); }

DEVICE i64 castTo(i64 x, int from, int to, bool saturate) {
  if (isFloat(from)) {
    return isFloat(to) ? asBits(roundTo(to, asFloat(x))) : floatToInt(asFloat(x), to, saturate);
  }
  return isFloat(to) ? asBits(roundTo(to, (float)x)) : intToInt(x, to, saturate);
}

DEVICE i64 compareOf(int kind, int dtype, i64 x, i64 y) {
  if (isFloat(dtype)) {
    float a = asFloat(x);
    float b = asFloat(y);
    return kind == EQ ? a == b : kind == LT ? a < b : a <= b;
  }
  return kind == EQ ? x == y : kind == LT ? x < y : x <= y;
}

// `p.dense` says that no input repeats: element i of each lies at i.
KERNEL(elementwise, ElementwiseParams, 128) {
  i64 r[REGISTERS][LANES];
  i64 first = (i64)blockIdx.x * (128 * LANES) + threadIdx.x;
  i64 at[LANES];
  for (int k = 0; k < p.length; k++) {
    uint4 w = p.code[k];
    int op = (int)(w.x & 255);
    int dtype = (int)(w.x >> 8 & 255);
    i64* out = r[w.x >> 16 & 255];
    int a = (int)(w.x >> 24);
    int b = (int)(w.y & 255);
    int c = (int)(w.y >> 8 & 255);
    int from = (int)(w.y >> 16 & 255);
    bool saturate = (w.y >> 24) != 0;
    if (op == INPUT) {
      const Input& in = p.in[a];
#pragma unroll
      for (int l = 0; l < LANES; l++) {
        i64 i = first + l * 128;
        at[l] = i < p.n ? i : 0;
        if (!p.dense) {
          i64 rest = at[l];
          at[l] = 0;
          for (int axis = p.rank - 1; axis >= 0; axis--) {
            at[l] += rest % p.size[axis] * in.stride[axis];
            rest /= p.size[axis];
          }
        }
        out[l] = isFloat(dtype) ? asBits(loadFloat(in.data, at[l], dtype))
                                : loadInt(in.data, at[l], dtype);
      }
    } else if (op == CONSTANT) {
      i64 bits = (i64)((u64)w.w << 32 | w.z);
#pragma unroll
      for (int l = 0; l < LANES; l++) out[l] = bits;
    } else if (op == SELECT) {
#pragma unroll
      for (int l = 0; l < LANES; l++) out[l] = r[a][l] != 0 ? r[b][l] : r[c][l];
    } else if (op == CAST) {
#pragma unroll
      for (int l = 0; l < LANES; l++) out[l] = castTo(r[a][l], from, dtype, saturate);
    } else if (op >= COMPARE) {
#pragma unroll
      for (int l = 0; l < LANES; l++) out[l] = compareOf(op - COMPARE, from, r[a][l], r[b][l]);
    } else if (op >= BINARY) {
#pragma unroll
      for (int l = 0; l < LANES; l++) {
        out[l] = isFloat(dtype)
                     ? asBits(roundTo(dtype, binaryFloat(op - BINARY, asFloat(r[a][l]), asFloat(r[b][l]))))
                     : binaryInt(op - BINARY, dtype, r[a][l], r[b][l]);
      }
    } else {
#pragma unroll
      for (int l = 0; l < LANES; l++) {
        out[l] = isFloat(dtype) ? asBits(roundTo(dtype, unaryFloat(op - UNARY, asFloat(r[a][l]))))
                                : unaryInt(op - UNARY, dtype, r[a][l]);
      }
    }
  }
  // The last instruction's result is register 0.
  for (int l = 0; l < LANES; l++) {
    i64 i = first + l * 128;
    if (i >= p.n) break;
    if (isFloat(p.dtype)) {
      storeFloat(p.out, i, p.dtype, asFloat(r[0][l]));
    } else {
      storeInt(p.out, i, p.dtype, r[0][l]);
    }
  }
}

struct AddParams {
  const float* a;
  const float* b;
  float* out;
  i64 n;
};

// The residual stream's sum, without the machine.
KERNEL(add_f32, AddParams, 256) {
  i64 quads = p.n / 4;
  for (i64 i = globalThread(); i < quads; i += globalThreads()) {
    float4 x = ((const float4*)p.a)[i];
    float4 y = ((const float4*)p.b)[i];
    ((float4*)p.out)[i] = make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
  }
  for (i64 i = quads * 4 + globalThread(); i < p.n; i += globalThreads()) p.out[i] = p.a[i] + p.b[i];
}
