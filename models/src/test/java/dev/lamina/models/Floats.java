package dev.lamina.models;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.ValueLayout;

/** Reads elements of float tensors. */
final class Floats {
  private Floats() {}

  static float get(StoredTensor t, long i) {
    DType dtype = t.type().dtype();
    if (dtype == DType.F32) {
      return t.data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
    }
    short bits = t.data().getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i);
    return dtype == DType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
  }
}
