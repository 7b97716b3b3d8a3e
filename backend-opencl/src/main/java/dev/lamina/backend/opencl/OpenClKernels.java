package dev.lamina.backend.opencl;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.OrderMarks;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.GridGroups;
import dev.lamina.backend.sdk.grid.GridKernels;
import dev.lamina.backend.sdk.grid.HeadGroups;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.backend.sdk.grid.ProjectionGroups;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CompositeOp;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Chooses an OpenCL device's kernels: the SDK's, and for each fused expression one of its own. */
final class OpenClKernels extends GridKernels {
  private static final int THREADS = 128;

  private final OpenClGrid grid;
  private final QueueMarks marks;
  private final OpenClProducts fast;
  private final GridGroups groups;
  private final Map<String, Integer> sources = new HashMap<>();

  OpenClKernels(OpenClGrid grid) {
    super(grid);
    this.grid = grid;
    this.marks = new QueueMarks(grid.queue(), grid.isCpu());
    fast = new OpenClProducts(grid, products);
    groups = new GridGroups(new ProjectionGroups(fast), new HeadGroups(this::turnHeads));
  }

  @Override
  protected List<StageGroup> groups(Stages stages, boolean isRelaxed) {
    return groups.of(stages, isRelaxed);
  }

  private void turnHeads(HeadGroups.Heads heads, List<KernelArgs> steps) {
    heads.append(grid.params(), steps);
    long kernel = grid.function("heads", "turn_and_append");
    long each = grid.hasSingles() ? 1 : heads.heads(steps);
    grid.launch(kernel, heads.tokens(steps), each, 1, 1, 0);
  }

  @Override
  protected KernelChoice linear(CompositeOp.Linear op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "linear",
        Perf.OK,
        Numerics.STRICT,
        node -> args -> fast.run(Projection.of(args, op.biased())));
  }

  @Override
  public Optional<OrderMarks> marks() {
    return Optional.of(marks);
  }

  @Override
  public Kernel elementwise(Expr expr) {
    ElementwiseSource source = ElementwiseSource.of(expr);
    String file = "fused " + number(source.text());
    long dense = grid.function(file, source.text(), "fused");
    long strided = grid.function(file, source.text(), "fused_strided");
    int inputs = Math.max(1, source.inputs());
    return args -> {
      if (isDense(args)) {
        struct(args, inputs);
        grid.launchOver(dense, elements(args), THREADS);
      } else {
        strides(struct(args, inputs), args, inputs);
        grid.launchOver(strided, elements(args), THREADS);
      }
    };
  }

  /** A number for a source, the same for the same text. */
  private synchronized int number(String text) {
    return sources.computeIfAbsent(text, t -> sources.size());
  }

  private static long elements(KernelArgs args) {
    return args.out(0).elements();
  }

  private static boolean isDense(KernelArgs args) {
    for (int i = 0; i < args.numOperands(); i++) {
      if (!args.in(i).isContiguous()) {
        return false;
      }
    }
    return true;
  }

  private Params struct(KernelArgs args, int inputs) {
    Params p = grid.params().address(args.out(0));
    for (int i = 0; i < inputs; i++) {
      p.addressIf(i < args.numOperands() ? args.in(i) : null);
    }
    return p.i64(elements(args));
  }

  private static void strides(Params p, KernelArgs args, int inputs) {
    Tensor out = args.out(0);
    for (int axis = 0; axis < Params.MAX_RANK; axis++) {
      p.i64(axis < out.rank() ? out.size(axis) : 1);
    }
    p.i32(out.rank());
    for (int i = 0; i < inputs; i++) {
      for (int axis = 0; axis < Params.MAX_RANK; axis++) {
        boolean there = i < args.numOperands() && axis < out.rank();
        p.i32(there ? stride(args.in(i), axis) : 0);
      }
    }
  }

  /** A stride in 32 bits: those of 12 inputs in 64 would be more than a kernel's arguments may. */
  private static int stride(Tensor t, int axis) {
    long stride = t.size(axis) == 1 ? 0 : t.stride(axis);
    if (stride != (int) stride) {
      throw new IllegalArgumentException(
          "elementwise: expected strides below 2^31 elements, got %d; make the operand contiguous"
              .formatted(stride));
    }
    return (int) stride;
  }
}
