package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;

/** A backend and a device of its own for a lifecycle case. */
final class Opened implements AutoCloseable {
  final Backend backend;
  final Device device;

  private Opened(Backend backend, Device device) {
    this.backend = backend;
    this.device = device;
  }

  static Opened of(Context context) throws BackendException {
    Backend backend = context.openBackend();
    try {
      return new Opened(backend, backend.open(context.ordinal()));
    } catch (BackendException | RuntimeException e) {
      backend.close();
      throw e;
    }
  }

  /** A lifecycle case on a device of its own. */
  @FunctionalInterface
  interface OnDevice {
    void run(Device device) throws Exception;
  }

  /** A lifecycle case on a device of its own with a queue, a timeline and buffers. */
  @FunctionalInterface
  interface OnRig {
    void run(Rig rig) throws Exception;
  }

  static CaseList.Body device(OnDevice body) {
    return context -> {
      try (Opened opened = of(context)) {
        body.run(opened.device);
      }
    };
  }

  static CaseList.Body rig(OnRig body) {
    return context -> {
      try (Opened opened = of(context);
          Rig rig = new Rig(opened.device)) {
        body.run(rig);
      }
    };
  }

  /** The graph {@code y = -x} over F32 of this shape. */
  static Graph negate(long... sizes) {
    Ops g = new Ops("negate");
    g.output("y", g.unary(CoreOp.UnaryKind.NEG, g.tensor("x", TensorType.of(DType.F32, sizes))));
    return g.build();
  }

  /** {@link #negate} compiled. */
  static Executable negate(Device device, long... sizes) throws BackendException {
    return device.compile(negate(sizes), CompileOptions.DEFAULT);
  }

  @Override
  public void close() {
    device.close();
    backend.close();
  }
}
