package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.BlasLt;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.grid.LibraryProducts;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.util.Set;

/**
 * Kernels that let hipBLASLt multiply what needs no rounding, at strict numerics too and however
 * few rows and columns there are.
 */
public final class EagerProducts extends HipKernels {
  private static final int HIP_6_3 = 60_300_000;
  private static final LibraryProducts.Limits ANY = new LibraryProducts.Limits(0, 1, 1, 1);

  /** Kernels of an open GPU. */
  public EagerProducts(HipGpu gpu) {
    super(gpu, () -> gpu.library(HIP_6_3), BlasLt.searched(HIP_6_3), ANY);
  }

  @Override
  protected KernelChoice choose(OpSpec spec, boolean isRelaxed) {
    boolean isOwn = spec.op() instanceof CompositeOp.Linear && isExact(spec);
    return super.choose(spec, isRelaxed || isOwn);
  }

  /** Whether both operands are of one type that the library multiplies. */
  private static boolean isExact(OpSpec spec) {
    return spec.operands().get(0) instanceof TensorType x
        && spec.operands().get(1) instanceof TensorType w
        && w.isDense()
        && x.dtype() == w.dtype()
        && (x.dtype() == DType.BF16 || x.dtype() == DType.F16);
  }

  @Override
  public KernelProvider with(Set<CompileOptions.Guarantee> guarantees) {
    return guarantees.isEmpty() ? this : super.with(guarantees);
  }
}
