package dev.lamina.conformance.fuzz;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/** The executables that programs run: a sum of words, and one a pool slot for each way. */
final class Programs implements AutoCloseable {
  /** A slot holds as many words as a buffer. */
  static final StateSpec POOL =
      new StateSpec(
          "pool",
          1,
          new Dim.Sym("slots.pool", 1, 1 << 20, 1),
          List.of(new StateSpec.Entry("e", 0, DType.I32, List.of(Execution.WORDS))));

  private final Executable add;
  private final List<Executable> puts = new ArrayList<>();
  private final List<Executable> gets = new ArrayList<>();

  Programs(Device device) throws BackendException {
    add = device.compile(sum(), CompileOptions.DEFAULT);
    for (int slot = 0; slot < Planner.SLOTS; slot++) {
      puts.add(device.compile(put(slot), CompileOptions.DEFAULT));
      gets.add(device.compile(get(slot), CompileOptions.DEFAULT));
    }
  }

  private static Graph sum() {
    Ops g = new Ops("add");
    TensorType words = TensorType.of(DType.I32, Execution.WORDS);
    g.output("y", g.add(g.tensor("a", words), g.tensor("b", words)));
    return g.build();
  }

  private static Value index(Ops g, int slot) {
    return g.fill(Shape.of(1), Scalar.integer(DType.I32, slot));
  }

  private static Graph put(int slot) {
    Ops g = new Ops("put");
    Value pool = g.state(POOL);
    Value x = g.tensor("x", TensorType.of(DType.I32, Execution.WORDS));
    Value row = g.view(x, Dim.of(1), Dim.of(Execution.WORDS));
    g.output("pool", g.stateImport(pool, "e", 0, row, index(g, slot)));
    return g.build();
  }

  private static Graph get(int slot) {
    Ops g = new Ops("get");
    Value pool = g.state(POOL);
    Value row = g.stateExport(pool, "e", 0, index(g, slot));
    g.output("x", g.view(row, Dim.of(Execution.WORDS)));
    return g.build();
  }

  /** {@code y = a + b}. */
  Executable add() {
    return add;
  }

  /** Writes a buffer to a slot. */
  Command put(int slot, State pool, View words) throws BackendException {
    return run(puts.get(slot), pool, words);
  }

  /** Reads a slot to a buffer. */
  Command get(int slot, State pool, View words) throws BackendException {
    return run(gets.get(slot), pool, words);
  }

  private static Command run(Executable e, State pool, View words) throws BackendException {
    var bindings = e.newBindings();
    for (Slot slot : e.slots()) {
      switch (slot.kind()) {
        case STATE -> bindings.state(slot.ordinal(), pool);
        case INPUT, OUTPUT, WEIGHT -> bindings.tensor(slot.ordinal(), words);
      }
    }
    return new Command.Run(e, bindings);
  }

  @Override
  public void close() {
    add.close();
    puts.forEach(Executable::close);
    gets.forEach(Executable::close);
  }
}
