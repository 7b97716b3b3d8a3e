// Elementary functions to a few units in the last place: Vulkan promises far less of its own. They
// need no fused multiply-add and use only what is exact or correctly rounded on every device, but for
// division, which may be off by 2.5 units. `precise` keeps the order of what is written.

// A power of two from 2^-126 to 2^127.
float powerOfTwo(int n) { return uintBitsToFloat(u32(n + 127) << 23); }

// x 2^n, n from -252 to 254.
float scaleBy(float x, int n) {
  int first = n / 2;
  return x * powerOfTwo(first) * powerOfTwo(n - first);
}

// e^r 2^n for r around 0: Taylor, as |r| is at most 0.35.
float expOf(float r, int n) {
  precise float y = 1.0 / 5040.0;
  y = y * r + 1.0 / 720.0;
  y = y * r + 1.0 / 120.0;
  y = y * r + 1.0 / 24.0;
  y = y * r + 1.0 / 6.0;
  y = y * r + 0.5;
  y = y * r * r + r;
  return scaleBy(1.0 + y, n);
}

float expF(float x) {
  if (isNan(x)) return x;
  if (x > 88.8) return INFINITY;
  if (x < -104.0) return 0.0;
  precise float n = roundEven(x * 1.4426950408889634);
  // ln 2 in two parts, of which the first has 9 bits: its product is exact.
  precise float r = x - n * 0.693359375;
  r = r + n * 2.12194440054690583e-4;
  return expOf(r, int(n));
}

// A positive number as m 2^k, m from sqrt(1/2) to sqrt(2).
float mantissaOf(float x, out int k) {
  k = 0;
  if (x < 1.17549435e-38) {
    x *= 16777216.0;
    k = -24;
  }
  u32 bits = floatBitsToUint(x);
  k += int(bits >> 23) - 127;
  u32 fraction = bits & 0x7FFFFFu;
  bool high = fraction > 0x3504F3u;
  if (high) k++;
  return uintBitsToFloat(fraction | (high ? 0x3F000000u : 0x3F800000u));
}

float logF(float x) {
  if (isNan(x) || x < 0.0) return QUIET_NAN;
  if (x == 0.0) return -INFINITY;
  if (x == INFINITY) return x;
  int k;
  float m = mantissaOf(x, k);
  precise float f = m - 1.0;
  precise float s = f / (2.0 + f);
  precise float z = s * s;
  precise float r = z * (2.0 / 3.0 + z * (0.4 + z * (2.0 / 7.0 + z * (2.0 / 9.0 + z * (2.0 / 11.0)))));
  precise float h = 0.5 * f * f;
  // log(1 + f) = f - h + s (h + r).
  precise float low = s * (h + r) + float(k) * -2.12194440054690583e-4;
  precise float sum = float(k) * 0.693359375 + (f - (h - low));
  return sum;
}

// 2 / pi after 32 zero bits.
const u32 TWO_OVER_PI[9] = u32[9](0u, 0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u, 0xF534DDC0u, 0xDB629599u,
                                  0x3C439041u, 0xFE5163ABu, 0xDEBBC561u);

// A finite number of at least 0.5 as quadrant and rest, by as many bits of 2 / pi as it takes
// (Payne and Hanek 1983): x is m 2^e, and the bits of 2 / pi above 2^(2 - e) only add whole turns.
float quadrantOf(float x, out int quadrant) {
  u32 bits = floatBitsToUint(x);
  int e = int(bits >> 23) - 150;
  u64 m = u64((bits & 0x7FFFFFu) | 0x800000u);
  int from = e - 2 + 32;
  int word = from / 32;
  int shift = from % 32;
  u32 window[3];
  for (int i = 0; i < 3; i++) {
    u64 two = u64(TWO_OVER_PI[word + i]) << 32 | u64(word + i + 1 < 9 ? TWO_OVER_PI[word + i + 1] : 0u);
    window[i] = u32(two << shift >> 32);
  }
  // The low 96 bits of m times the window are the fraction of a turn.
  u64 low = m * u64(window[2]);
  u64 middle = m * u64(window[1]) + (low >> 32);
  u64 turn = ((m * u64(window[0]) + (middle >> 32)) << 32) | (middle & 0xFFFFFFFFUL);
  u64 rounded = turn + 0x2000000000000000UL;
  quadrant = int(rounded >> 62) & 3;
  i64 rest = i64(turn - (rounded & 0xC000000000000000UL));
  // A quarter turn is pi / 2.
  bool negative = rest < 0L;
  u64 size = u64(negative ? -rest : rest);
  u32 high = u32(size >> 32);
  int zeros = high != 0u ? 31 - findMSB(high) : 63 - findMSB(u32(size));
  if (size == 0UL) return 0.0;
  u64 top = size << zeros;
  float r = float(u32(top >> 40)) * 5.9604644775390625e-8 * powerOfTwo(-zeros);
  r *= 6.2831853071795862;
  return negative ? -r : r;
}

float sinOf(float r) {
  precise float z = r * r;
  precise float y = 1.0 / 362880.0;
  y = y * z - 1.0 / 5040.0;
  y = y * z + 1.0 / 120.0;
  y = y * z - 1.0 / 6.0;
  y = y * z * r + r;
  return y;
}

float cosOf(float r) {
  precise float z = r * r;
  precise float y = -1.0 / 3628800.0;
  y = y * z + 1.0 / 40320.0;
  y = y * z - 1.0 / 720.0;
  y = y * z + 1.0 / 24.0;
  y = y * z - 0.5;
  y = y * z + 1.0;
  return y;
}

// Sine of x, or of x a quarter turn on.
float circular(float x, int ahead) {
  float size = abs(x);
  if (isNan(x) || size == INFINITY) return QUIET_NAN;
  int quadrant = 0;
  float r = size;
  if (size >= 0.5) r = quadrantOf(size, quadrant);
  bool flip = x < 0.0;
  // Cosine is even: only sine takes the sign.
  if (ahead != 0) flip = false;
  quadrant = quadrant + ahead & 3;
  float y = (quadrant & 1) == 0 ? sinOf(r) : cosOf(r);
  return (quadrant >= 2) != flip ? -y : y;
}

float sinF(float x) { return circular(x, 0); }
float cosF(float x) { return circular(x, 1); }

float tanhF(float x) {
  if (isNan(x)) return x;
  float a = abs(x);
  precise float y;
  if (a < 0.55) {
    precise float z = a * a;
    y = -929569.0 / 638512875.0;
    y = y * z + 21844.0 / 6081075.0;
    y = y * z - 1382.0 / 155925.0;
    y = y * z + 62.0 / 2835.0;
    y = y * z - 17.0 / 315.0;
    y = y * z + 2.0 / 15.0;
    y = y * z - 1.0 / 3.0;
    y = y * z * a + a;
  } else {
    y = a > 10.0 ? 1.0 : 1.0 - 2.0 / (expF(2.0 * a) + 1.0);
  }
  return x < 0.0 ? -y : y;
}

// Up to 1 by Taylor; above it by a Chebyshev fit of erfc(x) e^(x^2) in (x - 2) / (x + 2), which is off
// by 1.3e-10 on 1 to 4.
float erfF(float x) {
  if (isNan(x)) return x;
  float a = abs(x);
  precise float y;
  if (a < 1.0) {
    precise float z = a * a;
    y = 1.0 / 918086400.0;
    y = y * z - 1.0 / 76204800.0;
    y = y * z + 1.0 / 6894720.0;
    y = y * z - 1.0 / 685440.0;
    y = y * z + 1.0 / 75600.0;
    y = y * z - 1.0 / 9360.0;
    y = y * z + 1.0 / 1320.0;
    y = y * z - 1.0 / 216.0;
    y = y * z + 1.0 / 42.0;
    y = y * z - 1.0 / 10.0;
    y = y * z + 1.0 / 3.0;
    y = (a - y * z * a) * 1.1283791670955126;
  } else if (a < 4.0) {
    precise float u = (a - 2.0) / (a + 2.0);
    y = -0.000944159634;
    y = y * u - 0.000836589974;
    y = y * u + 0.00699485541;
    y = y * u + 0.00373214135;
    y = y * u - 0.0789785233;
    y = y * u + 0.241658211;
    y = y * u - 0.427185848;
    y = y * u + 0.255395676;
    y = 1.0 - y * expF(-a * a);
  } else {
    y = 1.0;
  }
  return x < 0.0 ? -y : y;
}

// Exact: a minus the multiple of b that lies nearest to it on the side of zero.
float remF(float a, float b) {
  u32 ua = floatBitsToUint(a) & 0x7FFFFFFFu;
  u32 ub = floatBitsToUint(b) & 0x7FFFFFFFu;
  if (isNan(a) || isNan(b) || ua == 0x7F800000u || ub == 0u) return QUIET_NAN;
  if (ub == 0x7F800000u || ua < ub) return a;
  int ea = max(int(ua >> 23), 1);
  int eb = max(int(ub >> 23), 1);
  u32 ma = (ua & 0x7FFFFFu) | (ua >> 23 != 0u ? 0x800000u : 0u);
  u32 mb = (ub & 0x7FFFFFu) | (ub >> 23 != 0u ? 0x800000u : 0u);
  u64 rest = u64(ma) % u64(mb);
  for (int left = ea - eb; left > 0;) {
    int step = min(left, 32);
    rest = (rest << step) % u64(mb);
    left -= step;
  }
  u32 m = u32(rest);
  if (m == 0u) return uintBitsToFloat(floatBitsToUint(a) & 0x80000000u);
  int up = min(23 - findMSB(m), eb - 1);
  m <<= up;
  u32 e = (m & 0x800000u) != 0u ? u32(eb - up) : 0u;
  return uintBitsToFloat((floatBitsToUint(a) & 0x80000000u) | e << 23 | (m & 0x7FFFFFu));
}

// The upper 12 bits of a mantissa, so that products of two such are exact.
float upper(float x) { return uintBitsToFloat(floatBitsToUint(x) & 0xFFFFF000u); }

// a / b rounded to nearest even where the device's quotient is off by a few units: corrected by what
// is left of a, of which products in parts make no error.
float divide(float a, float b) {
  precise float q = a / b;
  if (q == 0.0 || abs(q) == INFINITY || isNan(q)) return q;
  precise float q1 = upper(q);
  precise float q2 = q - q1;
  precise float b1 = upper(b);
  precise float b2 = b - b1;
  precise float product = q * b;
  precise float lost = ((q1 * b1 - product) + q1 * b2 + q2 * b1) + q2 * b2;
  precise float rest = (a - product) - lost;
  precise float y = q + rest / b;
  return isNan(y) ? q : y;
}

bool isWhole(float y) { return abs(y) >= 8388608.0 || floor(y) == y; }
bool isOdd(float y) { return abs(y) < 16777216.0 && isWhole(y) && (int(abs(y)) & 1) == 1; }

// |x|^y by log2 in 63 bits of fixed point and a product in parts.
float powMagnitude(float x, float y) {
  int k;
  float m = mantissaOf(x, k);
  i64 one = 1L << 24;
  i64 mi = i64(u32(m * 16777216.0));
  // t = (m - 1) / (m + 1) times 2^37; log2(m) = 2 / ln 2 (t + t^3 / 3 + ...).
  i64 t = ((mi - one) << 37) / (mi + one);
  precise float tf = float(t) * 7.2759576141834259e-12;
  precise float z = tf * tf;
  precise float more = z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z / 11.0))));
  i64 whole = t + i64(tf * more * 137438953472.0);
  // Times 2 / ln 2 in 26 bits: 63 bits in all, of which 55 lie behind the point.
  i64 log2x = (i64(k) << 55) + (whole * 193635251L >> 8);
  precise float high = float(log2x) * 2.7755575615628914e-17;
  precise float low = float(log2x - i64(high * 36028797018963968.0)) * 2.7755575615628914e-17;
  precise float h1 = upper(high);
  precise float h2 = high - h1;
  precise float y1 = upper(y);
  precise float y2 = y - y1;
  precise float p = y1 * h1;
  precise float rest = y1 * h2 + y2 * h1 + (y2 * h2 + y * low);
  if (p + rest > 129.0) return INFINITY;
  if (!(p + rest > -151.0)) return 0.0;
  precise float n = roundEven(p + rest);
  precise float f = (p - n) + rest;
  return expOf(f * 0.6931471805599453, int(n));
}

float powF(float x, float y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (isNan(x) || isNan(y)) return QUIET_NAN;
  float a = abs(x);
  bool negative = (floatBitsToUint(x) >> 31) != 0u;
  if (abs(y) == INFINITY) {
    if (a == 1.0) return 1.0;
    return (a > 1.0) == (y > 0.0) ? INFINITY : 0.0;
  }
  bool flip = negative && isOdd(y);
  float size;
  if (a == 0.0 || a == INFINITY) {
    size = (a == 0.0) == (y > 0.0) ? 0.0 : INFINITY;
  } else if (negative && !isWhole(y)) {
    return QUIET_NAN;
  } else {
    size = powMagnitude(a, y);
  }
  return flip ? -size : size;
}

// ---- Gates.

// CompositeOp.Gate, by ordinal.
const int SWIGLU = 0, GEGLU_TANH = 1, GEGLU_ERF = 2;

float gateOf(int kind, float g) {
  switch (kind) {
    case SWIGLU: return g / (1.0 + expF(-g));
    case GEGLU_TANH: {
      float inner = 0.7978845608028654 * (g + 0.044715 * g * g * g);
      return 0.5 * g * (1.0 + tanhF(inner));
    }
    case GEGLU_ERF: return 0.5 * g * (1.0 + erfF(g * 0.7071067811865476));
    default: return maxNan(g, 0.0);
  }
}
