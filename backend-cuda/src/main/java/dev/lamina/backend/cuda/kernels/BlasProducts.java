package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.driver.BlasLt;
import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.gpu.Failures;
import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.spi.ir.DType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Products of BF16 operands by cuBLASLt, where it is installed. The library is opened at the first
 * product, as loading it takes a while; its first choice of an algorithm for a product is kept, so
 * the same product gives the same bits in every run and in every process.
 *
 * <p>Used by the thread that runs kernels.
 */
final class BlasProducts implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(BlasProducts.class.getName());

  /** What NVIDIA recommends for Hopper; algorithms that need more are not asked for. */
  private static final long WORKSPACE_BYTES = 32L << 20;

  private static final int ALIGNMENT = 16;

  private final Gpu gpu;
  private final BlasLt.Opener opener;
  private final Map<BlasLt.Product, Optional<BlasLt.Plan>> plans = new HashMap<>();
  private boolean opened;
  private @Nullable BlasLt blas;
  private long workspace;

  BlasProducts(Gpu gpu, BlasLt.Opener opener) {
    this.gpu = gpu;
    this.opener = opener;
  }

  /** Whether the library is installed and starts. */
  boolean isThere() {
    return library() != null;
  }

  /** Whether {@link #run} would submit the product. */
  boolean takes(RoundedProducts.Product p, long added) {
    boolean fits = p.result() == DType.F32 || p.result() == DType.BF16;
    fits &= p.m() > 0 && p.n() > 0 && p.k() > 0;
    fits &= ((p.x() | p.w() | added | p.out() | 2 * p.k()) & ALIGNMENT - 1) == 0;
    return fits && plan(p, added).isPresent();
  }

  /**
   * Submits a product without its bias.
   *
   * @param added device address of what it is added to instead of its own, 0 for nothing
   * @return whether it was; if not, nothing was and another kernel has to
   */
  boolean run(RoundedProducts.Product p, long added) {
    if (!takes(p, added)) {
      return false;
    }
    try {
      plan(p, added).orElseThrow().run(p.x(), p.w(), added, p.out(), workspace, gpu.stream());
    } catch (CudaException e) {
      throw Failures.unchecked("linear", e);
    }
    return true;
  }

  private Optional<BlasLt.Plan> plan(RoundedProducts.Product p, long added) {
    BlasLt.Type type = p.result() == DType.F32 ? BlasLt.Type.F32 : BlasLt.Type.BF16;
    BlasLt.Product product =
        new BlasLt.Product(
            BlasLt.Type.BF16, type, p.m(), p.n(), p.k(), p.k(), p.k(), p.stride(), added != 0);
    Optional<BlasLt.Plan> known = plans.get(product);
    if (known == null) {
      known = plan(product);
      plans.put(product, known);
    }
    return known;
  }

  private Optional<BlasLt.Plan> plan(BlasLt.Product product) {
    BlasLt library = library();
    if (library == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(library.plans(product, WORKSPACE_BYTES, 1).getFirst());
    } catch (CudaException e) {
      if (e.kind() != CudaException.Kind.UNSUPPORTED) {
        throw Failures.unchecked("linear", e);
      }
      LOG.log(System.Logger.Level.DEBUG, e::getMessage);
      return Optional.empty();
    }
  }

  private @Nullable BlasLt library() {
    if (!opened) {
      opened = true;
      try {
        blas = opener.open().orElse(null);
        workspace = blas == null ? 0 : gpu.own(WORKSPACE_BYTES);
      } catch (CudaException e) {
        LOG.log(
            System.Logger.Level.WARNING,
            "cuBLASLt is installed but not used, Lamina's own kernels multiply: " + e.getMessage());
        close();
      }
    }
    return blas;
  }

  /** Gives back plans and library; what was submitted must have ended. */
  @Override
  public void close() {
    plans.values().forEach(plan -> plan.ifPresent(BlasLt.Plan::close));
    plans.clear();
    if (blas != null) {
      blas.close();
      blas = null;
    }
  }
}
