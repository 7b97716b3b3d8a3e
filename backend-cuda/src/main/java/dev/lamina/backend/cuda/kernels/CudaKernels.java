package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.driver.BlasLt;
import dev.lamina.backend.cuda.gpu.EventClock;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.GraphCapturer;
import dev.lamina.backend.cuda.gpu.StreamMarks;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.OrderMarks;
import dev.lamina.backend.sdk.RunCapturer;
import dev.lamina.backend.sdk.RunClock;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.backend.sdk.grid.GridGroups;
import dev.lamina.backend.sdk.grid.GridKernels;
import dev.lamina.backend.sdk.grid.HeadGroups;
import dev.lamina.backend.sdk.grid.ProjectionGroups;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CompositeOp;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Chooses a GPU's kernels. */
public final class CudaKernels extends GridKernels implements AutoCloseable {
  private final Gpu gpu;
  private final Optional<RunCapturer> capturer;
  private final StreamMarks marks;
  private final EventClock clock;
  private final LinearKernels linears;
  private final GridGroups groups;
  private final AttentionKernels attention;
  private final BlasProducts blas;
  private final KernelProvider relaxed = new Variant(true);
  private final KernelProvider invariant;

  /**
   * Kernels of an open GPU.
   *
   * @param gpu open
   * @param opener opens cuBLASLt when it is first wanted
   */
  public CudaKernels(Gpu gpu, BlasLt.Opener opener) {
    super(gpu);
    this.gpu = gpu;
    blas = new BlasProducts(gpu, opener);
    capturer = Optional.of(new GraphCapturer(gpu));
    marks = new StreamMarks(gpu);
    clock = new EventClock(gpu);
    Gemv gemv = new Gemv(gpu);
    RoundedProducts roundedProducts = new RoundedProducts(gpu, blas);
    RoundedOperand rounded = new RoundedOperand(gpu);
    BlockGemv blockGemv = new BlockGemv(gpu, blocks);
    linears = new LinearKernels(gpu, blocks, products, gemv, blockGemv, roundedProducts, rounded);
    RoundedProjections many = new RoundedProjections(gpu, roundedProducts, rounded);
    attention = new AttentionKernels(gpu, rounded);
    groups =
        new GridGroups(
            new ProjectionGroups(new ProjectionLaunches(gemv, blockGemv, many)),
            new HeadGroups(new HeadLaunches(gpu, attention)));
    invariant = new InvariantKernels(this, linears, attention, false);
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
  public Optional<RunCapturer> capturer() {
    return capturer;
  }

  @Override
  protected List<StageGroup> groups(Stages stages, boolean isRelaxed) {
    return groups.of(stages, isRelaxed);
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
    super.endRun();
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
  protected KernelChoice linear(CompositeOp.Linear op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "linear", Perf.FAST, numerics(isRelaxed), node -> linears.linear(op, spec, isRelaxed));
  }

  @Override
  protected KernelChoice experts(CompositeOp.MoeLinear op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "moe_linear", Perf.FAST, numerics(isRelaxed), node -> linears.experts(op, spec, isRelaxed));
  }

  @Override
  protected KernelChoice attention(CompositeOp.PagedAttention op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "attention",
        AttentionKernels.isFast(op, spec.operands().get(1)) ? Perf.FAST : Perf.OK,
        numerics(isRelaxed),
        node -> attention.paged(op, node, isRelaxed));
  }

  @Override
  protected KernelChoice latent(CompositeOp.MlaAttention op, OpSpec spec) {
    return KernelChoice.dense(
        "mla_attention",
        AttentionKernels.isFast(op, spec.operands().get(1)) ? Perf.FAST : Perf.OK,
        Numerics.STRICT,
        node -> attention.latent(op, node));
  }

  private static Numerics numerics(boolean isRelaxed) {
    return isRelaxed ? Numerics.RELAXED : Numerics.STRICT;
  }
}
