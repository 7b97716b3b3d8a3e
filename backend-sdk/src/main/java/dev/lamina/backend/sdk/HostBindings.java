package dev.lamina.backend.sdk;

import dev.lamina.spi.Bindings;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/** Arguments of a host executable, with the tensors that its kernels see. */
final class HostBindings implements Bindings {
  private static final long UNSET = -1;

  private final HostExecutable executable;
  private final @Nullable Resource[] bound;
  private final @Nullable View[] views;
  private final long[] dims;
  private final boolean[] explicit;
  private final Memory memory;
  private final BoundPlan plan;
  private final SlotChecks checks;
  private HostExecutable.@Nullable Bucket bucket;
  private HostExecutable.@Nullable Workspace laidOutFor;
  private boolean checked;
  private long closesSeen = -1;
  private long addresses;

  HostBindings(HostExecutable executable) {
    this.executable = executable;
    List<Slot> slots = executable.slots();
    this.bound = new @Nullable Resource[slots.size()];
    this.views = new @Nullable View[slots.size()];
    this.dims = new long[executable.dims().syms().size()];
    this.explicit = new boolean[dims.length];
    Arrays.fill(dims, UNSET);
    Program p = executable.program();
    this.memory = new Memory(p.plan().numInputs(), p.plan().numOutputs(), executable.constants());
    this.plan =
        new BoundPlan(p.plan(), memory, executable.device().provider().movement(), p.debug());
    this.checks = new SlotChecks(executable);
  }

  HostExecutable executable() {
    return executable;
  }

  private Slot slot(int ordinal, Slot.Kind kind, Slot.Kind or) throws InvalidProgram {
    executable.checkOpen("bind");
    List<Slot> slots = executable.slots();
    if (ordinal < 0 || ordinal >= slots.size()) {
      throw new InvalidProgram(
          "bind: expected a slot of 0..%d, got %d".formatted(slots.size() - 1, ordinal));
    }
    Slot slot = slots.get(ordinal);
    if (slot.kind() != kind && slot.kind() != or) {
      throw new InvalidProgram(
          "bind slot '%s': expected a %s, got a %s"
              .formatted(slot.name(), word(slot.kind()), word(kind)));
    }
    return slot;
  }

  private static String word(Slot.Kind kind) {
    return switch (kind) {
      case INPUT, OUTPUT -> "tensor";
      case WEIGHT -> "weight";
      case STATE -> "state";
    };
  }

  @Override
  public Bindings tensor(int ordinal, View view) throws InvalidProgram {
    Slot slot = slot(ordinal, Slot.Kind.INPUT, Slot.Kind.OUTPUT);
    if (views[ordinal] == view) {
      return this;
    }
    HostBuffer buffer = checks.buffer(slot, view);
    checks.type(slot, view);
    buffer.checkOpen("bind");
    takeDims((TensorType) slot.type(), view.type());
    bound[ordinal] = buffer;
    views[ordinal] = view;
    int input = executable.program().graph().inputs().size();
    if (slot.kind() == Slot.Kind.INPUT) {
      memory.input(checks.planInput(ordinal, 0), buffer.segment(), view.offset());
    } else {
      memory.output(checks.planOutput(ordinal - input), buffer.segment(), view.offset());
    }
    moved();
    return this;
  }

  /** A constant bound to a symbol nobody set sets it. */
  private void takeDims(TensorType slot, TensorType view) {
    for (int i = 0; i < slot.shape().rank(); i++) {
      if (slot.shape().dim(i) instanceof Dim.Sym s && view.shape().dim(i) instanceof Dim.Const c) {
        int at = executable.dims().indexOf(s.name());
        if (!explicit[at]) {
          dims[at] = c.value();
        }
      }
    }
  }

  @Override
  public Bindings weight(int ordinal, Weight weight) throws InvalidProgram {
    Slot slot = slot(ordinal, Slot.Kind.WEIGHT, Slot.Kind.WEIGHT);
    HostWeight w = checks.weight(slot, weight);
    w.checkOpen("bind");
    bound[ordinal] = w;
    memory.input(checks.planInput(ordinal, 0), w.segment(), 0);
    moved();
    return this;
  }

  @Override
  public Bindings state(int ordinal, State state) throws InvalidProgram {
    Slot slot = slot(ordinal, Slot.Kind.STATE, Slot.Kind.STATE);
    HostPool pool = checks.pool(slot, state);
    pool.checkOpen("bind");
    StateSpec spec = ((StateType) slot.type()).spec();
    if (spec.numSlots() instanceof Dim.Sym s) {
      dims[executable.dims().indexOf(s.name())] = pool.numSlots();
    }
    bound[ordinal] = pool;
    Program p = executable.program();
    if (p.decomposed().isDecomposedPool(p.graph(), ordinal)) {
      for (int e = 0; e < spec.entries().size(); e++) {
        memory.input(checks.planInput(ordinal, e), pool.entry(e), 0);
      }
      checks.poolOutputs(ordinal, pool, memory);
    } else {
      plan.state(checks.planInput(ordinal, 0), pool);
    }
    moved();
    return this;
  }

  @Override
  public Bindings dim(int dim, long value) throws InvalidProgram {
    if (dim < 0 || dim >= dims.length) {
      throw new InvalidProgram(
          "bind: expected a dim of 0..%d, got %d".formatted(dims.length - 1, dim));
    }
    explicit[dim] = true;
    if (dims[dim] == value) {
      return this;
    }
    Dim.Sym s = executable.dims().syms().get(dim);
    if (!s.admits(value)) {
      throw new InvalidProgram(
          "dim %s: expected %d..%d, a multiple of %d, got %d"
              .formatted(s.name(), s.min(), s.max(), s.multipleOf(), value));
    }
    dims[dim] = value;
    changed();
    return this;
  }

  private void moved() {
    addresses++;
    changed();
  }

  /** Changes whenever something is bound to a slot. */
  long addresses() {
    return addresses;
  }

  /** Values of the executable's symbols; not to be changed. */
  long[] dims() {
    return dims;
  }

  private void changed() {
    checked = false;
    laidOutFor = null;
  }

  /**
   * Checks that all is bound, fits and lives. Does nothing if nothing changed since the last time.
   *
   * @throws IllegalStateException if something bound was closed
   */
  void check() throws InvalidProgram {
    executable.checkOpen("run");
    if (!checked) {
      checks.complete(bound, dims);
      checks.fit(views, dims);
      checks.overlaps(views, dims);
      checked = true;
    }
    long closes = executable.device().ledger().closes();
    if (closes != closesSeen) {
      for (int i = 0; i < bound.length; i++) {
        Resource r = bound[i];
        if (r != null) {
          r.checkOpen("run");
        }
      }
      closesSeen = closes;
    }
  }

  /** Whether something bound was closed since. */
  boolean hasClosed() {
    for (int i = 0; i < bound.length; i++) {
      Resource r = bound[i];
      if (r != null && r.isClosed()) {
        return true;
      }
    }
    return false;
  }

  /** Runs the plan; {@link #check} has passed. */
  void run() throws OutOfDeviceMemory {
    HostExecutable.Bucket b = bucket;
    if (b == null || !executable.covers(b.dims(), dims)) {
      b = executable.bucketOf(dims);
      bucket = b;
      laidOutFor = null;
    }
    HostExecutable.Workspace w = executable.acquire(b.plan().bytes());
    try {
      CapturedRuns captured = executable.capturedRuns();
      if (captured != null) {
        captured.run(this, b.plan(), w);
      } else {
        layOut(b.plan(), w);
        runKernels();
      }
    } finally {
      executable.release(w);
    }
  }

  /** Gives tensors their sizes and addresses, unless they have them. */
  void layOut(MemoryPlan offsets, HostExecutable.Workspace w) {
    if (laidOutFor != w) {
      laidOutFor = null;
      memory.workspace(w.segment(), 0);
      plan.layout(dims, offsets);
      laidOutFor = w;
    }
  }

  /** Runs all kernels; {@link #layOut} came first. */
  void runKernels() {
    plan.run();
  }

  /** Kernels that {@link #runKernels} runs, those of loops in every iteration. */
  long numLaunches() {
    return plan.numLaunches();
  }

  /** The dims, for messages: {@code T=8, S=2}. */
  String sizes() {
    List<Dim.Sym> syms = executable.dims().syms();
    StringJoiner text = new StringJoiner(", ");
    for (int i = 0; i < dims.length; i++) {
      text.add(syms.get(i).name() + "=" + dims[i]);
    }
    return text.toString();
  }
}
