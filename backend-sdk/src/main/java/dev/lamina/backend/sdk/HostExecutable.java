package dev.lamina.backend.sdk;

import dev.lamina.spi.Bindings;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Slot;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A plan that bindings run. Keeps one workspace for each run at a time, and one memory plan for
 * each bucket of dims: values rounded up to powers of two.
 */
final class HostExecutable extends Resource implements Executable {
  /** A memory plan for all dims up to these. */
  record Bucket(long[] dims, MemoryPlan plan) {}

  /** Scratch memory of one run at a time. */
  static final class Workspace {
    private final MemorySpace.Block memory;
    private volatile boolean dropped;

    Workspace(MemorySpace.Block memory) {
      this.memory = memory;
    }

    MemorySegment segment() {
      return memory.segment();
    }

    /** Whether its memory was given back. */
    boolean isDropped() {
      return dropped;
    }
  }

  private final HostDevice device;
  private final Program program;
  private final List<Slot> slots;
  private final MemorySpace.Block constants;
  private final SymbolBuckets rounding;
  private final @Nullable CapturedRuns capturedRuns;
  private final List<Workspace> idle = new ArrayList<>();
  private volatile List<Bucket> buckets = List.of();

  HostExecutable(HostDevice device, Program program) throws OutOfDeviceMemory {
    super(device.ledger(), "executable " + program.graph().name());
    this.device = device;
    this.program = program;
    this.slots = slots(program.graph());
    this.rounding =
        new SymbolBuckets(device.provider(), program.dims(), program.decomposed().graph());
    this.capturedRuns = capturedRuns(device, program);
    this.constants = constants(device, program);
    device.ledger().compiled();
    device.ledger().addBytes(constants.segment().byteSize());
  }

  /** Checks and counts that the device holds need the host between kernels. */
  private static @Nullable CapturedRuns capturedRuns(HostDevice on, Program p) {
    if (p.debug() || p.plan().readsCounts()) {
      return null;
    }
    RunCapturer capturer = on.provider().capturer().orElse(null);
    return capturer == null
        ? null
        : new CapturedRuns(p.graph().name(), p.dims().syms().size(), on.ledger(), capturer);
  }

  private MemorySpace.Block constants(HostDevice on, Program p) throws OutOfDeviceMemory {
    try {
      String what = "compile " + p.graph().name();
      MemorySpace.Block m = on.memory(p.constants().bytes(), MemoryKind.DEVICE, what);
      p.constants().write(on.space(), m.segment());
      return m;
    } catch (OutOfDeviceMemory e) {
      on.ledger().dropped(this);
      throw e;
    }
  }

  private static List<Slot> slots(Graph graph) {
    List<Slot> slots = new ArrayList<>();
    for (Graph.Input in : graph.inputs()) {
      Slot.Kind kind =
          switch (in.role()) {
            case TENSOR -> Slot.Kind.INPUT;
            case WEIGHT -> Slot.Kind.WEIGHT;
            case STATE -> Slot.Kind.STATE;
          };
      slots.add(new Slot(slots.size(), in.name(), kind, in.value().type(), -1));
    }
    for (Graph.Output o : graph.outputs()) {
      if (!(o.value().type() instanceof StateType)) {
        slots.add(
            new Slot(slots.size(), o.name(), Slot.Kind.OUTPUT, o.value().type(), o.sharesInput()));
      }
    }
    return List.copyOf(slots);
  }

  HostDevice device() {
    return device;
  }

  Program program() {
    return program;
  }

  MemorySegment constants() {
    return constants.segment();
  }

  @Override
  public List<Slot> slots() {
    return slots;
  }

  @Override
  public DimTable dims() {
    return program.dims();
  }

  @Override
  public Bindings newBindings() {
    checkOpen("newBindings");
    return new HostBindings(this);
  }

  /** What is captured of its runs; null if nothing ever is. */
  @Nullable CapturedRuns capturedRuns() {
    return capturedRuns;
  }

  @Override
  public void bucket(long[] values) {
    checkOpen("bucket");
    rounding.round(values);
  }

  @Override
  public long workspaceBytes(long[] values) {
    checkOpen("workspaceBytes");
    program.dims().check(values);
    return bucketOf(values).plan().bytes();
  }

  @Override
  public void reserve(long[] values) throws OutOfDeviceMemory {
    release(idleOrNew(workspaceBytes(values)));
  }

  @Override
  public List<Lowering> lowering() {
    return program.lowering().list();
  }

  /** The memory plan for these dims; allocates only for a bucket not seen before. */
  Bucket bucketOf(long[] dims) {
    List<Bucket> known = buckets;
    for (int i = 0; i < known.size(); i++) {
      if (covers(known.get(i).dims(), dims)) {
        return known.get(i);
      }
    }
    return newBucket(dims);
  }

  private synchronized Bucket newBucket(long[] dims) {
    long[] bounds = new long[dims.length];
    for (int i = 0; i < dims.length; i++) {
      bounds[i] = roundUp(i, dims[i]);
    }
    Bucket made = new Bucket(bounds, MemoryPlan.of(program.plan(), bounds));
    List<Bucket> all = new ArrayList<>(buckets);
    all.removeIf(b -> Arrays.equals(b.dims(), bounds));
    all.add(made);
    buckets = List.copyOf(all);
    return made;
  }

  boolean covers(long[] bucket, long[] dims) {
    for (int i = 0; i < dims.length; i++) {
      if (bucket[i] != roundUp(i, dims[i])) {
        return false;
      }
    }
    return true;
  }

  private long roundUp(int dim, long value) {
    Dim.Sym sym = program.dims().syms().get(dim);
    long power = value <= 1 ? 1 : Long.highestOneBit(value - 1) << 1;
    return Math.min(power, sym.max());
  }

  /**
   * Scratch memory for a run. In debug it holds NaN (integers -1, every bit set), so that a kernel
   * which reads what nothing has written shows; else what the last run left.
   *
   * @param bytes at least so many
   * @return a workspace to give back with {@link #release}
   */
  Workspace acquire(long bytes) throws OutOfDeviceMemory {
    Workspace w = idleOrNew(bytes);
    if (program.debug()) {
      device.space().fill(w.segment(), -1, 1);
    }
    return w;
  }

  private Workspace idleOrNew(long bytes) throws OutOfDeviceMemory {
    synchronized (idle) {
      if (!idle.isEmpty()) {
        Workspace w = idle.removeLast();
        if (w.segment().byteSize() >= bytes) {
          return w;
        }
        drop(w);
      }
    }
    String what = "workspace of " + program.graph().name();
    MemorySpace.Block m = device.memory(bytes, MemoryKind.DEVICE, what);
    device.ledger().addBytes(bytes);
    return new Workspace(m);
  }

  void release(Workspace w) {
    synchronized (idle) {
      idle.add(w);
    }
  }

  private void drop(Workspace w) {
    device.ledger().addBytes(-w.segment().byteSize());
    w.dropped = true;
    w.memory.close();
  }

  @Override
  void free() {
    if (capturedRuns != null) {
      capturedRuns.close();
    }
    synchronized (idle) {
      idle.forEach(this::drop);
      idle.clear();
    }
    device.ledger().addBytes(-constants.segment().byteSize());
    constants.close();
  }
}
