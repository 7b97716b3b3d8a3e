package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import dev.lamina.spi.ir.CoreOp;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/** The reference backend with one bug, for asking the kit whether it sees it. */
record WrongBackend(String id, Class<? extends CoreOp> broken, Bug bug) implements BackendProvider {
  /** Spoils what a right kernel has just done. */
  @FunctionalInterface
  interface Bug {
    void spoil(KernelArgs args);
  }

  /** Stands for the fused elementwise ops, which have no class of their own here. */
  static final Class<? extends CoreOp> ELEMENTWISE = CoreOp.Binary.class;

  /** A bug that changes every float of the first result. */
  static Bug everyFloat(DoubleUnaryOperator change) {
    return args -> {
      Tensor out = args.out(0);
      for (long i = 0; i < out.elements() && out.dtype().isFloat(); i++) {
        change(out, i, change);
      }
    };
  }

  /** A bug that changes the last float of the first result. */
  static Bug lastFloat(DoubleUnaryOperator change) {
    return args -> {
      Tensor out = args.out(0);
      if (out.elements() > 0 && out.dtype().isFloat()) {
        change(out, out.elements() - 1, change);
      }
    };
  }

  private static void change(Tensor t, long i, DoubleUnaryOperator change) {
    long at = t.offset() + i * t.dtype().bytes();
    double v = Elements.getFloat(t.dtype(), t.segment(), at);
    Elements.setFloat(t.dtype(), t.segment(), at, (float) change.applyAsDouble(v));
  }

  /** A bug that clears the byte after the first result. */
  static Bug writePastTheEnd() {
    return args -> {
      Tensor out = args.out(0);
      long end = out.offset() + out.elements() * out.dtype().bytes();
      if (end < out.segment().byteSize()) {
        out.segment().set(ValueLayout.JAVA_BYTE, end, (byte) 0);
      }
    };
  }

  /** A bug that clears the first byte of the first operand. */
  static Bug writeInput() {
    return args -> {
      Tensor in = args.in(0);
      if (in.elements() > 0) {
        in.segment().set(ValueLayout.JAVA_BYTE, in.offset(), (byte) 0);
      }
    };
  }

  @Override
  public SpiVersion builtFor() {
    return SpiVersion.CURRENT;
  }

  @Override
  public int preference() {
    return -1;
  }

  @Override
  public ProbeResult probe() {
    return new ReferenceBackendProvider().probe();
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    DeviceInfo info = ((ProbeResult.Available) probe()).devices().getFirst();
    return new HostBackend(
        info, () -> new HostDevice(info, new WrongKernels(broken, bug), () -> {}));
  }

  private record WrongKernels(Class<? extends CoreOp> broken, Bug bug) implements KernelProvider {
    private static final KernelProvider RIGHT = new ReferenceKernels();

    @Override
    public KernelChoice choose(OpSpec spec) {
      KernelChoice right = RIGHT.choose(spec);
      if (!broken.isInstance(spec.op())) {
        return right;
      }
      return new KernelChoice(
          right.name(),
          right.support(),
          right.strided(),
          node -> spoiled(right.kernel().apply(node)));
    }

    @Override
    public Kernel elementwise(Expr expr) {
      Kernel right = RIGHT.elementwise(expr);
      return broken == ELEMENTWISE ? spoiled(right) : right;
    }

    private Kernel spoiled(Kernel right) {
      return args -> {
        right.run(args);
        bug.spoil(args);
      };
    }
  }

  /** For parameterized tests. */
  static List<WrongBackend> all() {
    return List.of(
        new WrongBackend("matmul-scaled", CoreOp.Matmul.class, everyFloat(v -> v * 1.02)),
        new WrongBackend("matmul-offset", CoreOp.Matmul.class, everyFloat(v -> v + 1e-3)),
        new WrongBackend("matmul-last-lost", CoreOp.Matmul.class, lastFloat(v -> 0)),
        new WrongBackend("matmul-clamped", CoreOp.Matmul.class, everyFloat(v -> Math.min(v, 60))),
        new WrongBackend("matmul-in-bf16", CoreOp.Matmul.class, everyFloat(WrongBackend::toBf16)),
        new WrongBackend("matmul-nan-lost", CoreOp.Matmul.class, everyFloat(WrongBackend::noNan)),
        new WrongBackend("matmul-past-end", CoreOp.Matmul.class, writePastTheEnd()),
        new WrongBackend("matmul-spoils-input", CoreOp.Matmul.class, writeInput()),
        new WrongBackend("sum-scaled", CoreOp.Reduce.class, everyFloat(v -> v * 1.02)),
        new WrongBackend("sum-nan-lost", CoreOp.Reduce.class, everyFloat(WrongBackend::noNan)),
        new WrongBackend("scan-last-lost", CoreOp.Scan.class, lastFloat(v -> 0)),
        new WrongBackend("elementwise-ulp", ELEMENTWISE, everyFloat(v -> Math.nextUp((float) v))),
        new WrongBackend("elementwise-flush", ELEMENTWISE, everyFloat(WrongBackend::flush)),
        new WrongBackend("elementwise-past-end", ELEMENTWISE, writePastTheEnd()),
        new WrongBackend("argmax-last-tie", CoreOp.Argmax.class, WrongBackend::lastTie),
        new WrongBackend("topk-swapped", CoreOp.Topk.class, WrongBackend::swapIndices),
        new WrongBackend(
            "gather-no-padding", CoreOp.Gather.class, everyFloat(WrongBackend::noZero)),
        new WrongBackend("scatter-last-lost", CoreOp.Scatter.class, lastFloat(v -> 0)),
        new WrongBackend("concat-past-end", CoreOp.Concat.class, writePastTheEnd()));
  }

  private static double toBf16(double v) {
    return Float.intBitsToFloat(Float.floatToRawIntBits((float) v) & 0xFFFF0000);
  }

  private static double noNan(double v) {
    return Double.isNaN(v) ? 0 : v;
  }

  private static double flush(double v) {
    return Math.abs(v) < Float.MIN_NORMAL ? 0 : v;
  }

  private static double noZero(double v) {
    return v == 0 ? 1 : v;
  }

  /** The last of equal maxima, as a kernel that compares with {@code >=} finds it. */
  private static void lastTie(KernelArgs args) {
    Tensor out = args.out(0);
    Tensor x = args.in(0);
    if (x.rank() != 2 || out.elements() != x.size(0) || !x.isContiguous()) {
      return;
    }
    for (long row = 0; row < x.size(0); row++) {
      long at = out.offset() + 4 * row;
      long best = out.segment().get(ValueLayout.JAVA_INT_UNALIGNED, at);
      for (long k = best + 1; k < x.size(1) && x.dtype().isFloat(); k++) {
        float v = Elements.getFloat(x.dtype(), x.segment(), x.byteOffset(row, k));
        float max = Elements.getFloat(x.dtype(), x.segment(), x.byteOffset(row, best));
        best = v == max ? k : best;
      }
      out.segment().set(ValueLayout.JAVA_INT_UNALIGNED, at, (int) best);
    }
  }

  private static void swapIndices(KernelArgs args) {
    Tensor indices = args.out(1);
    if (indices.elements() >= 2) {
      long at = indices.offset();
      int first = indices.segment().get(ValueLayout.JAVA_INT_UNALIGNED, at);
      int second = indices.segment().get(ValueLayout.JAVA_INT_UNALIGNED, at + 4);
      indices.segment().set(ValueLayout.JAVA_INT_UNALIGNED, at, second);
      indices.segment().set(ValueLayout.JAVA_INT_UNALIGNED, at + 4, first);
    }
  }
}
