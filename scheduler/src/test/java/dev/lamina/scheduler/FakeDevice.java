package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.Support;
import dev.lamina.spi.TimedOut;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A device whose programs are Java lambdas, one a graph name, that see the bound memory. With
 * memory of its own, what is not uploaded is not seen and what is not downloaded does not come
 * back.
 */
final class FakeDevice implements Device {
  /** What a graph of some name does. */
  interface Kernel {
    void run(Run run) throws BackendException;
  }

  private final boolean sharedWithHost;
  private final Map<String, Kernel> kernels = new HashMap<>();
  final List<Graph> compiled = new ArrayList<>();
  final List<AutoCloseable> live = new ArrayList<>();

  FakeDevice(boolean sharedWithHost) {
    this.sharedWithHost = sharedWithHost;
  }

  void kernel(String graphName, Kernel kernel) {
    kernels.put(graphName, kernel);
  }

  /** One run: bound memory by slot name, dims by symbol. */
  static final class Run implements Bindings {
    private final FakeExecutable executable;
    private final View[] views;
    private final long[] dims;

    Run(FakeExecutable executable) {
      this.executable = executable;
      this.views = new View[executable.slots().size()];
      this.dims = new long[executable.dims().syms().size()];
    }

    MemorySegment memory(String slot) {
      View view = views[executable.slot(slot)];
      TensorType type = (TensorType) executable.slots().get(executable.slot(slot)).type();
      long bytes = type.byteSize(executable.dims().resolve(type.shape(), dims));
      return ((FakeBuffer) view.buffer()).memory.asSlice(view.offset(), bytes);
    }

    int dim(String name) {
      return (int) dims[executable.dims().indexOf(name)];
    }

    boolean isBound(String slot) {
      return executable.slots().stream().anyMatch(s -> s.name().equals(slot));
    }

    @Override
    public Bindings tensor(int slot, View view) throws InvalidProgram {
      if (!view.type().equals(executable.slots().get(slot).type())) {
        throw new InvalidProgram("slot " + slot + ": got " + view.type());
      }
      views[slot] = view;
      return this;
    }

    @Override
    public Bindings weight(int slot, Weight weight) {
      return this;
    }

    @Override
    public Bindings state(int slot, State state) {
      return this;
    }

    @Override
    public Bindings dim(int dim, long value) throws InvalidProgram {
      if (!executable.dims().syms().get(dim).admits(value)) {
        throw new InvalidProgram("dim " + executable.dims().syms().get(dim) + ": got " + value);
      }
      dims[dim] = value;
      return this;
    }

    /** Every bound tensor has the room its dims ask for. */
    private void check() throws InvalidProgram {
      for (Slot slot : executable.slots()) {
        if (slot.type() instanceof TensorType type && slot.kind() != Slot.Kind.WEIGHT) {
          View view = views[slot.ordinal()];
          long bytes = type.byteSize(executable.dims().resolve(type.shape(), dims));
          if (view == null
              || view.buffer().size() < view.offset() + bytes
              || !view.buffer().alive()) {
            throw new InvalidProgram("slot " + slot.name() + ": not bound to " + bytes + " bytes");
          }
        }
      }
    }
  }

  /** Rounds tokens, sequences and pages up to multiples of four. */
  final class FakeExecutable implements Executable {
    private final Graph graph;
    private final List<Slot> slots = new ArrayList<>();

    FakeExecutable(Graph graph) {
      this.graph = graph;
      for (Graph.Input in : graph.inputs()) {
        Slot.Kind kind =
            switch (in.role()) {
              case TENSOR -> Slot.Kind.INPUT;
              case WEIGHT -> Slot.Kind.WEIGHT;
              case STATE -> Slot.Kind.STATE;
            };
        slots.add(new Slot(slots.size(), in.name(), kind, in.value().type(), -1));
      }
      for (Graph.Output out : graph.outputs()) {
        if (out.value().type() instanceof TensorType type) {
          slots.add(new Slot(slots.size(), out.name(), Slot.Kind.OUTPUT, type, -1));
        }
      }
      live.add(this);
    }

    @Override
    public List<Slot> slots() {
      return slots;
    }

    @Override
    public DimTable dims() {
      return graph.dims();
    }

    @Override
    public Bindings newBindings() {
      return new Run(this);
    }

    @Override
    public void bucket(long[] values) {
      for (String name : List.of("T", "S", "P")) {
        int at = dims().indexOf(name);
        if (at >= 0) {
          values[at] = Math.min((values[at] + 3) / 4 * 4, dims().syms().get(at).max());
        }
      }
    }

    @Override
    public long workspaceBytes(long[] values) {
      return 0;
    }

    @Override
    public List<Lowering> lowering() {
      return List.of();
    }

    @Override
    public void close() {
      live.remove(this);
    }
  }

  private final class FakeBuffer implements Buffer {
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment memory;
    private final MemoryKind kind;

    FakeBuffer(long bytes, MemoryKind kind) {
      this.memory = arena.allocate(bytes, 64).fill((byte) 0x5A);
      this.kind = kind;
      live.add(this);
    }

    @Override
    public Device device() {
      return FakeDevice.this;
    }

    @Override
    public long size() {
      return memory.byteSize();
    }

    @Override
    public MemoryKind kind() {
      return kind;
    }

    @Override
    public Optional<MemorySegment> host() {
      return kind == MemoryKind.DEVICE ? Optional.empty() : Optional.of(memory);
    }

    @Override
    public boolean alive() {
      return arena.scope().isAlive();
    }

    @Override
    public void close() {
      live.remove(this);
      arena.close();
    }
  }

  private final class FakeTimeline implements Timeline {
    private long value;
    private BackendException failure;

    FakeTimeline() {
      live.add(this);
    }

    @Override
    public long value() {
      return value;
    }

    @Override
    public void signal(long reached) {
      value = reached;
    }

    @Override
    public void await(long wanted, Duration timeout) throws BackendException {
      if (value < wanted) {
        throw failure != null ? failure : new TimedOut("await " + wanted + " at " + value);
      }
    }

    @Override
    public CompletionStage<Void> whenReached(long wanted) {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void fail(BackendException error) {
      failure = failure == null ? error : failure;
    }

    @Override
    public Optional<BackendException> failure() {
      return Optional.ofNullable(failure);
    }

    @Override
    public void close() {
      live.remove(this);
    }
  }

  private final class FakeQueue implements Queue {
    FakeQueue() {
      live.add(this);
    }

    @Override
    public void submit(Points waits, Command command, Points signals) throws BackendException {
      for (int i = 0; i < waits.size(); i++) {
        if (waits.timeline(i).value() < waits.value(i)) {
          waits.timeline(i).failure().ifPresent(signals.timeline(0)::fail);
          return;
        }
      }
      try {
        perform(command);
      } catch (BackendException e) {
        signals.timeline(0).fail(e);
        return;
      }
      signals.timeline(0).signal(signals.value(0));
    }

    private MemorySegment memory(View view) {
      return ((FakeBuffer) view.buffer()).memory.asSlice(view.offset(), view.type().byteSize());
    }

    private void perform(Command command) throws BackendException {
      switch (command) {
        case Command.Run run -> {
          Run bound = (Run) run.bindings();
          bound.check();
          kernels.get(((FakeExecutable) run.executable()).graph.name()).run(bound);
        }
        case Command.Upload upload -> memory(upload.dst()).copyFrom(upload.src());
        case Command.Download download -> download.dst().copyFrom(memory(download.src()));
        case Command.Copy copy -> throw new InvalidProgram("copy");
        case Command.Fill fill -> throw new InvalidProgram("fill");
        case Command.Replay replay -> throw new InvalidProgram("replay");
      }
    }

    @Override
    public void close() {
      live.remove(this);
    }
  }

  @Override
  public DeviceInfo info() {
    return new DeviceInfo(
        0,
        "fake",
        "none",
        new DeviceInfo.MemoryInfo(1 << 30, 1 << 30, sharedWithHost),
        new DeviceInfo.Limits(1 << 30, 64),
        Set.of(),
        Set.of(sharedWithHost ? Cap.SYNCHRONOUS : Cap.TAKEN_AT_SUBMIT),
        DeviceInfo.Peak.UNKNOWN);
  }

  @Override
  public Support supports(OpSpec op) {
    return new Support.Native(Support.Perf.OK, Support.Numerics.EXACT);
  }

  @Override
  public StateLayout chooseStateLayout(StateSpec spec) {
    return StateLayout.dense(spec);
  }

  @Override
  public State allocateState(StateLayout layout, long numSlots) {
    return new State() {
      @Override
      public Device device() {
        return FakeDevice.this;
      }

      @Override
      public StateLayout layout() {
        return layout;
      }

      @Override
      public long numSlots() {
        return numSlots;
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public Weight loadWeight(WeightSpec spec, MemorySegment data) throws BackendException {
    throw new InvalidProgram("no weights here");
  }

  @Override
  public Buffer allocate(long bytes, MemoryKind kind) {
    return new FakeBuffer(bytes, kind);
  }

  @Override
  public Buffer wrapHost(MemorySegment segment) throws BackendException {
    throw new InvalidProgram("wrapHost");
  }

  @Override
  public Queue newQueue() {
    return new FakeQueue();
  }

  @Override
  public Timeline newTimeline(long initial) {
    return new FakeTimeline();
  }

  @Override
  public Executable compile(Graph graph, CompileOptions options) {
    compiled.add(graph);
    return new FakeExecutable(graph);
  }

  @Override
  public DeviceStats stats() {
    return new DeviceStats(0, live.size(), compiled.size(), 0, 0);
  }

  @Override
  public void close() {}
}
