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
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.DType;
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
  private final KernelProvider relaxed = new Relaxed();
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

  /** The same kernels, of which products of many rows round operands further. */
  private final class Relaxed implements KernelProvider {
    @Override
    public KernelChoice choose(OpSpec spec) {
      return spec.op() instanceof CompositeOp.Linear op
          ? linear(op, spec, true)
          : VulkanKernels.this.choose(spec);
    }

    @Override
    public Kernel elementwise(Expr expr) {
      return VulkanKernels.this.elementwise(expr);
    }

    @Override
    public Movement movement() {
      return VulkanKernels.this.movement();
    }

    @Override
    public List<StageGroup> groups(Stages stages) {
      return groups.of(stages, true);
    }
  }

  @Override
  public KernelProvider relaxed() {
    return relaxed;
  }

  @Override
  public List<StageGroup> groups(Stages stages) {
    return groups.of(stages, false);
  }

  private void turnHeads(HeadGroups.Heads heads, List<KernelArgs> steps) {
    heads.append(gpu.params(), steps);
    long warps = heads.tokens(steps) * heads.heads(steps);
    long kernel = gpu.function("heads", "turn_and_append");
    gpu.launch(kernel, Math.ceilDiv(warps, HEAD_WARPS), 1, 1, 32 * HEAD_WARPS, 0);
  }

  /**
   * The same, but that projections take one form whatever the rows, so that a row's sums are added
   * in an order that hangs on that row alone. All others do so anyway.
   */
  private final class Invariant implements KernelProvider {
    @Override
    public KernelChoice choose(OpSpec spec) {
      KernelChoice choice = VulkanKernels.this.choose(spec);
      if (!(spec.op() instanceof CompositeOp.Linear op)) {
        return choice;
      }
      return KernelChoice.dense(
          choice.name(),
          Perf.OK,
          Numerics.STRICT,
          node -> args -> products.runEach(Projection.of(args, op.biased())));
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
  public KernelChoice choose(OpSpec spec) {
    return spec.op() instanceof CompositeOp.Sample
        ? KernelChoice.dense("sample", Perf.OK, Numerics.STRICT, node -> this::sample)
        : super.choose(spec);
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

  /** The residual stream's sum in 16 bits is a kernel of its own where it is dense. */
  @Override
  public Kernel elementwise(Expr expr) {
    Kernel machine = super.elementwise(expr);
    boolean isSum =
        expr instanceof Expr.Binary(BinaryKind kind, Expr.Input a, Expr.Input b)
            && kind == BinaryKind.ADD
            && (a.dtype() == DType.BF16 || a.dtype() == DType.F16)
            && a.index() != b.index();
    if (!isSum) {
      return machine;
    }
    long add = gpu.function("elementwise", "add_halves");
    return args -> {
      Tensor a = args.in(0);
      Tensor b = args.in(1);
      Tensor out = args.out(0);
      long addresses = Params.addressOf(a) | Params.addressOf(b) | Params.addressOf(out);
      boolean dense = a.isContiguous() && b.isContiguous();
      if (!dense || (addresses & 15) != 0 || out.elements() % 8 != 0) {
        machine.run(args);
        return;
      }
      gpu.params().address(a).address(b).address(out).i64(out.elements()).i32(a.dtype().ordinal());
      gpu.launchOver(add, out.elements() / 8, 256);
    };
  }

  @Override
  protected KernelChoice linear(CompositeOp.Linear op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "linear",
        Perf.FAST,
        isRelaxed ? Numerics.RELAXED : Numerics.STRICT,
        node -> args -> fast.run(Projection.of(args, op.biased()), isRelaxed));
  }

  @Override
  protected KernelChoice attention(CompositeOp.PagedAttention op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "attention",
        Perf.FAST,
        Numerics.STRICT,
        node -> new VulkanAttention(gpu, op, spec.operands().get(1)));
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
