package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.Movement;
import dev.lamina.backend.sdk.OrderMarks;
import dev.lamina.backend.sdk.RunCapturer;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.GridGroups;
import dev.lamina.backend.sdk.grid.GridKernels;
import dev.lamina.backend.sdk.grid.HeadGroups;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.backend.sdk.grid.ProjectionGroups;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CompositeOp;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Chooses a device's kernels. */
final class VulkanKernels extends GridKernels {
  /** Logits, temperature, top-k, top-p, min-p, seed and position. */
  private static final int SAMPLE_OPERANDS = 7;

  private static final int SAMPLE_THREADS = 512;

  /** Heads of a workgroup. */
  private static final int HEAD_WARPS = 4;

  private final VulkanGpu gpu;
  private final VulkanProducts fast;
  private final GridGroups groups;
  private final Optional<RunCapturer> capturer;
  private final Optional<OrderMarks> marks;
  private final KernelProvider relaxed = new Variant(true);
  private final KernelProvider invariant = new Invariant();

  /**
   * Kernels of an open device.
   *
   * @param gpu open, and longer so than this
   */
  VulkanKernels(VulkanGpu gpu) {
    super(gpu);
    this.gpu = gpu;
    fast = new VulkanProducts(gpu, products);
    groups = new GridGroups(new ProjectionGroups(fast), new HeadGroups(this::turnHeads));
    capturer = Optional.of(new StepCapturer(gpu));
    marks = Optional.of(new TimelineMarks(gpu));
  }

  @Override
  public KernelProvider relaxed() {
    return relaxed;
  }

  @Override
  protected List<StageGroup> groups(Stages stages, boolean isRelaxed) {
    return groups.of(stages, isRelaxed);
  }

  private void turnHeads(HeadGroups.Heads heads, List<KernelArgs> steps) {
    heads.append(gpu.params(), steps);
    long warps = heads.tokens(steps) * heads.heads(steps);
    long kernel = gpu.function("heads", "turn_and_append");
    gpu.launch(kernel, Math.ceilDiv(warps, HEAD_WARPS), 1, 1, 32 * HEAD_WARPS, 0);
  }

  /**
   * The same, but that projections and attention take one form whatever the rows, so that a row's
   * sums are added in an order that hangs on that row alone. All others do so anyway.
   */
  private final class Invariant implements KernelProvider {
    @Override
    public KernelChoice choose(OpSpec spec) {
      KernelChoice choice = VulkanKernels.this.choose(spec);
      return switch (spec.op()) {
        case CompositeOp.Linear op ->
            KernelChoice.dense(
                choice.name(),
                Perf.OK,
                Numerics.STRICT,
                node -> args -> products.runEach(Projection.of(args, op.biased())));
        case CompositeOp.PagedAttention op ->
            KernelChoice.dense(
                choice.name(), Perf.FAST, Numerics.STRICT, node -> newAttention(op, spec, 1));
        default -> choice;
      };
    }

    @Override
    public Kernel elementwise(Expr expr) {
      return VulkanKernels.this.elementwise(expr);
    }

    @Override
    public Movement movement() {
      return VulkanKernels.this.movement();
    }
  }

  @Override
  public KernelProvider with(Set<CompileOptions.Guarantee> guarantees) {
    return guarantees.contains(CompileOptions.Guarantee.BATCH_INVARIANT) ? invariant : this;
  }

  /** Draws by a workgroup a row, which needs no order between workgroups. */
  @Override
  protected KernelChoice choose(OpSpec spec, boolean isRelaxed) {
    return spec.op() instanceof CompositeOp.Sample
        ? KernelChoice.dense("sample", Perf.OK, Numerics.STRICT, node -> this::sample)
        : super.choose(spec, isRelaxed);
  }

  private void sample(KernelArgs args) {
    Tensor logits = args.in(0);
    Params p = gpu.params();
    for (int i = 0; i < SAMPLE_OPERANDS; i++) {
      p.address(args.in(i));
    }
    p.address(args.out(0)).i32(logits.size(1));
    gpu.launch(gpu.function("sampling", "sample_row"), logits.size(0), 1, 1, SAMPLE_THREADS, 0);
  }

  @Override
  protected KernelChoice linear(CompositeOp.Linear op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "linear",
        Perf.FAST,
        isRelaxed ? Numerics.RELAXED : Numerics.STRICT,
        node -> args -> fast.run(Projection.of(args, op.biased()), isRelaxed));
  }

  private VulkanAttention newAttention(CompositeOp.PagedAttention op, OpSpec spec, int maxHeads) {
    return new VulkanAttention(gpu, op, spec.operands().get(1), maxHeads);
  }

  @Override
  protected KernelChoice attention(CompositeOp.PagedAttention op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "attention",
        Perf.FAST,
        Numerics.STRICT,
        node -> newAttention(op, spec, VulkanAttention.MAX_HEADS));
  }

  @Override
  public Optional<RunCapturer> capturer() {
    return capturer;
  }

  @Override
  public Optional<OrderMarks> marks() {
    return marks;
  }
}
