package dev.lamina.models;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** The recurrent state's inputs of a step's graph, and the latest successor of its pool. */
final class RecurrentPool {
  final Value reads;
  final Value writes;
  Value state;

  RecurrentPool(Ops graph, StepSlots slots, StateSpec spec) {
    TensorType row = TensorType.of(DType.I32, slots.sequences());
    reads = graph.tensor(StepSlots.STATE_READS, row);
    writes = graph.tensor(StepSlots.STATE_WRITES, row);
    state = graph.state(spec);
  }

  /** The pool for what each sequence keeps: one slot a sequence. */
  static StateSpec spec(List<StateSpec.Entry> entries) {
    String name = StepSlots.RECURRENT;
    return new StateSpec(name, 1, StepSlots.poolSlots(name, 1), entries);
  }
}
