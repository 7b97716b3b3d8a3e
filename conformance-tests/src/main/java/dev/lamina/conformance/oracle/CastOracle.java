package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;

/** Conversions of value and of meaning. */
final class CastOracle {
  private CastOracle() {}

  static RefTensor cast(RefTensor x, DType to, boolean saturate) {
    RefTensor.Builder out = new RefTensor.Builder(to, x.sizes());
    for (int i = 0; i < x.count(); i++) {
      if (to.isFloat()) {
        toFloat(x, i, to, out);
      } else {
        x.requireExact(i);
        out.exact(i, toInteger(x, i, to, saturate));
      }
    }
    return out.build();
  }

  private static void toFloat(RefTensor x, int i, DType to, RefTensor.Builder out) {
    if (x.dtype().isFloat()) {
      out.near(i, x.real(i), x.bound(i));
    } else {
      out.exact(i, Elements.toFloat(to, x.integer(i)));
    }
  }

  private static long toInteger(RefTensor x, int i, DType to, boolean saturate) {
    if (to == DType.BOOL) {
      return x.real(i) != 0 ? 1 : 0;
    }
    return x.dtype().isFloat()
        ? Elements.truncate(to, x.real(i), saturate)
        : Elements.wrap(to, x.integer(i));
  }

  static RefTensor bitcast(RefTensor x, DType to, long[] sizes) {
    int from = x.dtype().bytes();
    byte[] memory = new byte[x.count() * from];
    for (int i = 0; i < x.count(); i++) {
      x.requireExact(i);
      Elements.write(memory, i * from, x.dtype(), x.bits(i));
    }
    RefTensor.Builder out = new RefTensor.Builder(to, sizes);
    for (int i = 0; i < out.count(); i++) {
      out.exact(i, Elements.read(memory, i * to.bytes(), to));
    }
    return out.build();
  }
}
