package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import java.util.List;

/** Movement in host memory. */
final class HostMoves implements Movement {
  static final HostMoves INSTANCE = new HostMoves();

  private HostMoves() {}

  @Override
  public void copy(Tensor src, Tensor dst) {
    HostMovement.copy(src, dst);
  }

  @Override
  public void iota(Tensor out, int axis) {
    HostMovement.iota(out, axis);
  }

  @Override
  public Kernel slice(List<Integer> axes, List<Long> steps) {
    return DynamicBox.slice(axes, steps);
  }

  @Override
  public Kernel update(List<Integer> axes) {
    return DynamicBox.update(axes);
  }

  @Override
  public long get(Tensor scalar) {
    return Elements.getLong(scalar.dtype(), scalar.segment(), scalar.offset());
  }

  @Override
  public void set(Tensor scalar, int value) {
    Elements.setLong(DType.I32, scalar.segment(), scalar.offset(), value);
  }
}
