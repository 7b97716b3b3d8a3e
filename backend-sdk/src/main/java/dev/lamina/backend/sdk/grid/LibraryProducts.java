package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Projections of many rows by a vendor's library, where it is installed: operands of BF16, or both
 * of F16 as they are; others are rounded to BF16 in scratch memory, by kernels of the chip's file
 * {@code rounded}. The library is opened when the first such projection is compiled; its first
 * choice of a way to compute a product is kept.
 *
 * <p>Compiled by any thread, run by the one that runs kernels.
 */
public final class LibraryProducts implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(LibraryProducts.class.getName());

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
  public record Limits(long exactColumns, long leastRows, long leastRowsRounded, int multiple) {
    /**
     * As they were measured for one library on one chip. From 17 rows on the general kernel reads
     * weights once a tile of rows.
     */
    public static final Limits USUAL = new Limits(512, 5, 17, 8);
  }

  /** The library, and the kernels that make its operands. */
  private record Opened(
      ProductLibrary library, long workspace, long roundF32, long roundAny, long spreadBias) {}

  private final GridDevice grid;
  private final BlockTables blocks;
  private final ProductLibrary.Opener opener;
  private final Name name;
  private final Limits limits;
  private final Map<ProductLibrary.Product, Optional<? extends ProductLibrary.Plan>> plans =
      new HashMap<>();
  private boolean tried;
  private boolean toldSlow;
  private @Nullable Opened opened;

  /**
   * What a library is called in messages.
   *
   * @param library its name
   * @param searched what is looked for, such as a file's name
   */
  public record Name(String library, String searched) {}

  /**
   * Opens nothing yet.
   *
   * @param grid where projections run
   * @param blocks describes formats
   * @param opener opens the library
   * @param name of the library
   * @param limits which projections are for it
   */
  public LibraryProducts(
      GridDevice grid, BlockTables blocks, ProductLibrary.Opener opener, Name name, Limits limits) {
    this.grid = grid;
    this.blocks = blocks;
    this.opener = opener;
    this.name = name;
    this.limits = limits;
  }

  /** Whether a projection at relaxed numerics may be multiplied here, now that it is compiled. */
  public boolean suits(OpSpec spec) {
    return spec.operands().get(1) instanceof TensorType w
        && w.shape().dim(0).upperBound() > limits.exactColumns
        && opened() != null;
  }

  private synchronized @Nullable Opened opened() {
    if (!tried) {
      grid.use();
      try {
        opened = opener.open().map(this::opened).orElse(null);
        if (opened == null) {
          LOG.log(System.Logger.Level.DEBUG, "linear: {0} is not there", name.searched);
          tellSlow("without " + name.library);
        }
      } catch (BackendException e) {
        LOG.log(
            System.Logger.Level.WARNING,
            name.library
                + " is installed but not used, general kernels multiply: "
                + e.getMessage());
      }
      tried = true;
    }
    return opened;
  }

  private Opened opened(ProductLibrary library) {
    try {
      return new Opened(
          library,
          grid.own(WORKSPACE_BYTES),
          grid.function("rounded", "round_f32"),
          grid.function("rounded", "to_planes"),
          grid.function("rounded", "spread_bias"));
    } catch (BackendFailure e) {
      library.close();
      throw e;
    }
  }

  private void tellSlow(String why) {
    if (!toldSlow) {
      toldSlow = true;
      LOG.log(
          System.Logger.Level.INFO,
          "linear: products of many rows run in general kernels, far below what the chip reaches: {0}",
          why);
    }
  }

  /**
   * Submits a projection if it is one for the library.
   *
   * @return whether it was; if not, the general kernel has to compute all of it
   */
  public boolean run(Projection p) {
    Opened library = opened();
    boolean halves = holds(p.x(), DType.F16) && holds(p.w(), DType.F16);
    DType type = halves ? DType.F16 : DType.BF16;
    DType result = p.out().dtype();
    boolean direct = isOf(p.w(), type);
    long least = direct ? limits.leastRows : limits.leastRowsRounded;
    if (library == null || p.m() < least || p.n() == 0 || p.k() == 0) {
      return false;
    }
    // A bias is added in F32.
    boolean writes = result == DType.F32 || result == type && p.bias() == null;
    return writes
        && p.k() % limits.multiple == 0
        && Params.isAligned(p.out(), ALIGNMENT)
        && run(library, p, new Kinds(type, result, direct));
  }

  /** What a projection's matrices hold, and whether the weights lie as they are multiplied. */
  private record Kinds(DType operands, DType result, boolean direct) {}

  private static boolean holds(Tensor t, DType dtype) {
    return t.layout() instanceof Layout.Dense && t.dtype() == dtype;
  }

  /** Whether the library may read a tensor where it lies. */
  private static boolean isOf(Tensor t, DType dtype) {
    return holds(t, dtype) && Params.isAligned(t, ALIGNMENT);
  }

  private boolean run(Opened library, Projection p, Kinds kinds) {
    boolean own = isOf(p.x(), kinds.operands);
    long most = MAX_WEIGHT_BYTES / (2 * p.k()) & -8;
    long chunk = kinds.direct ? p.n() : Math.min(Math.max(most, 8), p.n());
    long xBytes = own ? 0 : 2 * p.m() * p.k() + ALIGNMENT - 1 & -ALIGNMENT;
    if (plan(library, p, kinds, chunk).isEmpty()
        || p.n() % chunk != 0 && plan(library, p, kinds, p.n() % chunk).isEmpty()) {
      tellSlow(name.library + " has no algorithm for some, which are told at debug level");
      return false;
    }
    long scratch = grid.scratch(Math.max(1, xBytes + (kinds.direct ? 0 : 2 * chunk * p.k())));
    if (!own) {
      round(library, p.x(), 0, p.m() * p.k(), scratch);
    }
    if (p.bias() != null) {
      Params to = grid.params().address(p.biasAddress()).address(p.outAt(0));
      to.i64(p.m()).i64(p.n()).i64(p.n()).i32(p.biasDtype());
      grid.launchOver(library.spreadBias, p.m() * p.n(), THREADS);
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

  private static void multiply(Opened library, ProductLibrary.Plan plan, long x, long w, long out) {
    try {
      plan.run(x, w, out, library.workspace);
    } catch (BackendException e) {
      throw new BackendFailure(e);
    }
  }

  /** Writes elements from the first on as BF16, rounded to nearest. */
  private void round(Opened library, Tensor t, long first, long n, long to) {
    long from = Params.addressOf(t) + first * Float.BYTES;
    if (holds(t, DType.F32) && n % 8 == 0 && from % ALIGNMENT == 0) {
      grid.params().address(from).address(to).i64(n / 8);
      grid.launchOver(library.roundF32, n / 8, THREADS);
      return;
    }
    Params p = grid.params().address(t).address(to).address(blocks.of(t)).i64(first).i64(n).i64(n);
    p.i32(1).i32(t.dtype().ordinal());
    grid.launchOver(library.roundAny, n, THREADS);
  }

  private Optional<? extends ProductLibrary.Plan> plan(
      Opened library, Projection p, Kinds kinds, long columns) {
    ProductLibrary.Product product =
        new ProductLibrary.Product(
            kinds.operands, kinds.result, p.m(), columns, p.k(), p.n(), p.bias() != null);
    Optional<? extends ProductLibrary.Plan> known = plans.get(product);
    if (known == null) {
      try {
        known = library.library.plan(product, WORKSPACE_BYTES);
      } catch (BackendException e) {
        throw new BackendFailure(e);
      }
      plans.put(product, known);
      if (known.isEmpty()) {
        LOG.log(
            System.Logger.Level.DEBUG,
            "linear: {0} has no algorithm for {1}",
            name.library,
            product);
      }
    }
    return known;
  }

  /** Gives back plans and library; what was submitted must have ended. */
  @Override
  public synchronized void close() {
    plans.values().forEach(plan -> plan.ifPresent(ProductLibrary.Plan::close));
    plans.clear();
    if (opened != null) {
      opened.library.close();
      opened = null;
    }
  }
}
