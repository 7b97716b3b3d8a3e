package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Functions of floats and integers, for kernels. */
final class Functions {
  private static final float LARGEST_FRACTION = 8388608f;

  private Functions() {}

  static float exp(float x) {
    return TornadoMath.exp(x);
  }

  static float sigmoid(float x) {
    return 1f / (1f + exp(-x));
  }

  /** To the nearest whole number, even ones of two as near; -0 stays. */
  static float round(float x) {
    float a = TornadoMath.abs(x);
    float whole = x;
    if (a < LARGEST_FRACTION) {
      // Sums of this size have no fraction.
      float nearest = a + LARGEST_FRACTION - LARGEST_FRACTION;
      whole = x < 0f ? -nearest : x == 0f ? x : nearest;
    }
    return whole;
  }

  /** The polynomials are those of the CPU's kernels, there fitted for this project. */
  static float erf(float x) {
    float a = TornadoMath.abs(x);
    float y;
    if (a < 0.93f) {
      float z = x * x;
      float p = 8.2239756e-5f * z - 8.1080798e-4f;
      p = p * z + 0.0051979916f;
      p = p * z - 0.026858186f;
      p = p * z + 0.11283674f;
      p = p * z - 0.37612632f;
      p = p * z + 0.12837917f;
      y = p * x + x;
    } else {
      float t = a > 3.95f ? 3.95f : a;
      float p = 4.5632146e-7f * t + 1.5214649e-5f;
      p = p * t - 4.0202495e-4f;
      p = p * t + 0.0040709754f;
      p = p * t - 0.024930384f;
      p = p * t + 0.10805613f;
      p = p * t + 0.6335096f;
      p = p * t + 1.1294487f;
      p = p * t - 1.6308615e-4f;
      float magnitude = 1f - exp(-p);
      y = x < 0f ? -magnitude : magnitude;
    }
    return Float.isNaN(x) ? x : y;
  }

  static float max(float a, float b) {
    float y = TornadoMath.max(a, b);
    if (Float.isNaN(a)) {
      y = a;
    }
    if (Float.isNaN(b)) {
      y = b;
    }
    return y;
  }

  static float min(float a, float b) {
    float y = TornadoMath.min(a, b);
    if (Float.isNaN(a)) {
      y = a;
    }
    if (Float.isNaN(b)) {
      y = b;
    }
    return y;
  }

  static float unary(int kind, float x) {
    float y;
    if (kind == 0) {
      y = -x;
    } else if (kind == 1) {
      y = TornadoMath.abs(x);
    } else if (kind == 2) {
      y = exp(x);
    } else if (kind == 3) {
      y = TornadoMath.log(x);
    } else if (kind == 4) {
      y = TornadoMath.sqrt(x);
    } else if (kind == 5) {
      y = 1f / TornadoMath.sqrt(x);
    } else if (kind == 6) {
      y = 1f / x;
    } else if (kind == 7) {
      y = TornadoMath.tanh(x);
    } else if (kind == 8) {
      y = sigmoid(x);
    } else if (kind == 9) {
      y = erf(x);
    } else if (kind == 10) {
      y = TornadoMath.sin(x);
    } else if (kind == 11) {
      y = TornadoMath.cos(x);
    } else if (kind == 12) {
      y = TornadoMath.floor(x);
    } else {
      y = round(x);
    }
    return y;
  }

  static long unary(int kind, int dtype, long x) {
    long y = ~x;
    if (kind == 0) {
      y = -x;
    } else if (kind == 1) {
      y = x < 0L ? -x : x;
    }
    return Cells.wrap(dtype, y);
  }

  static float binary(FloatArray floats, int kind, float a, float b) {
    // C's fmod, exactly, if it is that: else the loop has no end to reach.
    float size = TornadoMath.abs(b);
    float end = kind == 4 ? size : Cells.nan(floats);
    // Adds 0, or NaN where there is no remainder.
    float rest = TornadoMath.abs(a) + a * 0f / b;
    while (rest >= end) {
      float part = size;
      while (part <= rest - part) {
        part = part + part;
      }
      rest = rest - part;
    }
    float y;
    if (kind == 0) {
      y = a + b;
    } else if (kind == 1) {
      y = a - b;
    } else if (kind == 2) {
      y = a * b;
    } else if (kind == 3) {
      y = a / b;
    } else if (kind == 4) {
      y = a < 0f ? -rest : rest;
      y = rest == 0f ? a * 0f : y;
    } else if (kind == 5) {
      y = max(a, b);
    } else if (kind == 6) {
      y = min(a, b);
    } else {
      y = TornadoMath.pow(a, b);
    }
    return y;
  }

  static long binary(int kind, int dtype, long a, long b) {
    // All ones where a shift takes every bit out.
    long outside = b >> 3 + Cells.logWidth(dtype) == 0L ? 0L : -1L;
    long divisor = b == 0L ? 1L : b;
    long x;
    if (kind == 0) {
      x = a + b;
    } else if (kind == 1) {
      x = a - b;
    } else if (kind == 2) {
      x = a * b;
    } else if (kind == 3) {
      x = b == 0L ? 0L : divide(a, divisor);
    } else if (kind == 4) {
      x = a - divide(a, divisor) * divisor;
    } else if (kind == 5) {
      x = a > b ? a : b;
    } else if (kind == 6) {
      x = a < b ? a : b;
    } else if (kind == 8) {
      x = a & b;
    } else if (kind == 9) {
      x = a | b;
    } else if (kind == 10) {
      x = a ^ b;
    } else if (kind == 11) {
      x = (a << (int) (b & 63L)) & ~outside;
    } else {
      x = a >> (int) ((b | outside) & 63L);
    }
    return Cells.wrap(dtype, x);
  }

  /** The quotient wraps where it does not fit. */
  private static long divide(long a, long b) {
    return b == -1L ? -a : a / (b == -1L ? 1L : b);
  }

  static long lowest(int dtype) {
    long x = 0L;
    if (dtype == Cells.I64) {
      x = 1L << 63;
    } else if (dtype == Cells.I32) {
      x = -2147483648L;
    } else if (dtype == Cells.I16) {
      x = -32768L;
    } else if (dtype == Cells.I8) {
      x = -128L;
    }
    return x;
  }

  static long highest(int dtype) {
    long x = 1L;
    if (dtype == Cells.I64) {
      x = ~(1L << 63);
    } else if (dtype == Cells.I32) {
      x = 2147483647L;
    } else if (dtype == Cells.I16) {
      x = 32767L;
    } else if (dtype == Cells.I8) {
      x = 127L;
    } else if (dtype == Cells.U32) {
      x = 4294967295L;
    } else if (dtype == Cells.U16) {
      x = 65535L;
    } else if (dtype == Cells.U8) {
      x = 255L;
    }
    return x;
  }

  /** The whole part of a magnitude below 2^63: TornadoVM makes an int of any float. */
  private static long whole(float a) {
    float high = TornadoMath.floor(a * 2.3283064e-10f);
    float rest = a - high * 4294967296f;
    float middle = TornadoMath.floor(rest * 1.5258789e-5f);
    int low = (int) (rest - middle * 65536f);
    return ((long) (int) high << 32) + ((long) (int) middle << 16) + low;
  }

  /** R4: truncates toward zero; saturates or wraps; NaN gives 0. */
  static long toLong(float x, int bits, int dtype, int saturate) {
    float a = TornadoMath.abs(x);
    long y = 0L;
    if (dtype > Cells.U8) {
      y = x == 0f ? 0L : 1L;
      y = Float.isNaN(x) ? 0L : y;
    } else if (a < 9.223372036854775807e18f) {
      long magnitude = whole(a);
      long signed = x < 0f ? -magnitude : magnitude;
      y = Cells.wrap(dtype, signed);
      if (saturate != 0) {
        y = TornadoMath.min(TornadoMath.max(signed, lowest(dtype)), highest(dtype));
      }
    } else if (saturate != 0) {
      // NaN is neither.
      if (x > 0f) {
        y = highest(dtype);
      }
      if (x < 0f) {
        y = lowest(dtype);
      }
    } else if (!Float.isNaN(x)) {
      int shift = (bits >> 23 & 255) - 150;
      long mantissa = bits & 0x7FFFFF | 0x800000;
      if (shift < 64) {
        long magnitude = mantissa << shift;
        y = Cells.wrap(dtype, x < 0f ? -magnitude : magnitude);
      }
    }
    return y;
  }

  static long toLong(long x, int dtype, int saturate) {
    long y = Cells.wrap(dtype, x);
    if (dtype > Cells.U8) {
      y = x == 0L ? 0L : 1L;
    } else if (saturate != 0) {
      y = TornadoMath.min(TornadoMath.max(x, lowest(dtype)), highest(dtype));
    }
    return y;
  }
}
