// Fused elementwise expressions as programs of a small register machine: what is fused is data, so no
// compiler is needed at run time.
//
// ElementwiseProgram.java writes the programs. Every value is rounded to its dtype, as if the ops had
// run one by one. A thread decodes each instruction once for LANES elements.
#include "lamina.glsl"

#ifdef KERNEL_elementwise
#include "math.glsl"

const int LANES = 4, REGISTERS = 48, MAX_INPUTS = 12;

// An instruction is four words: op, dtype, result, a | b, c, dtype of a, saturate | 64 bits.
const int INPUT = 0, CONSTANT = 1, SELECT = 2, CAST = 3, UNARY = 16, BINARY = 32, COMPARE = 48;
const int NEG = 0, ABS = 1, EXP = 2, LOG = 3, SQRT = 4, RSQRT = 5, RECIP = 6, TANH = 7, SIGMOID = 8;
const int ERF = 9, SIN = 10, COS = 11, FLOOR = 12, ROUND = 13, NOT = 14;
const int ADD = 0, SUB = 1, MUL = 2, DIV = 3, REM = 4, MAX = 5, MIN = 6, POW = 7, AND = 8, OR = 9;
const int XOR = 10, SHL = 11, SHR = 12;
const int EQ = 0, LT = 1, LE = 2;

struct Operand {
  u64 data;
  i64 stride[MAX_RANK];
  int dtype;
  int unused;
};

PARAMS(ElementwiseParams) {
  u64 code;
  u64 result;
  i64 n;
  i64 size[MAX_RANK];
  Operand operand[MAX_INPUTS];
  int numCodes;
  int rank;
  int dense;
  int dtype;
};

float unaryFloat(int kind, float x) {
  switch (kind) {
    case NEG: return uintBitsToFloat(floatBitsToUint(x) ^ 0x80000000u);
    case ABS: return uintBitsToFloat(floatBitsToUint(x) & 0x7FFFFFFFu);
    case EXP: return expF(x);
    case LOG: return logF(x);
    case SQRT: return x < 0.0 ? QUIET_NAN : sqrt(x);
    case RSQRT: return x < 0.0 ? QUIET_NAN : 1.0 / sqrt(x);
    case RECIP: return 1.0 / x;
    case TANH: return tanhF(x);
    case SIGMOID: return 1.0 / (1.0 + expF(-x));
    case ERF: return erfF(x);
    case SIN: return sinF(x);
    case COS: return cosF(x);
    case FLOOR: return floor(x);
    default: return roundEven(x);
  }
}

i64 unaryInt(int kind, int dtype, i64 x) {
  switch (kind) {
    case NEG: return wrapTo(dtype, -x);
    case ABS: return wrapTo(dtype, x < 0 ? -x : x);
    default: return wrapTo(dtype, ~x);
  }
}

float binaryFloat(int kind, float a, float b) {
  precise float y;
  switch (kind) {
    case ADD: y = a + b; break;
    case SUB: y = a - b; break;
    case MUL: y = a * b; break;
    case DIV: y = a / b; break;
    case REM: y = remF(a, b); break;
    case MAX: y = maxNan(a, b); break;
    case MIN: y = minNan(a, b); break;
    default: y = powF(a, b); break;
  }
  return y;
}

i64 binaryInt(int kind, int dtype, i64 a, i64 b) {
  int width = 8 * widthOf(dtype);
  bool outside = b < 0 || b >= width;
  i64 x;
  switch (kind) {
    case ADD: x = a + b; break;
    case SUB: x = a - b; break;
    case MUL: x = a * b; break;
    case DIV: x = b == 0 ? 0L : b == -1 ? -a : a / b; break;
    case REM: x = b == 0 || b == -1 ? 0L : a - a / b * b; break;
    case MAX: x = a > b ? a : b; break;
    case MIN: x = a < b ? a : b; break;
    case AND: x = a & b; break;
    case OR: x = a | b; break;
    case XOR: x = a ^ b; break;
    case SHL: x = outside ? 0L : a << b; break;
    default: x = outside ? (a < 0 ? -1L : 0L) : a >> b; break;
  }
  return wrapTo(dtype, x);
}

i64 limitOf(int dtype, bool low) {
  switch (dtype) {
    case I64: return low ? i64(1UL << 63) : i64(~(1UL << 63));
    case I32: return low ? -2147483648L : 2147483647L;
    case I16: return low ? -32768L : 32767L;
    case I8: return low ? -128L : 127L;
    case U32: return low ? 0L : 4294967295L;
    case U16: return low ? 0L : 65535L;
    default: return low ? 0L : 255L;
  }
}

// R4: truncates toward zero; saturates or wraps; NaN gives 0.
i64 floatToInt(float x, int dtype, bool saturate) {
  if (isNan(x)) return 0L;
  if (dtype == BOOL) return x != 0.0 ? 1L : 0L;
  u32 bits = floatBitsToUint(x);
  int shift = int(bits >> 23 & 255u) - 127 - 23;
  bool fits = shift < 40;
  u64 mantissa = u64(bits & 0x7FFFFFu | 0x800000u);
  u64 size = shift >= 64 ? 0UL : shift >= 0 ? mantissa << shift : shift > -24 ? mantissa >> -shift : 0UL;
  i64 whole = (bits >> 31) != 0u ? -i64(size) : i64(size);
  if (!saturate) return wrapTo(dtype, whole);
  i64 low = limitOf(dtype, true);
  i64 high = limitOf(dtype, false);
  if (!fits) return x < 0.0 ? low : high;
  return whole < low ? low : whole > high ? high : whole;
}

// Nearest even, as an integer of 64 bits does not go through one of 32.
float intToFloat(i64 x) {
  bool negative = x < 0L;
  u64 size = u64(negative ? -x : x);
  u32 high = u32(size >> 32);
  int top = high != 0u ? 32 + findMSB(high) : findMSB(u32(size));
  if (top > 23) {
    int drop = top - 23;
    u64 lost = size & ((1UL << drop) - 1UL);
    u64 middle = 1UL << (drop - 1);
    size >>= drop;
    if (lost > middle || (lost == middle && (size & 1UL) != 0UL)) size++;
    float y = float(u32(size)) * powerOfTwo(drop);
    return negative ? -y : y;
  }
  float y = float(u32(size));
  return negative ? -y : y;
}

i64 intToInt(i64 x, int dtype, bool saturate) {
  if (dtype == BOOL) return x != 0 ? 1L : 0L;
  i64 wrapped = wrapTo(dtype, x);
  if (!saturate || wrapped == x) return wrapped;
  return limitOf(dtype, x < 0);
}

float asFloat(i64 bits) { return uintBitsToFloat(u32(bits)); }
i64 asBits(float x) { return i64(floatBitsToUint(x)); }

i64 castTo(i64 x, int from, int to, bool saturate) {
  if (isFloat(from)) {
    return isFloat(to) ? asBits(roundTo(to, asFloat(x))) : floatToInt(asFloat(x), to, saturate);
  }
  return isFloat(to) ? asBits(roundTo(to, intToFloat(x))) : intToInt(x, to, saturate);
}

bool compareOf(int kind, int dtype, i64 x, i64 y) {
  if (isFloat(dtype)) {
    float a = asFloat(x);
    float b = asFloat(y);
    if (isNan(a) || isNan(b)) return false;
    return kind == EQ ? a == b : kind == LT ? a < b : a <= b;
  }
  return kind == EQ ? x == y : kind == LT ? x < y : x <= y;
}

// `p.dense` says that no input repeats: element i of each lies at i.
KERNEL(ElementwiseParams, 128) {
  i64 r[REGISTERS * LANES];
  i64 first = i64(blockX) * (128 * LANES) + threadIdx;
  for (int k = 0; k < p.numCodes; k++) {
    uvec4 w = quadAt(p.code, k);
    int op = int(w.x & 255u);
    int dtype = int(w.x >> 8 & 255u);
    int result = int(w.x >> 16 & 255u) * LANES;
    int a = int(w.x >> 24) * LANES;
    int b = int(w.y & 255u) * LANES;
    int c = int(w.y >> 8 & 255u) * LANES;
    int from = int(w.y >> 16 & 255u);
    bool saturate = w.y >> 24 != 0u;
    for (int l = 0; l < LANES; l++) {
      i64 y;
      if (op == INPUT) {
        int operand = a / LANES;
        i64 i = first + l * 128;
        i64 at = i < p.n ? i : 0L;
        if (p.dense == 0) {
          i64 rest = at;
          at = 0L;
          for (int axis = p.rank - 1; axis >= 0; axis--) {
            at += rest % p.size[axis] * p.operand[operand].stride[axis];
            rest /= p.size[axis];
          }
        }
        u64 data = p.operand[operand].data;
        y = isFloat(dtype) ? asBits(loadFloat(data, at, dtype)) : loadInt(data, at, dtype);
      } else if (op == CONSTANT) {
        y = i64(u64(w.w) << 32 | u64(w.z));
      } else if (op == SELECT) {
        y = r[a + l] != 0 ? r[b + l] : r[c + l];
      } else if (op == CAST) {
        y = castTo(r[a + l], from, dtype, saturate);
      } else if (op >= COMPARE) {
        y = compareOf(op - COMPARE, from, r[a + l], r[b + l]) ? 1L : 0L;
      } else if (op >= BINARY) {
        y = isFloat(dtype)
                ? asBits(roundTo(dtype, binaryFloat(op - BINARY, asFloat(r[a + l]), asFloat(r[b + l]))))
                : binaryInt(op - BINARY, dtype, r[a + l], r[b + l]);
      } else {
        y = isFloat(dtype) ? asBits(roundTo(dtype, unaryFloat(op - UNARY, asFloat(r[a + l]))))
                           : unaryInt(op - UNARY, dtype, r[a + l]);
      }
      r[result + l] = y;
    }
  }
  // The last instruction's result is register 0.
  for (int l = 0; l < LANES; l++) {
    i64 i = first + l * 128;
    if (i >= p.n) break;
    if (isFloat(p.dtype)) {
      storeFloat(p.result, i, p.dtype, asFloat(r[l]));
    } else {
      storeInt(p.result, i, p.dtype, r[l]);
    }
  }
}
#endif

#ifdef KERNEL_add_f32
PARAMS(SumParams) {
  u64 a;
  u64 b;
  u64 result;
  i64 n;
};

// The residual stream's sum, without the machine.
KERNEL(SumParams, 256) {
  i64 quads = p.n / 4;
  for (i64 i = globalThread; i < quads; i += globalThreads) {
    precise vec4 y = uintBitsToFloat(quadAt(p.a, i)) + uintBitsToFloat(quadAt(p.b, i));
    quadAt(p.result, i) = floatBitsToUint(y);
  }
  for (i64 i = quads * 4 + globalThread; i < p.n; i += globalThreads) {
    floatAt(p.result, i) = floatAt(p.a, i) + floatAt(p.b, i);
  }
}
#endif
