package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.HotKernel;
import dev.lamina.backend.cpuvector.kernels.Linear;
import dev.lamina.backend.cpuvector.kernels.WarmUp;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.HostMovement;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Chooses kernels. All share one {@link WorkerPool}; a run holds it from its first kernel to its
 * last, so that the workers spin at the barriers in between, and kernels keep their scratch here.
 */
final class CpuKernels implements KernelProvider {
  private final WorkerPool pool;
  private final @Nullable CpuKernels invariant;
  private final FoldKernels folds;
  private final MatmulKernel matmul;
  private final LayerKernels layers;
  private final ExpertKernels experts;
  private final StateKernels states;
  private final RecurrentKernels recurrent;
  private final SamplingKernels sampling;
  private final ElementwiseKernel.Scratch elementwise;

  CpuKernels(WorkerPool pool) {
    this(pool, Linear.STREAM_ROWS, new CpuKernels(pool, 0, null));
  }

  /**
   * Kernels of which products take up to so many rows in the form that streams weights.
   *
   * @param invariant those of which a row's bits do not depend on the other rows; null if these are
   */
  private CpuKernels(WorkerPool pool, int streamRows, @Nullable CpuKernels invariant) {
    this.pool = pool;
    this.invariant = invariant;
    folds = new FoldKernels(pool);
    matmul = new MatmulKernel(pool, streamRows);
    layers = new LayerKernels(pool, streamRows);
    experts = new ExpertKernels(pool, streamRows);
    states = new StateKernels(pool);
    recurrent = new RecurrentKernels(pool);
    sampling = new SamplingKernels(pool);
    elementwise = new ElementwiseKernel.Scratch(pool);
  }

  @Override
  public KernelProvider with(Set<CompileOptions.Guarantee> guarantees) {
    boolean asked = guarantees.contains(CompileOptions.Guarantee.BATCH_INVARIANT);
    return asked && invariant != null ? invariant : this;
  }

  @Override
  public void beginRun() {
    pool.beginStep();
  }

  @Override
  public void endRun() {
    pool.endStep();
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return new ElementwiseKernel(expr, elementwise);
  }

  @Override
  public KernelChoice choose(OpSpec spec) {
    wantKernels(spec);
    return switch (spec.op()) {
      case CompositeOp c -> composite(c, spec);
      case CoreOp c -> core(c, spec);
    };
  }

  /** Has the vector forms compiled that an op will use, from the time a graph is compiled. */
  private static void wantKernels(OpSpec spec) {
    boolean projects =
        spec.op() instanceof CompositeOp.Linear || spec.op() instanceof CompositeOp.MoeLinear;
    if (Operands.readBlocks(spec)
        && spec.operands().get(1) instanceof TensorType t
        && t.layout() instanceof Layout.Blocked(QuantFormat format)) {
      HotKernel.wantTiles();
      HotKernel.wantBlocks(format);
    } else if (projects
        && spec.operands().get(1) instanceof TensorType w
        && Operands.isPlainFloat(w.dtype())) {
      HotKernel.wantTiles();
      HotKernel.dot(w.dtype()).want();
      HotKernel.pack(w.dtype()).want();
    } else if (spec.op() instanceof CoreOp.Matmul) {
      HotKernel.wantTiles();
      HotKernel.DOT_F32.want();
      HotKernel.PACK_F32.want();
    } else if (spec.op() instanceof CompositeOp.PagedAttention o
        && spec.operands().get(1) instanceof StateType s) {
      HotKernel.TILE.want();
      HotKernel.ROWS.want();
      HotKernel.pack(s.spec().entry("k", o.layer()).dtype()).want();
    } else if (spec.op() instanceof CompositeOp.MlaAttention o
        && spec.operands().get(1) instanceof StateType s) {
      HotKernel.TILE.want();
      HotKernel.ROWS.want();
      HotKernel.pack(s.spec().entry("latent", o.layer()).dtype()).want();
    } else if (spec.op() instanceof CompositeOp.GatedActivation) {
      HotKernel.GATES.want();
    } else if (spec.op() instanceof CompositeOp.RmsNorm) {
      HotKernel.ROWS.want();
    } else {
      return;
    }
    WarmUp.start();
  }

  private KernelChoice core(CoreOp op, OpSpec spec) {
    if (HostMovement.handles(op)) {
      return HostMovement.choose(spec);
    }
    return switch (op) {
      case CoreOp.Reduce o ->
          KernelChoice.dense(
              "fold", Perf.OK, Numerics.STRICT, node -> args -> folds.reduce(o, args));
      case CoreOp.Argmax o ->
          KernelChoice.dense(
              "argmax", Perf.OK, Numerics.EXACT, node -> args -> folds.argmax(o, args));
      case CoreOp.Scan o ->
          KernelChoice.dense("scan", Perf.OK, Numerics.STRICT, node -> args -> folds.scan(o, args));
      case CoreOp.Topk o ->
          KernelChoice.dense("topk", Perf.OK, Numerics.EXACT, node -> args -> folds.topk(o, args));
      case CoreOp.Matmul o ->
          KernelChoice.dense(
              "matmul", Perf.OK, Numerics.STRICT, node -> args -> matmul.run(o, args));
      case CoreOp.Iota o -> throw unexpected(op);
      case CoreOp.Fill o -> throw unexpected(op);
      case CoreOp.View o -> throw unexpected(op);
      case CoreOp.Permute o -> throw unexpected(op);
      case CoreOp.Expand o -> throw unexpected(op);
      case CoreOp.Slice o -> throw unexpected(op);
      case CoreOp.Concat o -> throw unexpected(op);
      case CoreOp.Cast o -> throw unexpected(op);
      case CoreOp.Bitcast o -> throw unexpected(op);
      case CoreOp.Unary o -> throw unexpected(op);
      case CoreOp.Binary o -> throw unexpected(op);
      case CoreOp.Compare o -> throw unexpected(op);
      case CoreOp.Select o -> throw unexpected(op);
      case CoreOp.Gather o -> throw unexpected(op);
      case CoreOp.Scatter o -> throw unexpected(op);
      case CoreOp.Update o -> throw unexpected(op);
      case CoreOp.Loop o -> throw unexpected(op);
    };
  }

  private static IllegalArgumentException unexpected(CoreOp op) {
    return new IllegalArgumentException("cpu kernels: the SDK runs " + op.mnemonic() + " itself");
  }

  private KernelChoice composite(CompositeOp op, OpSpec spec) {
    boolean readable = Operands.arePlainFloats(spec.operands()) || Operands.readBlocks(spec);
    if (!readable || !Operands.arePlainFloats(spec.results())) {
      return KernelChoice.decompose("the kernel takes f32, f16 and bf16, not 8-bit or blocked");
    }
    return switch (op) {
      case CompositeOp.RmsNorm o ->
          fast("rms_norm", Numerics.STRICT, node -> args -> layers.rmsNorm(o, args));
      case CompositeOp.LayerNorm o ->
          fast("layer_norm", Numerics.STRICT, node -> args -> layers.layerNorm(o, args));
      case CompositeOp.Rope o -> fast("rope", Numerics.STRICT, node -> layers.rope(o));
      case CompositeOp.GatedActivation o ->
          fast("gate", Numerics.STRICT, node -> args -> layers.gate(o, args));
      case CompositeOp.Linear o ->
          fast("linear", Numerics.STRICT, node -> args -> layers.linear(o, args));
      case CompositeOp.MoeRoute o ->
          fast("moe_route", Numerics.STRICT, node -> args -> experts.route(o, args));
      case CompositeOp.MoeLinear o ->
          fast("moe_linear", Numerics.STRICT, node -> args -> experts.linear(o, args));
      case CompositeOp.Embedding o ->
          fast("embedding", Numerics.EXACT, node -> args -> layers.embedding(args));
      case CompositeOp.KvAppend o ->
          fast("kv_append", Numerics.EXACT, node -> args -> states.append(o, args));
      case CompositeOp.PagedAttention o ->
          fast("attention", Numerics.STRICT, node -> args -> states.attention(o, args));
      case CompositeOp.MlaAttention o ->
          o.selected()
              ? KernelChoice.decompose("the kernel looks at all positions")
              : fast(
                  "mla_attention",
                  Numerics.STRICT,
                  node -> args -> states.latentAttention(o, args));
      case CompositeOp.IndexTopk o -> KernelChoice.decompose("no kernel scores positions");
      case CompositeOp.StateCopy o ->
          fast("state_copy", Numerics.EXACT, node -> args -> states.copy(args));
      case CompositeOp.StateExport o ->
          fast("state_export", Numerics.EXACT, node -> args -> states.export(o, args));
      case CompositeOp.StateImport o ->
          fast("state_import", Numerics.EXACT, node -> args -> states.insert(o, args));
      case CompositeOp.CausalConv1d o ->
          fast("convolution", Numerics.STRICT, node -> args -> recurrent.convolve(o, args));
      case CompositeOp.GatedDelta o ->
          fast("recurrence", Numerics.STRICT, node -> args -> recurrent.gatedDelta(o, args));
      case CompositeOp.SsdScan o ->
          fast("recurrence", Numerics.STRICT, node -> args -> recurrent.ssdScan(o, args));
      case CompositeOp.Penalties o ->
          fast("penalties", Numerics.STRICT, node -> args -> sampling.penalties(args));
      case CompositeOp.ApplyBitmask o ->
          fast("bitmask", Numerics.EXACT, node -> args -> sampling.bitmask(args));
      case CompositeOp.Sample o ->
          fast("sample", Numerics.STRICT, node -> args -> sampling.sample(args));
      case CompositeOp.Logprobs o ->
          fast("logprobs", Numerics.STRICT, node -> args -> sampling.logprobs(o.k(), args));
    };
  }

  private static KernelChoice fast(
      String name,
      Numerics numerics,
      java.util.function.Function<dev.lamina.spi.ir.Node, Kernel> kernel) {
    return KernelChoice.dense(name, Perf.FAST, numerics, kernel);
  }
}
