package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.reference.RightKernels;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.backend.sdk.HostDevice;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import dev.lamina.spi.Support;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.ir.CompositeOp;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The reference's core ops, every composite native by a plain kernel, and one bug.
 *
 * @param mutant the bug
 * @param touched told the mnemonic of each op that a kernel is chosen for
 */
record MutantBackend(Mutant mutant, Consumer<String> touched) implements BackendProvider {
  /** What {@link #touched} is told for fused expressions. */
  static final String ELEMENTWISE = "elementwise";

  private static final Consumer<String> NOWHERE = op -> {};

  /** Everything wrapped, nothing changed. */
  private static final Mutant WRAPPED =
      new Mutant("none", "wrapped", "none", List.of("*"), new Fault.OfDevice(FaultyDevice::new));

  MutantBackend(Mutant mutant) {
    this(mutant, NOWHERE);
  }

  /** What differs from a mutant by its bug only. */
  static BackendProvider right(Fault fault) {
    return switch (fault) {
      case Fault.OfCode f -> ChangedCode.right(f);
      case Fault.OfDevice f -> new MutantBackend(WRAPPED, NOWHERE);
      case Fault.OfOp<?> f -> new MutantBackend(Mutant.NONE, NOWHERE);
      case Fault.OfExpression f -> new MutantBackend(Mutant.NONE, NOWHERE);
      case Fault.None f -> new MutantBackend(Mutant.NONE, NOWHERE);
    };
  }

  @Override
  public String id() {
    return "mutant";
  }

  @Override
  public SpiVersion builtFor() {
    return SpiVersion.CURRENT;
  }

  @Override
  public int preference() {
    return -1;
  }

  @Override
  public ProbeResult probe() {
    return new ProbeResult.Available(List.of(RightKernels.info()));
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    if (!options.properties().isEmpty()) {
      throw new Unsupported("open mutant: expected no properties, got " + options.properties());
    }
    if (mutant.fault() instanceof Fault.OfCode f) {
      return ChangedCode.provider(f).open(options);
    }
    DeviceInfo info = RightKernels.info().withMemoryLimit(options.memoryLimitBytes());
    Backend right =
        new HostBackend(
            info, () -> new HostDevice(info, new Kernels(mutant.fault(), touched), () -> {}));
    return mutant.fault() instanceof Fault.OfDevice f ? new WrongBackend(right, f) : right;
  }

  /** A backend whose devices are wrapped. */
  record WrongBackend(Backend right, Fault.OfDevice fault) implements Backend {
    @Override
    public List<DeviceInfo> devices() {
      return right.devices();
    }

    @Override
    public Device open(int ordinal) throws BackendException {
      return fault.wrong().apply(right.open(ordinal));
    }

    @Override
    public <T> Optional<T> extension(Class<T> type) {
      return right.extension(type);
    }

    @Override
    public void close() {
      right.close();
    }
  }

  private record Kernels(Fault fault, Consumer<String> touched) implements KernelProvider {
    private static final KernelProvider REFERENCE = RightKernels.create();

    @Override
    public KernelChoice choose(OpSpec spec) {
      touched.accept(spec.op().mnemonic());
      KernelChoice right = spec.op() instanceof CompositeOp c ? plain(c) : REFERENCE.choose(spec);
      if (fault instanceof Fault.OfOp<?> f && f.type().isInstance(spec.op())) {
        return new KernelChoice(
            "mutant",
            right.support(),
            false,
            node -> f.kernel(node.op(), right.kernel().apply(node)));
      }
      return right;
    }

    private static KernelChoice plain(CompositeOp op) {
      return KernelChoice.dense(
          "plain", Support.Perf.SLOW, Support.Numerics.STRICT, node -> kernel(op));
    }

    private static Kernel kernel(CompositeOp op) {
      return switch (op) {
        case CompositeOp.RmsNorm o -> new PlainNorms.Rms(o);
        case CompositeOp.LayerNorm o -> new PlainNorms.Layer(o);
        case CompositeOp.Rope o -> new PlainLayers.Rope(o);
        case CompositeOp.GatedActivation o -> new PlainLayers.Gated(o);
        case CompositeOp.Linear o -> new PlainLinear.Linear(o, new PlainLinear.Weights());
        case CompositeOp.MoeRoute o -> new PlainExperts.Route(o);
        case CompositeOp.MoeLinear o -> new PlainExperts.Linear(o);
        case CompositeOp.Embedding o -> new PlainLinear.Embedding(new PlainLinear.Weights());
        case CompositeOp.KvAppend o -> new PlainPool.Append(o);
        case CompositeOp.PagedAttention o -> new PlainAttention(o);
        case CompositeOp.MlaAttention o -> new PlainLatents.Attention(o);
        case CompositeOp.IndexTopk o -> new PlainLatents.Topk(o);
        case CompositeOp.StateCopy o -> new PlainPool.Copy();
        case CompositeOp.StateExport o -> new PlainPool.Export(o);
        case CompositeOp.StateImport o -> new PlainPool.Import(o);
        case CompositeOp.CausalConv1d o -> new PlainRecurrence.Convolution(o);
        case CompositeOp.GatedDelta o -> new PlainRecurrence.Delta(o);
        case CompositeOp.SsdScan o -> new PlainRecurrence.Scan(o);
        case CompositeOp.Penalties o -> new PlainLogits.Penalties();
        case CompositeOp.ApplyBitmask o -> new PlainLogits.Bitmask();
        case CompositeOp.Sample o -> new PlainSample();
        case CompositeOp.Logprobs o -> new PlainLogits.Logprobs(o);
      };
    }

    @Override
    public Kernel elementwise(Expr expr) {
      touched.accept(ELEMENTWISE);
      return fault instanceof Fault.OfExpression f
          ? f.wrong().apply(expr, REFERENCE.elementwise(f.rewrite().apply(expr)))
          : REFERENCE.elementwise(expr);
    }
  }
}
