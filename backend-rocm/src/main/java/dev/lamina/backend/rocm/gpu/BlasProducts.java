package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.BlasLt;
import dev.lamina.backend.rocm.driver.BlasLt.Type;
import dev.lamina.backend.rocm.driver.HipException;
import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.BlockTables;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Projections of many rows by hipBLASLt, where it is installed: operands of BF16, or both of F16 as
 * they are; others are rounded to BF16 in scratch memory. The library is opened when the first such
 * projection is compiled, as loading it takes a while; its first choice of an algorithm for a
 * product is kept.
 */
final class BlasProducts implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(BlasProducts.class.getName());

  /** Algorithms that need more are not asked for. */
  private static final long WORKSPACE_BYTES = 32L << 20;

  /** Bytes of rounded weights at a time. */
  private static final long MAX_WEIGHT_BYTES = 256L << 20;

  private static final int ALIGNMENT = 16;
  private static final int THREADS = 256;

  /**
   * Which projections are for the library.
   *
   * @param exactColumns up to so many columns are never rounded: a router's choice hangs on small
   *     differences
   * @param leastRows from so many rows on, where the weights lie as the library takes them
   * @param leastRowsRounded the same where weights must be rounded first
   * @param multiple of the elements of a row: those of whole loads
   */
  record Limits(long exactColumns, long leastRows, long leastRowsRounded, int multiple) {
    /**
     * As for CUDA's library, where they were measured; nothing was on an AMD GPU. From 17 rows on
     * the general kernel reads weights once a tile of rows.
     */
    static final Limits USUAL = new Limits(512, 5, 17, 8);
  }

  /** The library, and the kernels that make its operands. */
  private record Opened(
      BlasLt blas, long workspace, long roundF32, long roundAny, long spreadBias) {}

  private final HipGpu gpu;
  private final BlockTables blocks;
  private final BlasLt.Opener opener;
  private final String searched;
  private final Limits limits;
  private final Map<BlasLt.Product, Optional<BlasLt.Plan>> plans = new HashMap<>();
  private boolean tried;
  private boolean toldSlow;
  private @Nullable Opened opened;

  /**
   * Opens nothing yet.
   *
   * @param opener opens the library
   * @param searched what the opener looks for, for people
   */
  BlasProducts(
      HipGpu gpu, BlockTables blocks, BlasLt.Opener opener, String searched, Limits limits) {
    this.gpu = gpu;
    this.blocks = blocks;
    this.opener = opener;
    this.searched = searched;
    this.limits = limits;
  }

  /** Whether a projection at relaxed numerics may be multiplied here, now that it is compiled. */
  boolean suits(OpSpec spec) {
    return spec.operands().get(1) instanceof TensorType w
        && w.shape().dim(0).upperBound() > limits.exactColumns
        && opened() != null;
  }

  private synchronized @Nullable Opened opened() {
    if (!tried) {
      gpu.use();
      try {
        opened = opener.open().map(this::opened).orElse(null);
        if (opened == null) {
          LOG.log(System.Logger.Level.DEBUG, "rocm: {0} is not there", searched);
          tellSlow("without hipBLASLt");
        }
      } catch (HipException e) {
        LOG.log(
            System.Logger.Level.WARNING,
            "hipBLASLt is installed but not used, general kernels multiply: " + e.getMessage());
      }
      tried = true;
    }
    return opened;
  }

  private Opened opened(BlasLt blas) {
    try {
      return new Opened(
          blas,
          gpu.own(WORKSPACE_BYTES),
          gpu.function("rounded", "round_f32"),
          gpu.function("rounded", "to_planes"),
          gpu.function("rounded", "spread_bias"));
    } catch (BackendFailure e) {
      blas.close();
      throw e;
    }
  }

  private void tellSlow(String why) {
    if (!toldSlow) {
      toldSlow = true;
      LOG.log(
          System.Logger.Level.INFO,
          "rocm: products of many rows run in general kernels, far below what the GPU reaches: {0}",
          why);
    }
  }

  /**
   * Submits a projection if it is one for the library.
   *
   * @return whether it was; if not, the general kernel has to compute all of it
   */
  boolean run(Projection p) {
    Opened library = opened();
    Type type = holds(p.x(), DType.F16) && holds(p.w(), DType.F16) ? Type.F16 : Type.BF16;
    Type result = resultOf(p, type);
    boolean direct = isOf(p.w(), type);
    long least = direct ? limits.leastRows : limits.leastRowsRounded;
    if (library == null || result == null || p.m() < least || p.n() == 0 || p.k() == 0) {
      return false;
    }
    return p.k() % limits.multiple == 0
        && Params.isAligned(p.out(), ALIGNMENT)
        && run(library, p, new Kinds(type, result, direct));
  }

  /** What a projection's matrices hold, and whether the weights lie as they are multiplied. */
  private record Kinds(Type operands, Type result, boolean direct) {}

  private static boolean holds(Tensor t, DType dtype) {
    return t.layout() instanceof Layout.Dense && t.dtype() == dtype;
  }

  /** Whether the library may read a tensor where it lies. */
  private static boolean isOf(Tensor t, Type type) {
    return holds(t, type == Type.F16 ? DType.F16 : DType.BF16) && Params.isAligned(t, ALIGNMENT);
  }

  /** What the library writes, null if it can't. A bias is added in F32. */
  private static @Nullable Type resultOf(Projection p, Type operands) {
    return switch (p.out().dtype()) {
      case F32 -> Type.F32;
      case F16 -> operands == Type.F16 && p.bias() == null ? Type.F16 : null;
      case BF16 -> operands == Type.BF16 && p.bias() == null ? Type.BF16 : null;
      default -> null;
    };
  }

  private boolean run(Opened library, Projection p, Kinds kinds) {
    boolean own = isOf(p.x(), kinds.operands);
    long most = MAX_WEIGHT_BYTES / (2 * p.k()) & -8;
    long chunk = kinds.direct ? p.n() : Math.clamp(most, 8, p.n());
    // The rows' place is a multiple of what is asked of addresses.
    long xBytes = own ? 0 : 2 * p.m() * p.k();
    if (plan(library, p, kinds, chunk).isEmpty()
        || p.n() % chunk != 0 && plan(library, p, kinds, p.n() % chunk).isEmpty()) {
      tellSlow("hipBLASLt has no algorithm for some; they are told at debug level");
      return false;
    }
    long scratch = gpu.scratch(Math.max(1, xBytes + (kinds.direct ? 0 : 2 * chunk * p.k())));
    if (!own) {
      round(library, p.x(), 0, p.m() * p.k(), scratch);
    }
    if (p.bias() != null) {
      Params to = gpu.params().address(p.biasAddress()).address(p.outAt(0));
      to.i64(p.m()).i64(p.n()).i64(p.n()).i32(p.biasDtype());
      gpu.launchOver(library.spreadBias, p.m() * p.n(), THREADS);
    }
    long x = own ? p.xAt(0) : scratch;
    for (long from = 0; from < p.n(); from += chunk) {
      long now = Math.min(chunk, p.n() - from);
      long w = Params.addressOf(p.w());
      if (!kinds.direct) {
        w = scratch + xBytes;
        round(library, p.w(), from * p.k(), now * p.k(), w);
      }
      long out = p.outAt(0) + from * p.out().dtype().bytes();
      multiply(library, plan(library, p, kinds, now).orElseThrow(), x, w, out);
    }
    return true;
  }

  private void multiply(Opened library, BlasLt.Plan plan, long x, long w, long out) {
    try {
      plan.run(x, w, out, library.workspace, gpu.target());
    } catch (HipException e) {
      throw Failures.unchecked("linear", e);
    }
  }

  /** Writes elements from the first on as BF16, rounded to nearest. */
  private void round(Opened library, Tensor t, long first, long n, long to) {
    long from = Params.addressOf(t) + first * Float.BYTES;
    if (holds(t, DType.F32) && n % 8 == 0 && from % ALIGNMENT == 0) {
      gpu.params().address(from).address(to).i64(n / 8);
      gpu.launchOver(library.roundF32, n / 8, THREADS);
      return;
    }
    Params p = gpu.params().address(t).address(to).address(blocks.of(t)).i64(first).i64(n).i64(n);
    p.i32(1).i32(t.dtype().ordinal());
    gpu.launchOver(library.roundAny, n, THREADS);
  }

  private Optional<BlasLt.Plan> plan(Opened library, Projection p, Kinds kinds, long columns) {
    BlasLt.Product product =
        new BlasLt.Product(
            kinds.operands, kinds.result, p.m(), columns, p.k(), p.n(), p.bias() != null);
    Optional<BlasLt.Plan> known = plans.get(product);
    if (known == null) {
      try {
        known = library.blas.plan(product, WORKSPACE_BYTES);
      } catch (HipException e) {
        throw Failures.unchecked("linear", e);
      }
      plans.put(product, known);
      if (known.isEmpty()) {
        LOG.log(System.Logger.Level.DEBUG, "rocm: hipBLASLt has no algorithm for {0}", product);
      }
    }
    return known;
  }

  /** Gives back plans and library; what was submitted must have ended. */
  @Override
  public synchronized void close() {
    plans.values().forEach(plan -> plan.ifPresent(BlasLt.Plan::close));
    plans.clear();
    if (opened != null) {
      opened.blas.close();
      opened = null;
    }
  }
}
