package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.HostMovement;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Node;
import java.util.function.Function;

/** The core ops in plain Java; every composite is left to its decomposition. */
final class ReferenceKernels implements KernelProvider {

  @Override
  public KernelChoice choose(OpSpec spec) {
    if (HostMovement.handles(spec.op())) {
      return HostMovement.choose(spec);
    }
    return switch (spec.op()) {
      case CompositeOp c -> KernelChoice.decompose("the reference runs core ops only");
      case CoreOp.Reduce o -> strict("reduce", node -> args -> ReduceKernels.reduce(o, args));
      case CoreOp.Scan o -> strict("scan", node -> args -> ReduceKernels.scan(o, args));
      case CoreOp.Matmul o -> strict("matmul", node -> new MatmulKernel(o));
      case CoreOp.Argmax o -> exact("argmax", node -> args -> ReduceKernels.argmax(o, args));
      case CoreOp.Topk o -> exact("topk", node -> new TopkKernel(o));
      case CoreOp other ->
          throw new IllegalArgumentException("the SDK runs " + other.mnemonic() + " itself");
    };
  }

  private static KernelChoice strict(String name, Function<Node, Kernel> kernel) {
    return KernelChoice.strided(name, Support.Perf.OK, Support.Numerics.STRICT, kernel);
  }

  private static KernelChoice exact(String name, Function<Node, Kernel> kernel) {
    return KernelChoice.strided(name, Support.Perf.OK, Support.Numerics.EXACT, kernel);
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return new ElementwiseKernel(expr);
  }
}
