package dev.lamina.models;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;

/** A KV group's inputs of a step's graph, and the latest successor of its pool. */
final class KvPool {
  final Value slotMapping;
  final Value blockTable;
  Value state;

  KvPool(Ops graph, StepSlots slots, int group, StateSpec spec) {
    slotMapping =
        graph.tensor(StepSlots.slotMapping(group), TensorType.of(DType.I32, slots.tokens()));
    blockTable =
        graph.tensor(
            StepSlots.blockTable(group),
            TensorType.of(DType.I32, slots.sequences(), slots.pages()));
    state = graph.state(spec);
  }
}
