package dev.lamina;

import dev.lamina.models.Checkpoint;
import dev.lamina.models.LengthScaling;
import dev.lamina.models.LoadListener;
import dev.lamina.models.LoadedModel;
import dev.lamina.models.ModelOptions;
import dev.lamina.models.ModelPlan;
import dev.lamina.models.Precision;
import dev.lamina.models.WeightTable;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.scheduler.CompiledModel;
import dev.lamina.scheduler.Engine;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.KvGroup;
import dev.lamina.scheduler.ModelLimits;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo.MemoryInfo;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.Executable;
import dev.lamina.spi.PeakMeter;
import dev.lamina.spi.RunMeter;
import dev.lamina.spi.RunMeter.RunTimes;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint on a device, ready to run steps: backend, weights, compiled step and KV pools. What
 * {@link Lamina}, {@link Scorer} and the benchmarks stand on.
 */
public final class ModelRuntime implements AutoCloseable {
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final Backends.Choice choice;
  private final Backend backend;
  private final Device device;
  private final LoadedModel loaded;
  private final CompiledModel compiled;

  private ModelRuntime(Checkpoint checkpoint, LaminaOptions options) throws ModelException {
    try {
      this.choice = Backends.choose(options.backend());
      options.progress().accept(choice.announcement());
      this.backend = own(choice.open(new BackendOptions(options.threads(), Map.of())));
      this.device = own(backend.open(choice.ordinal()));
      ModelPlan plan = ModelPlan.of(checkpoint, modelOptions(options, checkpoint));
      DecodedWeights.lines(plan.weights().stream().map(WeightTable.Planned::tensor).toList())
          .forEach(options.progress());
      this.loaded = own(plan.load(device, new LoadProgress(options.progress())));
      this.compiled = compile(plan, options.engine(), options.progress());
    } catch (BackendException e) {
      close();
      throw new LaminaException("open " + checkpoint.name() + ": " + e.getMessage(), e);
    } catch (ModelException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /**
   * Loads a checkpoint.
   *
   * @param checkpoint stays open for as long as the runtime
   * @param options backend, precision and limits
   * @return the runtime; the caller closes it before the checkpoint
   * @throws LaminaException if it can't be loaded; one line
   */
  public static ModelRuntime load(Checkpoint checkpoint, LaminaOptions options) {
    try {
      return new ModelRuntime(checkpoint, options);
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
  }

  private <T extends AutoCloseable> T own(T resource) {
    open.push(resource);
    return resource;
  }

  private static ModelOptions modelOptions(LaminaOptions options, Checkpoint checkpoint) {
    EngineConfig engine = options.engine();
    int longest = checkpoint.architecture().maxContext();
    int maxModelLen = engine.maxModelLen() == 0 ? longest : engine.maxModelLen();
    return new ModelOptions(
        options.precision(),
        options.kvDtype(),
        maxModelLen,
        engine.maxNumBatchedTokens(),
        engine.maxNumSeqs(),
        engine.blockSize(),
        false,
        ModelOptions.DEFAULT.shard(),
        CompileOptions.DEFAULT.withNumerics(
            options.precision() == Precision.F32 ? Numerics.STRICT : Numerics.RELAXED),
        ModelOptions.DEFAULT.lora());
  }

  private CompiledModel compile(ModelPlan plan, EngineConfig engine, Consumer<String> progress)
      throws BackendException {
    List<StateLayout> layouts = new ArrayList<>();
    long bytesPerPage = 0;
    long largestPage = 1;
    for (StateSpec pool : plan.pools()) {
      StateLayout layout = device.chooseStateLayout(pool);
      layouts.add(layout);
      bytesPerPage += layout.bytesPerPage();
      largestPage = Math.max(largestPage, layout.bytesPerPage());
    }
    MemoryInfo before = device.info().memory();
    long[] largest = largestStep(loaded.executable(), plan.slots());
    long workspace = before.sharedWithHost() ? 0 : loaded.executable().workspaceBytes(largest);
    MemoryInfo room = KvBudget.without(before, workspace);
    State recurrent = recurrentState(plan, engine, room);
    long taken = before.freeBytes() - device.info().memory().freeBytes();
    int blocks =
        layouts.isEmpty()
            ? 0
            : KvBudget.numBlocks(
                engine, KvBudget.without(room, taken), bytesPerPage, plan.maxModelLen());
    if (blocks > 0 && engine.numKvBlocks() == 0) {
      long most = device.info().limits().maxAllocationBytes();
      blocks = KvBudget.withinAllocation(blocks, most, largestPage);
    }
    if (!before.sharedWithHost()) {
      progress.accept(KvBudget.line(before, taken + blocks * bytesPerPage, workspace));
    }
    if (workspace > 0 && room.freeBytes() == before.freeBytes() - workspace) {
      // Where it fits: the largest step that is allowed may never come.
      loaded.executable().reserve(largest);
    }
    List<KvGroup> groups = new ArrayList<>();
    List<State> states = new ArrayList<>();
    for (StateLayout layout : layouts) {
      int page = layout.spec().slotsPerPage();
      states.add(own(device.allocateState(layout, (long) blocks * page)));
      long window = plan.checkpoint().architecture().kvGroups().get(groups.size()).window();
      KvGroup.Lifetime lifetime =
          window == 0
              ? new KvGroup.Lifetime.UntilFinished()
              : new KvGroup.Lifetime.Window((int) Math.min(window, Integer.MAX_VALUE));
      groups.add(new KvGroup(layout.spec().name(), blocks, page, lifetime));
    }
    int[] eos =
        plan.checkpoint().generation().eosTokenIds().stream().mapToInt(Integer::intValue).toArray();
    LengthScaling scaling = plan.lengthScaling();
    ModelLimits limits =
        new ModelLimits(
            plan.checkpoint().architecture().shape().vocabSize(),
            plan.maxModelLen(),
            eos,
            scaling == null ? longest -> 0 : scaling::kind);
    return new CompiledModel(
        device,
        loaded.executable(),
        plan.slots(),
        weights(plan),
        groups,
        states,
        recurrent,
        limits);
  }

  /** Sizes of the largest step, by symbol. */
  static long[] largestStep(Executable step, StepSlots slots) {
    List<Dim.Sym> syms = step.dims().syms();
    long[] largest = new long[syms.size()];
    for (int i = 0; i < largest.length; i++) {
      Dim.Sym sym = syms.get(i);
      boolean isPool = sym.name().startsWith("slots.");
      largest[i] = isPool ? Math.max(sym.min(), sym.multipleOf()) : sym.max();
    }
    largest[step.dims().indexOf(slots.bounds().name())] = slots.sequences().max() + 1;
    return largest;
  }

  private @Nullable State recurrentState(ModelPlan plan, EngineConfig engine, MemoryInfo room)
      throws BackendException {
    StateSpec pool = plan.recurrentPool();
    if (pool == null) {
      return null;
    }
    StateLayout layout = device.chooseStateLayout(pool);
    int slots = KvBudget.numStateSlots(engine, room, layout.bytesPerPage());
    return own(device.allocateState(layout, slots));
  }

  private Map<String, Weight> weights(ModelPlan plan) {
    Map<String, Weight> byInput = new HashMap<>();
    List<WeightTable.Planned> planned = plan.weights();
    for (int i = 0; i < planned.size(); i++) {
      byInput.put(planned.get(i).input(), loaded.weights().get(i));
    }
    return byInput;
  }

  /** The model's step, its pools and limits. */
  public CompiledModel compiled() {
    return compiled;
  }

  /** Graph, weights and options. */
  public ModelPlan plan() {
    return loaded.plan();
  }

  /** The loaded model. */
  public LoadedModel loaded() {
    return loaded;
  }

  /** Where it runs. */
  public Device device() {
    return device;
  }

  /**
   * Measures the device's ceilings now.
   *
   * @return zeros if the backend can't measure
   * @throws LaminaException if the device fails
   */
  public Peak measurePeak() {
    Optional<PeakMeter> meter = backend.extension(PeakMeter.class);
    if (meter.isEmpty()) {
      return Peak.UNKNOWN;
    }
    try {
      return meter.get().measure(choice.ordinal());
    } catch (BackendException e) {
      throw new LaminaException("measure peak: " + e.getMessage(), e);
    }
  }

  /**
   * Has the device time the steps from here on by its own clock, if it has one.
   *
   * @throws LaminaException if the device fails
   */
  public void startTiming() {
    Optional<RunMeter> meter = backend.extension(RunMeter.class);
    if (meter.isPresent()) {
      try {
        meter.get().startTiming(device);
      } catch (BackendException e) {
        throw new LaminaException("time steps: " + e.getMessage(), e);
      }
    }
  }

  /**
   * Ends what {@link #startTiming} began.
   *
   * @return what was timed; nothing if the device has no clock
   * @throws LaminaException if the device fails
   */
  public Optional<RunTimes> stopTiming() {
    Optional<RunMeter> meter = backend.extension(RunMeter.class);
    if (meter.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(meter.get().stopTiming(device));
    } catch (BackendException e) {
      throw new LaminaException("time steps: " + e.getMessage(), e);
    }
  }

  /** What was opened. */
  public ModelInfo info() {
    long capacity = Long.MAX_VALUE;
    for (KvGroup group : compiled.groups()) {
      capacity = Math.min(capacity, (long) group.numBlocks() * group.blockSize());
    }
    State recurrent = compiled.recurrent();
    if (recurrent != null && compiled.groups().isEmpty()) {
      capacity = recurrent.numSlots() * compiled.limits().maxModelLen();
    }
    return new ModelInfo(
        plan().checkpoint().name(),
        plan().checkpoint().modelType(),
        choice.id(),
        device.info().name(),
        compiled.limits().vocabSize(),
        compiled.limits().maxModelLen(),
        capacity);
  }

  /**
   * Starts an engine on it; the caller closes the engine before this.
   *
   * @param options limits and observer
   */
  public Engine startEngine(LaminaOptions options) {
    try {
      Engine engine = Engine.of(compiled, options.engine(), options.observer());
      engine.start();
      return engine;
    } catch (BackendException e) {
      throw new LaminaException("start engine: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    RuntimeException first = null;
    while (!open.isEmpty()) {
      try {
        open.pop().close();
      } catch (Exception e) {
        if (first == null) {
          first = new LaminaException("close: " + e.getMessage(), e);
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  /** Says what takes long: at most once a second, and only once it has taken one. */
  private static final class LoadProgress implements LoadListener {
    private static final long INTERVAL_NANOS = 1_000_000_000;

    private final Consumer<String> lines;
    private long last = System.nanoTime();

    LoadProgress(Consumer<String> lines) {
      this.lines = lines;
    }

    @Override
    public void progress(Phase phase, long done, long total) {
      long now = System.nanoTime();
      if (now - last < INTERVAL_NANOS) {
        return;
      }
      last = now;
      switch (phase) {
        case WEIGHTS -> lines.accept("weights %d of %d MiB".formatted(done >> 20, total >> 20));
        case COMPILE -> lines.accept("graphs compiled %d of %d".formatted(done, total));
      }
    }
  }
}
