package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.Bindings;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.DimTable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An executable around a right one; bugs override a method. */
class FaultyExecutable implements Executable {
  final Executable right;

  FaultyExecutable(Executable right) {
    this.right = right;
  }

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
    return new Bound(right);
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

  /** Bindings that remember what was bound. */
  static class Bound implements Bindings {
    final Bindings right;
    private final Executable executable;
    private final Map<String, Binding> bound = new LinkedHashMap<>();

    Bound(Executable executable) {
      this.executable = executable;
      this.right = executable.newBindings();
    }

    /** One call. */
    private interface Binding {
      void apply(Bindings bindings) throws InvalidProgram;
    }

    private Bindings bind(String what, Binding binding) throws InvalidProgram {
      binding.apply(right);
      bound.put(what, binding);
      return this;
    }

    /** Other bindings with all that is bound now. */
    final Bindings snapshot() throws InvalidProgram {
      Bindings copy = executable.newBindings();
      for (Binding b : bound.values()) {
        b.apply(copy);
      }
      return copy;
    }

    @Override
    public Bindings tensor(int slot, View view) throws InvalidProgram {
      View inner = FaultyMemory.unwrap(view);
      return bind("slot" + slot, b -> b.tensor(slot, inner));
    }

    @Override
    public Bindings weight(int slot, Weight weight) throws InvalidProgram {
      Weight inner = weight instanceof FaultyMemory.OfWeight w ? w.right : weight;
      return bind("slot" + slot, b -> b.weight(slot, inner));
    }

    @Override
    public Bindings state(int slot, State state) throws InvalidProgram {
      State inner = state instanceof FaultyMemory.OfState s ? s.right : state;
      return bind("slot" + slot, b -> b.state(slot, inner));
    }

    @Override
    public Bindings dim(int dim, long value) throws InvalidProgram {
      return bind("dim" + dim, b -> b.dim(dim, value));
    }
  }
}
