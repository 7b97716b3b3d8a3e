package dev.lamina.backend.reference;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
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
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Recording;
import dev.lamina.spi.Slot;
import dev.lamina.spi.SpiVersion;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.Support;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The reference backend with one bug in its order of things, none in its numbers. */
record DisorderlyBackend(Disorder disorder) implements BackendProvider {
  /** The bugs. */
  enum Disorder {
    /** None: what shows that the wrapping itself is right. */
    NONE,
    /** A command does not wait for another queue's. */
    MISSING_WAIT,
    /** A recording keeps the arguments that were bound when it was made. */
    STALE_BINDINGS,
    /** A buffer's memory is handed out again while work in flight still uses it. */
    BUFFER_REUSED_EARLY,
    /** A pool's memory is handed out again while work in flight still uses it. */
    POOL_REUSED_EARLY,
    /** What waits for a failed timeline runs as if it had been reached. */
    LOST_CANCEL,
    /** A replay leaves out the last command. */
    SHORT_REPLAY,
    /** Points are signalled before the work is done. */
    EARLY_SIGNAL,
    /** What runs out of memory leaves a part of it taken. */
    LEFTOVER_OF_FAILURE,
    /** Each compile takes memory that nobody counts or frees. */
    HIDDEN_LEAK
  }

  @Override
  public String id() {
    return "disorderly";
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
    return new ReferenceBackendProvider().probe();
  }

  @Override
  public Backend open(BackendOptions options) throws BackendException {
    Backend right = new ReferenceBackendProvider().open(options);
    return new Backend() {
      @Override
      public List<DeviceInfo> devices() {
        return right.devices();
      }

      @Override
      public Device open(int ordinal) throws BackendException {
        return new WrongDevice(right.open(ordinal), disorder);
      }

      @Override
      public <T> Optional<T> extension(Class<T> type) {
        return right.extension(type);
      }

      @Override
      public void close() {
        right.close();
      }
    };
  }

  /** Bytes a compile. */
  private static final long LEAK = 8 << 10;

  /** A device whose memory, executables and queues are wrapped. */
  private record WrongDevice(
      Device right,
      Disorder disorder,
      Map<Long, Deque<Buffer>> spareBuffers,
      Deque<State> sparePools)
      implements Device {
    WrongDevice(Device right, Disorder disorder) {
      this(right, disorder, new HashMap<>(), new ArrayDeque<>());
    }

    @Override
    public Buffer allocate(long bytes, MemoryKind kind) throws BackendException {
      Deque<Buffer> spare = spareBuffers.computeIfAbsent(bytes, b -> new ArrayDeque<>());
      if (disorder == Disorder.LEFTOVER_OF_FAILURE) {
        return allocateInParts(bytes, kind);
      }
      Buffer memory = spare.isEmpty() ? right.allocate(bytes, kind) : spare.pop();
      return disorder == Disorder.BUFFER_REUSED_EARLY ? new Reused(this, memory) : memory;
    }

    private Buffer allocateInParts(long bytes, MemoryKind kind) throws BackendException {
      Buffer first = right.allocate(Math.min(bytes, 1), kind);
      Buffer all = right.allocate(bytes, kind);
      first.close();
      return all;
    }

    @Override
    public State allocateState(StateLayout layout, long numSlots) throws BackendException {
      if (disorder != Disorder.POOL_REUSED_EARLY) {
        return right.allocateState(layout, numSlots);
      }
      return sparePools.isEmpty()
          ? new ReusedPool(this, right.allocateState(layout, numSlots))
          : new ReusedPool(this, sparePools.pop());
    }

    @Override
    public Queue newQueue() throws BackendException {
      return new WrongQueue(right.newQueue(), right, disorder);
    }

    @Override
    public Executable compile(Graph graph, CompileOptions options) throws BackendException {
      if (disorder == Disorder.HIDDEN_LEAK) {
        Arena.global().allocate(LEAK, 1).fill((byte) 1);
      }
      return new Wrapped(right.compile(graph, options));
    }

    @Override
    public DeviceInfo info() {
      return right.info();
    }

    @Override
    public Support supports(OpSpec op) {
      return right.supports(op);
    }

    @Override
    public StateLayout chooseStateLayout(StateSpec spec) {
      return right.chooseStateLayout(spec);
    }

    @Override
    public Weight loadWeight(WeightSpec spec, MemorySegment data) throws BackendException {
      return right.loadWeight(spec, data);
    }

    @Override
    public Buffer wrapHost(MemorySegment segment) throws BackendException {
      return right.wrapHost(segment);
    }

    @Override
    public Timeline newTimeline(long initial) throws BackendException {
      return right.newTimeline(initial);
    }

    @Override
    public DeviceStats stats() {
      return right.stats();
    }

    @Override
    public void close() {
      spareBuffers.values().forEach(d -> d.forEach(Buffer::close));
      sparePools.forEach(State::close);
      right.close();
    }
  }

  /** A buffer whose close gives its memory to the next one. */
  private record Reused(WrongDevice owner, Buffer memory) implements Buffer {
    @Override
    public Device device() {
      return owner;
    }

    @Override
    public long size() {
      return memory.size();
    }

    @Override
    public MemoryKind kind() {
      return memory.kind();
    }

    @Override
    public Optional<MemorySegment> host() {
      return memory.host();
    }

    @Override
    public boolean alive() {
      return memory.alive();
    }

    @Override
    public void close() {
      Deque<Buffer> spare =
          owner.spareBuffers.computeIfAbsent(memory.size(), b -> new ArrayDeque<>());
      if (!spare.contains(memory)) {
        spare.push(memory);
      }
    }
  }

  /** A pool whose close gives its memory to the next one. */
  private record ReusedPool(WrongDevice owner, State memory) implements State {
    @Override
    public Device device() {
      return owner;
    }

    @Override
    public StateLayout layout() {
      return memory.layout();
    }

    @Override
    public long numSlots() {
      return memory.numSlots();
    }

    @Override
    public void close() {
      if (!owner.sparePools.contains(memory)) {
        owner.sparePools.push(memory);
      }
    }
  }

  private static View unwrapped(View view) {
    return view.buffer() instanceof Reused r
        ? new View(r.memory, view.offset(), view.type())
        : view;
  }

  /** An executable whose bindings remember what is bound. */
  private record Wrapped(Executable right) implements Executable {
    @Override
    public List<Slot> slots() {
      return right.slots();
    }

    @Override
    public DimTable dims() {
      return right.dims();
    }

    @Override
    public Bindings newBindings() {
      return new Remembered(right, right.newBindings(), new LinkedHashMap<>());
    }

    @Override
    public long workspaceBytes(long[] values) {
      return right.workspaceBytes(values);
    }

    @Override
    public List<Lowering> lowering() {
      return right.lowering();
    }

    @Override
    public void close() {
      right.close();
    }
  }

  private record Remembered(Executable executable, Bindings right, Map<Integer, View> views)
      implements Bindings {
    @Override
    public Bindings tensor(int slot, View view) throws InvalidProgram {
      views.put(slot, unwrapped(view));
      right.tensor(slot, unwrapped(view));
      return this;
    }

    @Override
    public Bindings weight(int slot, Weight weight) throws InvalidProgram {
      right.weight(slot, weight);
      return this;
    }

    @Override
    public Bindings state(int slot, State state) throws InvalidProgram {
      right.state(slot, state instanceof ReusedPool r ? r.memory : state);
      return this;
    }

    @Override
    public Bindings dim(int dim, long value) throws InvalidProgram {
      right.dim(dim, value);
      return this;
    }

    Bindings copy() throws BackendException {
      Bindings copy = executable.newBindings();
      for (var v : views.entrySet()) {
        copy.tensor(v.getKey(), v.getValue());
      }
      return copy;
    }
  }

  private static final class WrongQueue implements Queue {
    private final Queue right;
    private final Device device;
    private final Disorder disorder;
    private final List<Timeline> made = new ArrayList<>();
    private volatile boolean closed;

    WrongQueue(Queue right, Device device, Disorder disorder) {
      this.right = right;
      this.device = device;
      this.disorder = disorder;
    }

    @Override
    public void submit(Points waits, Command command, Points signals) throws BackendException {
      Command c = unwrapped(command, false);
      switch (disorder) {
        case MISSING_WAIT -> right.submit(Points.none(), c, signals);
        case LOST_CANCEL -> right.submit(deaf(waits), c, signals);
        case EARLY_SIGNAL -> {
          Recording nothing = right.record(List.of()).orElseThrow();
          right.submit(waits, new Command.Replay(nothing), signals);
          nothing.close();
          right.submit(Points.none(), c, Points.none());
        }
        case NONE,
            STALE_BINDINGS,
            BUFFER_REUSED_EARLY,
            POOL_REUSED_EARLY,
            SHORT_REPLAY,
            LEFTOVER_OF_FAILURE,
            HIDDEN_LEAK ->
            right.submit(waits, c, signals);
      }
    }

    /** Points that are reached when the given ones are reached or fail. */
    private Points deaf(Points waits) throws BackendException {
      Points all = Points.none();
      for (int i = 0; i < waits.size(); i++) {
        Timeline own = device.newTimeline(0);
        made.add(own);
        waits
            .timeline(i)
            .whenReached(waits.value(i))
            .whenComplete((done, error) -> {
              own.signal(1);
              if (closed) {
                own.close();
              }
            });
        all.add(own, 1);
      }
      return all;
    }

    private Command unwrapped(Command command, boolean recording) throws BackendException {
      return switch (command) {
        case Command.Run c -> new Command.Run(executable(c), bindings(c, recording));
        case Command.Copy c ->
            new Command.Copy(
                DisorderlyBackend.unwrapped(c.src()), DisorderlyBackend.unwrapped(c.dst()));
        case Command.Fill c ->
            new Command.Fill(DisorderlyBackend.unwrapped(c.dst()), c.pattern(), c.width());
        case Command.Upload c -> new Command.Upload(c.src(), DisorderlyBackend.unwrapped(c.dst()));
        case Command.Download c ->
            new Command.Download(DisorderlyBackend.unwrapped(c.src()), c.dst());
        case Command.Replay c -> c;
      };
    }

    private static Executable executable(Command.Run c) {
      return c.executable() instanceof Wrapped w ? w.right : c.executable();
    }

    private Bindings bindings(Command.Run c, boolean recording) throws BackendException {
      if (!(c.bindings() instanceof Remembered r)) {
        return c.bindings();
      }
      return recording && disorder == Disorder.STALE_BINDINGS ? r.copy() : r.right;
    }

    @Override
    public Optional<Recording> record(List<Command> commands) throws BackendException {
      List<Command> all = new ArrayList<>();
      for (Command c : commands) {
        all.add(unwrapped(c, true));
      }
      if (disorder == Disorder.SHORT_REPLAY && all.size() > 1) {
        all.removeLast();
      }
      return right.record(all);
    }

    @Override
    public void close() {
      closed = true;
      right.close();
      // The others are closed when what they stand for is decided.
      made.stream().filter(t -> t.value() == 1).forEach(Timeline::close);
    }
  }
}
