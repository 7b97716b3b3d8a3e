package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.DType;

/**
 * A dense tensor as numbers by flat, row-major index.
 *
 * @param tensor contiguous
 */
record Cells(Tensor tensor) {
  static Cells in(KernelArgs args, int i) {
    return new Cells(args.in(i));
  }

  static Cells out(KernelArgs args, int i) {
    return new Cells(args.out(i));
  }

  int size(int axis) {
    return (int) tensor.size(axis < 0 ? tensor.rank() + axis : axis);
  }

  int count() {
    return (int) tensor.elements();
  }

  boolean isFloat() {
    return tensor.dtype().isFloat();
  }

  private long at(long i) {
    return tensor.offset() + i * tensor.dtype().bytes();
  }

  double get(long i) {
    return isFloat() ? Elements.getFloat(tensor.dtype(), tensor.segment(), at(i)) : integer(i);
  }

  void set(long i, double value) {
    if (isFloat()) {
      Elements.setFloat(tensor.dtype(), tensor.segment(), at(i), (float) value);
    } else {
      setInteger(i, (long) value);
    }
  }

  long integer(long i) {
    return Elements.getLong(tensor.dtype(), tensor.segment(), at(i));
  }

  void setInteger(long i, long value) {
    Elements.setLong(tensor.dtype(), tensor.segment(), at(i), value);
  }

  /** The element as raw bits. */
  long bits(long i) {
    return Elements.getLong(raw(), tensor.segment(), at(i));
  }

  void setBits(long i, long bits) {
    Elements.setLong(raw(), tensor.segment(), at(i), bits);
  }

  private DType raw() {
    return switch (tensor.dtype().bytes()) {
      case 1 -> DType.U8;
      case 2 -> DType.U16;
      case 4 -> DType.U32;
      default -> DType.I64;
    };
  }

  /** Elements of one index of all but the last axis. */
  int width() {
    return size(-1);
  }

  /** Lines along the last axis. */
  int height() {
    return width() == 0 ? 0 : count() / width();
  }
}
