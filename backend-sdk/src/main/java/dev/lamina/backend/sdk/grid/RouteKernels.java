package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.TensorType;

/** Chooses the experts of tokens. Constants are those of {@code route.cu}. */
final class RouteKernels {
  /** The most experts that there is room for. */
  private static final int MAX_EXPERTS = 1024;

  /** The most groups of experts that there is room for. */
  private static final int MAX_GROUPS = 64;

  private static final int WARPS = 4;

  private final GridDevice grid;

  RouteKernels(GridDevice grid) {
    this.grid = grid;
  }

  /** Whether the kernel has room for the experts and groups. */
  static boolean hasRoom(OpSpec spec, CompositeOp.MoeRoute op) {
    TensorType logits = (TensorType) spec.operands().getFirst();
    return logits.shape().dim(1).upperBound() <= MAX_EXPERTS && op.groups() <= MAX_GROUPS;
  }

  Kernel route(CompositeOp.MoeRoute op) {
    long kernel = grid.function("route", "moe_route");
    return args -> {
      Tensor logits = args.in(0);
      Tensor bias = op.biased() ? args.in(1) : null;
      Params p = grid.params().address(logits).addressIf(bias);
      p.address(args.out(0)).address(args.out(1)).i64(logits.size(0)).i32(logits.size(1));
      p.i32(op.k()).i32(op.score().ordinal()).i32(op.groups()).i32(op.topkGroups());
      p.i32(op.groupScore().ordinal()).i32(op.normalised() ? 1 : 0).f32(op.scale());
      p.i32(logits.dtype().ordinal()).i32(bias == null ? 0 : bias.dtype().ordinal());
      grid.launch(kernel, (logits.size(0) + WARPS - 1) / WARPS, 1, 1, WARPS * 32, 0);
    };
  }
}
