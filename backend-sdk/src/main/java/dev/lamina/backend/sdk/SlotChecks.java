package dev.lamina.backend.sdk;

import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Whether what is bound fits an executable's slots, and where it goes in the plan. */
final class SlotChecks {
  private final HostExecutable executable;
  private final List<Slot> slots;
  private final DimTable table;
  private final @Nullable Sizes[] sizes;

  SlotChecks(HostExecutable executable) {
    this.executable = executable;
    this.slots = executable.slots();
    this.table = executable.dims();
    this.sizes = new @Nullable Sizes[slots.size()];
    for (Slot slot : slots) {
      if (slot.type() instanceof TensorType t) {
        sizes[slot.ordinal()] = Sizes.of(t.shape(), table);
      }
    }
  }

  /** Position in the plan of an input slot, or of one entry of a decomposed pool. */
  int planInput(int slot, int entry) {
    return executable.program().decomposed().inputs().get(slot).get(entry);
  }

  /** Position in the plan of the n-th tensor output. */
  int planOutput(int n) {
    Program p = executable.program();
    int seen = 0;
    List<Graph.Output> outputs = p.graph().outputs();
    for (int o = 0; o < outputs.size(); o++) {
      if (outputs.get(o).value().type() instanceof TensorType && seen++ == n) {
        return p.decomposed().outputs().get(o).getFirst();
      }
    }
    throw new AssertionError("output slot " + n);
  }

  /** Binds the successors of a decomposed pool's entries to the entries themselves. */
  void poolOutputs(int slot, HostPool pool, Memory memory) {
    Decomposed d = executable.program().decomposed();
    List<Integer> entries = d.inputs().get(slot);
    List<Graph.Output> outputs = d.graph().outputs();
    for (int o = 0; o < outputs.size(); o++) {
      int e = entries.indexOf(outputs.get(o).sharesInput());
      if (e >= 0) {
        memory.output(o, pool.entry(e), 0);
      }
    }
  }

  private InvalidProgram unfit(Slot slot, Object want, Object got) {
    return new InvalidProgram(
        "bind slot '%s' of %s: expected %s, got %s"
            .formatted(slot.name(), executable.program().graph().name(), want, got));
  }

  private InvalidProgram foreign(Slot slot, String what) {
    String device = executable.device().fixedInfo().name();
    return unfit(slot, "a " + what + " of " + device, "one of another device");
  }

  HostBuffer buffer(Slot slot, View view) throws InvalidProgram {
    if (view.buffer() instanceof HostBuffer b && b.device() == executable.device()) {
      return b;
    }
    throw foreign(slot, "buffer");
  }

  HostWeight weight(Slot slot, Weight weight) throws InvalidProgram {
    if (!(weight instanceof HostWeight w) || w.device() != executable.device()) {
      throw foreign(slot, "weight");
    }
    ValueType got = w.spec().type();
    if (!got.equals(slot.type())) {
      throw unfit(slot, slot.type(), got + " (weight " + w.spec().name() + ")");
    }
    return w;
  }

  HostPool pool(Slot slot, State state) throws InvalidProgram {
    if (!(state instanceof HostPool p) || p.device() != executable.device()) {
      throw foreign(slot, "state");
    }
    StateSpec want = ((StateType) slot.type()).spec();
    StateSpec got = p.spec();
    if (!want.entries().equals(got.entries()) || want.slotsPerPage() != got.slotsPerPage()) {
      throw unfit(slot, "a pool like " + want.name(), "pool " + got.name() + " of other entries");
    }
    boolean admitted =
        switch (want.numSlots()) {
          case Dim.Const c -> c.value() == p.numSlots();
          case Dim.Sym s -> s.admits(p.numSlots());
        };
    if (!admitted) {
      throw unfit(slot, want.numSlots() + " slots", p.numSlots());
    }
    return p;
  }

  void type(Slot slot, View view) throws InvalidProgram {
    TensorType want = (TensorType) slot.type();
    TensorType got = view.type();
    boolean fits =
        got.dtype() == want.dtype()
            && got.layout().equals(want.layout())
            && got.shape().rank() == want.shape().rank();
    for (int i = 0; fits && i < want.shape().rank(); i++) {
      Dim w = want.shape().dim(i);
      Dim g = got.shape().dim(i);
      fits =
          w.equals(g) || w instanceof Dim.Sym s && g instanceof Dim.Const c && s.admits(c.value());
    }
    if (!fits) {
      throw unfit(slot, want, got);
    }
    int align =
        Math.min(executable.device().fixedInfo().limits().alignmentBytes(), want.dtype().bytes());
    if (align > 1 && view.offset() % align != 0) {
      throw unfit(slot, "an offset that is a multiple of " + align + " bytes", view.offset());
    }
  }

  /** Refuses a run with something left out. */
  void complete(@Nullable Resource[] bound, long[] dims) throws InvalidProgram {
    String name = executable.program().graph().name();
    for (int i = 0; i < bound.length; i++) {
      if (bound[i] == null) {
        Slot s = slots.get(i);
        throw new InvalidProgram(
            "run %s: slot '%s' (%s) is not bound; bind it before submit"
                .formatted(name, s.name(), s.type()));
      }
    }
    for (int i = 0; i < dims.length; i++) {
      if (dims[i] < 0) {
        throw new InvalidProgram(
            "run %s: dim %s is not set; set it before submit"
                .formatted(name, table.syms().get(i).name()));
      }
    }
  }

  /** Refuses constants that differ from the dims, and buffers that are too small. */
  void fit(@Nullable View[] views, long[] dims) throws InvalidProgram {
    for (int i = 0; i < views.length; i++) {
      View v = views[i];
      Sizes s = sizes[i];
      if (v == null || s == null) {
        continue;
      }
      for (int axis = 0; axis < s.rank(); axis++) {
        if (v.type().shape().dim(axis) instanceof Dim.Const c && c.value() != s.get(axis, dims)) {
          throw unfit(slots.get(i), s.get(axis, dims) + " along axis " + axis, v.type());
        }
      }
      long need = extent(v.type(), s, dims);
      if (need > v.buffer().size() - v.offset()) {
        throw unfit(
            slots.get(i),
            need + " bytes from offset " + v.offset(),
            "a buffer of " + v.buffer().size() + " bytes");
      }
    }
  }

  private static long extent(TensorType type, Sizes sizes, long[] dims) {
    if (type.isDense()) {
      return sizes.elements(dims) * type.dtype().bytes();
    }
    long[] resolved = new long[sizes.rank()];
    sizes.resolve(dims, resolved);
    return type.byteSize(resolved);
  }

  /** Refuses an output that overlaps an input it does not share, or another output. */
  void overlaps(@Nullable View[] views, long[] dims) throws InvalidProgram {
    for (int o = 0; o < views.length; o++) {
      View out = views[o];
      Slot slot = slots.get(o);
      if (out == null || slot.kind() != Slot.Kind.OUTPUT) {
        continue;
      }
      for (int i = 0; i < o; i++) {
        View other = views[i];
        if (other == null || !overlap(o, out, i, other, dims)) {
          continue;
        }
        boolean same = address(out) == address(other);
        if (i != slot.sharesInput() || !same) {
          throw unfit(
              slot,
              "memory of its own" + (slot.sharesInput() < 0 ? "" : " or exactly its input's"),
              "memory that overlaps slot '" + slots.get(i).name() + "'");
        }
      }
    }
  }

  private boolean overlap(int a, View va, int b, View vb, long[] dims) {
    Sizes sa = sizes[a];
    Sizes sb = sizes[b];
    if (sa == null || sb == null) {
      return false;
    }
    long startA = address(va);
    long startB = address(vb);
    long endA = startA + extent(va.type(), sa, dims);
    long endB = startB + extent(vb.type(), sb, dims);
    return startA < endB && startB < endA;
  }

  private static long address(View v) {
    return v.buffer() instanceof HostBuffer b ? b.segment().address() + v.offset() : 0;
  }
}
