package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.Movement;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.Node;
import java.util.function.Function;

/**
 * The kernels of executables that promise {@link
 * dev.lamina.spi.CompileOptions.Guarantee#BATCH_INVARIANT}: projections and attention in one form,
 * whatever the rows, so that a row's sums are added in an order that hangs on that row alone. All
 * others are the usual ones, which do so anyway.
 */
final class InvariantKernels implements KernelProvider {
  private final CudaKernels usual;
  private final LinearKernels linears;
  private final AttentionKernels attention;
  private final boolean isRelaxed;

  InvariantKernels(
      CudaKernels usual, LinearKernels linears, AttentionKernels attention, boolean isRelaxed) {
    this.usual = usual;
    this.linears = linears;
    this.attention = attention;
    this.isRelaxed = isRelaxed;
  }

  @Override
  public KernelProvider relaxed() {
    return new InvariantKernels(usual, linears, attention, true);
  }

  @Override
  public KernelChoice choose(OpSpec spec) {
    KernelChoice choice = isRelaxed ? usual.relaxed().choose(spec) : usual.choose(spec);
    if (!(choice.support() instanceof Support.Native)) {
      return choice;
    }
    return switch (spec.op()) {
      case CompositeOp.Linear o -> with(choice, node -> linears.invariant(o, spec, isRelaxed));
      case CompositeOp.MoeLinear o -> with(choice, node -> linears.invariantExperts(o));
      case CompositeOp.PagedAttention o ->
          with(choice, node -> attention.invariant().paged(o, node, isRelaxed));
      case CompositeOp.MlaAttention o ->
          with(choice, node -> attention.invariant().latent(o, node));
      default -> choice;
    };
  }

  private static KernelChoice with(KernelChoice choice, Function<Node, Kernel> kernel) {
    return new KernelChoice(choice.name(), choice.support(), choice.strided(), kernel);
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return usual.elementwise(expr);
  }

  @Override
  public Movement movement() {
    return usual.movement();
  }
}
