package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.backend.sdk.Movement;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;
import java.util.List;
import java.util.function.Function;

/**
 * The kernels that every grid device has: for each core op and composite one that takes any dtypes,
 * sizes and alignment. A chip brings them in its language, under the names and with the structs
 * that the classes of this package launch; a subclass puts faster ones in their place.
 */
public class GridKernels implements KernelProvider {
  private static final int MAX_SECTIONS = 8;

  /** Where block formats are described to kernels. */
  protected final BlockTables blocks;

  /** Projections of any operands. */
  protected final GeneralProducts products;

  private final GridDevice grid;
  private final GridMovement movement;
  private final ElementwiseKernels elementwise;
  private final CoreKernels core;
  private final LayerKernels layers;
  private final StateKernels states;
  private final RouteKernels routes;
  private final RecurrentKernels recurrent;
  private final SamplingKernels sampling;
  private final IndexKernels indices;

  /**
   * Kernels of an open device.
   *
   * @param grid open
   */
  public GridKernels(GridDevice grid) {
    this.grid = grid;
    blocks = new BlockTables(grid);
    products = new GeneralProducts(grid, blocks);
    movement = new GridMovement(grid);
    elementwise = new ElementwiseKernels(grid);
    sampling = new SamplingKernels(grid);
    core = new CoreKernels(grid, movement, sampling);
    layers = new LayerKernels(grid, blocks);
    states = new StateKernels(grid);
    routes = new RouteKernels(grid);
    recurrent = new RecurrentKernels(grid);
    indices = new IndexKernels(grid);
  }

  @Override
  public Movement movement() {
    return movement;
  }

  @Override
  public void beginRun() {
    grid.use();
  }

  @Override
  public void endRun() {
    grid.finish();
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return elementwise.of(expr);
  }

  @Override
  public final KernelChoice choose(OpSpec spec) {
    return choose(spec, false);
  }

  @Override
  public final List<StageGroup> groups(Stages stages) {
    return groups(stages, false);
  }

  /**
   * Ranges of stages that one launch does.
   *
   * @param stages of a graph
   * @param isRelaxed whether operands may be rounded further
   */
  protected List<StageGroup> groups(Stages stages, boolean isRelaxed) {
    return List.of();
  }

  /** These kernels for executables at relaxed numerics, or as they are. */
  protected final class Variant implements KernelProvider {
    private final boolean isRelaxed;

    /**
     * A view of these kernels.
     *
     * @param isRelaxed whether operands may be rounded further
     */
    public Variant(boolean isRelaxed) {
      this.isRelaxed = isRelaxed;
    }

    @Override
    public KernelChoice choose(OpSpec spec) {
      return GridKernels.this.choose(spec, isRelaxed);
    }

    @Override
    public Kernel elementwise(Expr expr) {
      return GridKernels.this.elementwise(expr);
    }

    @Override
    public Movement movement() {
      return GridKernels.this.movement();
    }

    @Override
    public List<StageGroup> groups(Stages stages) {
      return GridKernels.this.groups(stages, isRelaxed);
    }
  }

  /**
   * Chooses the kernel of an op.
   *
   * @param spec the op and its types
   * @param isRelaxed whether operands may be rounded further
   * @return its kernel, or why it is decomposed
   */
  protected KernelChoice choose(OpSpec spec, boolean isRelaxed) {
    return switch (spec.op()) {
      case CompositeOp c -> composite(c, spec, isRelaxed);
      case CoreOp c -> core.choose(c);
    };
  }

  /**
   * The kernel of a projection.
   *
   * @param op the op
   * @param spec with its types
   * @param isRelaxed whether operands may be rounded further
   */
  protected KernelChoice linear(CompositeOp.Linear op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "linear", Perf.OK, Numerics.STRICT, node -> args -> products.run(args, op));
  }

  /**
   * The kernel of a projection by experts.
   *
   * @param op the op
   * @param spec with its types
   * @param isRelaxed whether operands may be rounded further
   */
  protected KernelChoice experts(CompositeOp.MoeLinear op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "moe_linear", Perf.OK, Numerics.STRICT, node -> args -> products.run(args, op));
  }

  /**
   * The kernel of attention over keys and values, which are at most {@link
   * GeneralAttention#MAX_VALUE_WIDTH} wide.
   *
   * @param op the op
   * @param spec with its types
   * @param isRelaxed whether operands may be rounded further
   */
  protected KernelChoice attention(CompositeOp.PagedAttention op, OpSpec spec, boolean isRelaxed) {
    return KernelChoice.dense(
        "attention",
        Perf.OK,
        Numerics.STRICT,
        node -> new GeneralAttention(grid, op, spec.operands().get(1)));
  }

  /**
   * The kernel of attention over latents, which are at most {@link
   * GeneralAttention#MAX_VALUE_WIDTH} wide.
   *
   * @param op the op
   * @param spec with its types
   */
  protected KernelChoice latent(CompositeOp.MlaAttention op, OpSpec spec) {
    return KernelChoice.dense(
        "mla_attention",
        Perf.OK,
        Numerics.STRICT,
        node -> new GeneralAttention(grid, op, spec.operands().get(1)));
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
      case CompositeOp.Linear o -> linear(o, spec, isRelaxed);
      case CompositeOp.MoeLinear o -> experts(o, spec, isRelaxed);
      case CompositeOp.Embedding o -> fast("embedding", Numerics.EXACT, node -> layers.embedding());
      case CompositeOp.KvAppend o -> fast("kv_append", Numerics.EXACT, node -> states.append(o));
      case CompositeOp.PagedAttention o -> isWide(spec) ? tooWide() : attention(o, spec, isRelaxed);
      case CompositeOp.MlaAttention o ->
          o.rank() > GeneralAttention.MAX_VALUE_WIDTH ? tooWide() : latent(o, spec);
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
          !indices.hasRoom(spec)
              ? KernelChoice.decompose("the kernel has no room for so large queries of a token")
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

  private static KernelChoice tooWide() {
    return KernelChoice.decompose("the kernel has room for 1024 columns of values");
  }

  private static boolean isWide(OpSpec spec) {
    return spec.results().getFirst() instanceof TensorType t
        && t.shape().dim(2).upperBound() > GeneralAttention.MAX_VALUE_WIDTH;
  }

  private static KernelChoice fast(String name, Numerics numerics, Function<Node, Kernel> kernel) {
    return KernelChoice.dense(name, Perf.FAST, numerics, kernel);
  }
}
