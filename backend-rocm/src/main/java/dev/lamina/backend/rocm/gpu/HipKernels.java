package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.Failures;
import dev.lamina.backend.rocm.driver.HipException;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.OrderMarks;
import dev.lamina.backend.sdk.RunCapturer;
import dev.lamina.backend.sdk.grid.GridKernels;
import dev.lamina.backend.sdk.grid.LibraryProducts;
import dev.lamina.backend.sdk.grid.ProductLibrary;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CompositeOp;
import java.util.Optional;
import java.util.Set;

/**
 * The SDK's kernels on a GPU, with runs captured as graphs. At relaxed numerics hipBLASLt
 * multiplies where it is installed, unless bits are promised: nothing says in which order it adds.
 */
public class HipKernels extends GridKernels implements AutoCloseable {
  private final HipGpu gpu;
  private final StreamMarks marks;
  private final GraphCapturer capturer;
  private final LibraryProducts blas;
  private final KernelProvider relaxed = new Variant(true);
  private final KernelProvider exact = new Variant(false);

  /**
   * Kernels of an open GPU.
   *
   * @param gpu open, and longer so than this
   * @param opener opens hipBLASLt when it is first wanted
   * @param searched what the opener looks for, for people
   * @param limits of what is for hipBLASLt
   */
  public HipKernels(
      HipGpu gpu, ProductLibrary.Opener opener, String searched, LibraryProducts.Limits limits) {
    super(gpu);
    this.gpu = gpu;
    marks = new StreamMarks(gpu);
    capturer = new GraphCapturer(gpu);
    LibraryProducts.Name name = new LibraryProducts.Name("hipBLASLt", searched);
    blas = new LibraryProducts(gpu, blocks, opener, name, limits);
  }

  @Override
  public KernelProvider relaxed() {
    return relaxed;
  }

  @Override
  public KernelProvider with(Set<CompileOptions.Guarantee> guarantees) {
    return guarantees.isEmpty() ? this : exact;
  }

  @Override
  protected KernelChoice linear(CompositeOp.Linear op, OpSpec spec, boolean isRelaxed) {
    if (!isRelaxed || !blas.suits(spec)) {
      return super.linear(op, spec, isRelaxed);
    }
    return KernelChoice.dense(
        "linear", Perf.FAST, Numerics.RELAXED, node -> args -> linear(op, args));
  }

  private void linear(CompositeOp.Linear op, KernelArgs args) {
    Projection p = Projection.of(args, op.biased());
    if (!blas.run(p)) {
      products.run(p);
    }
  }

  @Override
  public Optional<RunCapturer> capturer() {
    return Optional.of(capturer);
  }

  @Override
  public Optional<OrderMarks> marks() {
    return Optional.of(marks);
  }

  /** Sizes that graphs are captured for: powers of two, then few, where padding costs little. */
  @Override
  public long bucket(long size, boolean inputsOnly) {
    if (inputsOnly || size <= 8) {
      return size <= 1 ? size : Long.highestOneBit(size - 1) << 1;
    }
    long step = size <= 64 ? 8 : 64;
    return Math.ceilDiv(size, step) * step;
  }

  /** Gives back hipBLASLt and what marks are made of, once all work has ended. */
  @Override
  public void close() {
    gpu.use();
    try {
      gpu.hip().streamSynchronize(gpu.stream());
    } catch (HipException e) {
      throw Failures.unchecked("close", e);
    }
    blas.close();
    marks.close();
  }
}
