package dev.lamina.models.quantized;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads numbers of the tensors that a quantised matrix is made of. */
final class Numbers {
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Numbers() {}

  /** Numbers of a float tensor, of F32, F16, BF16 or E4M3. */
  interface Floats {
    float at(long index);
  }

  static Floats floats(StoredTensor t) throws ModelException {
    MemorySegment m = t.data();
    return switch (t.type().dtype()) {
      case F32 -> i -> m.get(F32, 4 * i);
      case F16 -> i -> Float.float16ToFloat(m.get(I16, 2 * i));
      case BF16 -> i -> Float.intBitsToFloat(m.get(I16, 2 * i) << 16);
      case F8E4M3 -> i -> e4m3(m.get(ValueLayout.JAVA_BYTE, i));
      case F8E5M2, I64, I32, I16, I8, U32, U16, U8, BOOL ->
          throw refuse(t, "floats", t.type().dtype().text());
    };
  }

  static int word(MemorySegment m, long index) {
    return m.get(I32, 4 * index);
  }

  static long at(StoredTensor t, long index) {
    return t.type().dtype() == DType.I64
        ? t.data().get(I64, 8 * index)
        : t.data().get(I32, 4 * index);
  }

  static int dim(StoredTensor t, int axis) {
    return Math.toIntExact(t.type().shape().dim(axis).upperBound());
  }

  /** Refuses a tensor of another dtype or rank than a layout has. */
  static void expect(StoredTensor t, DType dtype, int rank) throws ModelException {
    if (t.type().dtype() != dtype || t.type().shape().rank() != rank) {
      throw refuse(t, dtype.text() + " of " + rank + " axes", t.type().toString());
    }
  }

  /** Refuses a tensor that has not so many elements. */
  static void expectCount(StoredTensor t, long count) throws ModelException {
    if (t.elements() != count) {
      throw refuse(t, count + " elements by the shape of the codes", t.type().toString());
    }
  }

  static ModelException refuse(StoredTensor t, String expected, String got) {
    return new ModelException(
        "load %s: tensor '%s': expected %s, got %s; fetch the checkpoint again or use an unquantised"
                .formatted(t.origin(), t.name(), expected, got)
            + " one");
  }

  /** OCP 8-bit float E4M3: no infinities, NaN is all ones. */
  static float e4m3(byte bits) {
    int exponent = bits >> 3 & 15;
    int mantissa = bits & 7;
    float magnitude =
        exponent == 0
            ? mantissa * 0x1p-9f
            : Float.intBitsToFloat(exponent + 120 << 23 | mantissa << 20);
    float value = (bits & 127) == 127 ? Float.NaN : magnitude;
    return bits < 0 ? -value : value;
  }
}
