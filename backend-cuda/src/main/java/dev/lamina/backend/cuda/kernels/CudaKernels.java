package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.driver.BlasLt;
import dev.lamina.backend.cuda.gpu.EventClock;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.GraphCapturer;
import dev.lamina.backend.cuda.gpu.StreamMarks;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.Movement;
import dev.lamina.backend.sdk.OrderMarks;
import dev.lamina.backend.sdk.RunCapturer;
import dev.lamina.backend.sdk.RunClock;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** Chooses a GPU's kernels. */
public final class CudaKernels implements KernelProvider, AutoCloseable {
  /** Columns of values that a block of the general attention has room for. */
  private static final int MAX_VALUE_WIDTH = 1024;

  private static final int MAX_SECTIONS = 8;

  private final Gpu gpu;
  private final Optional<RunCapturer> capturer;
  private final StreamMarks marks;
  private final EventClock clock;
  private final GpuMovement movement;
  private final ElementwiseKernels elementwise;
  private final CoreKernels core;
  private final LayerKernels layers;
  private final LinearKernels linears;
  private final ProjectionGroups projections;
  private final HeadGroups heads;
  private final StateKernels states;
  private final RouteKernels routes;
  private final RecurrentKernels recurrent;
  private final SamplingKernels sampling;
  private final AttentionKernels attention;
  private final IndexKernels indices;
  private final BlasProducts blas;
  private final KernelProvider relaxed = new Relaxed();
  private final KernelProvider invariant;

  /**
   * Kernels of an open GPU.
   *
   * @param gpu open
   * @param opener opens cuBLASLt when it is first wanted
   */
  public CudaKernels(Gpu gpu, BlasLt.Opener opener) {
    this.gpu = gpu;
    blas = new BlasProducts(gpu, opener);
    BlockTables blocks = new BlockTables(gpu);
    capturer = Optional.of(new GraphCapturer(gpu));
    marks = new StreamMarks(gpu);
    clock = new EventClock(gpu);
    movement = new GpuMovement(gpu);
    elementwise = new ElementwiseKernels(gpu);
    sampling = new SamplingKernels(gpu);
    core = new CoreKernels(gpu, movement, sampling);
    layers = new LayerKernels(gpu, blocks);
    Gemv gemv = new Gemv(gpu);
    RoundedProducts products = new RoundedProducts(gpu, blas);
    RoundedOperand rounded = new RoundedOperand(gpu);
    BlockGemv blockGemv = new BlockGemv(gpu, blocks);
    linears = new LinearKernels(gpu, blocks, gemv, blockGemv, products, rounded);
    RoundedProjections many = new RoundedProjections(gpu, products, rounded);
    projections = new ProjectionGroups(gemv, blockGemv, many);
    states = new StateKernels(gpu);
    routes = new RouteKernels(gpu);
    recurrent = new RecurrentKernels(gpu);
    attention = new AttentionKernels(gpu, rounded);
    heads = new HeadGroups(gpu, attention);
    indices = new IndexKernels(gpu);
    invariant = new InvariantKernels(this, linears, attention, false);
  }

  /** The same kernels, of which some round operands further. */
  private final class Relaxed implements KernelProvider {
    @Override
    public KernelChoice choose(OpSpec spec) {
      return CudaKernels.this.choose(spec, true);
    }

    @Override
    public Kernel elementwise(Expr expr) {
      return CudaKernels.this.elementwise(expr);
    }

    @Override
    public Movement movement() {
      return movement;
    }

    @Override
    public List<StageGroup> groups(Stages stages) {
      return CudaKernels.this.groups(stages, true);
    }
  }

  @Override
  public KernelProvider relaxed() {
    return relaxed;
  }

  @Override
  public KernelProvider with(Set<CompileOptions.Guarantee> guarantees) {
    return guarantees.contains(CompileOptions.Guarantee.BATCH_INVARIANT) ? invariant : this;
  }

  @Override
  public Movement movement() {
    return movement;
  }

  @Override
  public Optional<RunCapturer> capturer() {
    return capturer;
  }

  @Override
  public List<StageGroup> groups(Stages stages) {
    return groups(stages, false);
  }

  private List<StageGroup> groups(Stages stages, boolean isRelaxed) {
    List<StageGroup> all = new ArrayList<>();
    for (int i = 0; i < stages.list().size(); ) {
      StageGroup group = projections.at(stages, i, isRelaxed);
      if (group == null) {
        group = heads.at(stages, i, isRelaxed);
      }
      if (group == null) {
        i++;
      } else {
        all.add(group);
        i = group.to();
      }
    }
    return all;
  }

  /**
   * Sizes of batches, pages and rows that graphs are captured for: few, where padding costs little.
   * A matrix of up to 64 rows costs its weights, whatever the rows.
   */
  @Override
  public long bucket(long size, boolean inputsOnly) {
    if (inputsOnly || size <= 8) {
      return size <= 1 ? size : Long.highestOneBit(size - 1) << 1;
    }
    long step = size <= 64 ? 8 : 64;
    return (size + step - 1) / step * step;
  }

  @Override
  public Optional<OrderMarks> marks() {
    return Optional.of(marks);
  }

  @Override
  public Optional<RunClock> clock() {
    return Optional.of(clock);
  }

  @Override
  public void beginRun() {
    gpu.beginRun();
    clock.beginRun();
  }

  @Override
  public void endRun() {
    clock.endRun();
    gpu.finish();
  }

  /** Gives back cuBLASLt and what runs are marked and timed by, once all work has ended. */
  @Override
  public void close() {
    gpu.use();
    gpu.synchronize();
    blas.close();
    marks.close();
    clock.close();
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return elementwise.of(expr);
  }

  @Override
  public KernelChoice choose(OpSpec spec) {
    return choose(spec, false);
  }

  private KernelChoice choose(OpSpec spec, boolean isRelaxed) {
    return switch (spec.op()) {
      case CompositeOp c -> composite(c, spec, isRelaxed);
      case CoreOp c -> core.choose(c);
    };
  }

  /** Whether an operand lies in blocks where no kernel reads them. */
  private static boolean hasStrayBlocks(OpSpec spec) {
    boolean readsBlocks =
        spec.op() instanceof CompositeOp.Linear
            || spec.op() instanceof CompositeOp.MoeLinear
            || spec.op() instanceof CompositeOp.Embedding;
    List<ValueType> operands = spec.operands();
    for (int i = 0; i < operands.size(); i++) {
      if (operands.get(i) instanceof TensorType t && t.isBlocked() && !(readsBlocks && i == 1)) {
        return true;
      }
    }
    return false;
  }

  private KernelChoice composite(CompositeOp op, OpSpec spec, boolean isRelaxed) {
    if (hasStrayBlocks(spec)) {
      return KernelChoice.decompose("the kernel reads no blocks there");
    }
    return switch (op) {
      case CompositeOp.RmsNorm o -> fast("rms_norm", Numerics.STRICT, node -> layers.rmsNorm(o));
      case CompositeOp.LayerNorm o ->
          fast("layer_norm", Numerics.STRICT, node -> layers.layerNorm(o));
      case CompositeOp.Rope o ->
          o.sections().size() > MAX_SECTIONS
              ? KernelChoice.decompose("the kernel knows 8 sections")
              : fast("rope", Numerics.STRICT, node -> layers.rope(o));
      case CompositeOp.GatedActivation o -> fast("gate", Numerics.STRICT, node -> layers.gate(o));
      case CompositeOp.Linear o ->
          fast(
              "linear",
              isRelaxed ? Numerics.RELAXED : Numerics.STRICT,
              node -> linears.linear(o, spec, isRelaxed));
      case CompositeOp.MoeLinear o ->
          fast(
              "moe_linear",
              isRelaxed ? Numerics.RELAXED : Numerics.STRICT,
              node -> linears.experts(o, spec, isRelaxed));
      case CompositeOp.Embedding o -> fast("embedding", Numerics.EXACT, node -> layers.embedding());
      case CompositeOp.KvAppend o -> fast("kv_append", Numerics.EXACT, node -> states.append(o));
      case CompositeOp.PagedAttention o ->
          isWide(spec)
              ? KernelChoice.decompose("the kernel has room for 1024 columns of values")
              : KernelChoice.dense(
                  "attention",
                  AttentionKernels.isFast(o, spec.operands().get(1)) ? Perf.FAST : Perf.OK,
                  isRelaxed ? Numerics.RELAXED : Numerics.STRICT,
                  node -> attention.paged(o, node, isRelaxed));
      case CompositeOp.MlaAttention o ->
          o.rank() > MAX_VALUE_WIDTH
              ? KernelChoice.decompose("the kernel has room for 1024 columns of values")
              : KernelChoice.dense(
                  "mla_attention",
                  AttentionKernels.isFast(o, spec.operands().get(1)) ? Perf.FAST : Perf.OK,
                  Numerics.STRICT,
                  node -> attention.latent(o, node));
      case CompositeOp.StateCopy o -> fast("state_copy", Numerics.EXACT, node -> states.copy());
      case CompositeOp.StateExport o ->
          fast("state_export", Numerics.EXACT, node -> states.export(o));
      case CompositeOp.StateImport o ->
          fast("state_import", Numerics.EXACT, node -> states.insert(o));
      case CompositeOp.MoeRoute o ->
          !RouteKernels.hasRoom(spec, o)
              ? KernelChoice.decompose("the kernel has room for 1024 experts in 64 groups")
              : fast("moe_route", Numerics.STRICT, node -> routes.route(o));
      case CompositeOp.IndexTopk o ->
          !IndexKernels.hasRoom(spec)
              ? KernelChoice.decompose("the kernel has room for queries of 48 KiB a token")
              : KernelChoice.dense("index_topk", Perf.OK, Numerics.STRICT, node -> indices.topk(o));
      case CompositeOp.CausalConv1d o ->
          fast("causal_conv1d", Numerics.STRICT, node -> recurrent.convolution(o));
      case CompositeOp.GatedDelta o ->
          !RecurrentKernels.hasRoom(spec)
              ? KernelChoice.decompose("the kernel has room for keys of 512 channels")
              : fast("gated_delta", Numerics.STRICT, node -> recurrent.gatedDelta(o));
      case CompositeOp.SsdScan o ->
          !RecurrentKernels.hasRoom(spec)
              ? KernelChoice.decompose("the kernel has room for keys of 512 channels")
              : fast("ssd_scan", Numerics.STRICT, node -> recurrent.ssdScan(o));
      case CompositeOp.Penalties o ->
          fast("penalties", Numerics.STRICT, node -> sampling.penalties());
      case CompositeOp.ApplyBitmask o ->
          fast("apply_bitmask", Numerics.EXACT, node -> sampling.bitmask());
      case CompositeOp.Sample o -> fast("sample", Numerics.STRICT, node -> sampling.sample());
      case CompositeOp.Logprobs o ->
          o.k() > SamplingKernels.MAX_K
              ? KernelChoice.decompose("the kernel finds up to 1024")
              : fast("logprobs", Numerics.STRICT, node -> sampling.logprobs(o));
    };
  }

  private static boolean isWide(OpSpec spec) {
    return spec.results().getFirst() instanceof TensorType t
        && t.shape().dim(2).upperBound() > MAX_VALUE_WIDTH;
  }

  private static KernelChoice fast(String name, Numerics numerics, Function<Node, Kernel> kernel) {
    return KernelChoice.dense(name, Perf.FAST, numerics, kernel);
  }
}
