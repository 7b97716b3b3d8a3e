package dev.lamina.scheduler;

import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.State;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.StepSlots;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model that is ready to run steps; whoever made it closes what it holds, after the engine.
 *
 * @param device runs it
 * @param forward the step graph of {@link StepSlots}, compiled
 * @param slots its symbols
 * @param weights by the names of the executable's weight slots
 * @param groups its KV groups, in order of their number
 * @param states the pool of each group, in the same order
 * @param recurrent the pool of what is kept of a sequence whatever its length, null for none
 * @param limits vocabulary, longest context, eos ids
 */
public record CompiledModel(
    Device device,
    Executable forward,
    StepSlots slots,
    Map<String, Weight> weights,
    List<KvGroup> groups,
    List<State> states,
    @Nullable State recurrent,
    ModelLimits limits) {

  /** Slots of {@link #recurrent}, 0 without. */
  int numStateSlots() {
    return recurrent == null ? 0 : (int) Math.min(Integer.MAX_VALUE, recurrent.numSlots());
  }

  public CompiledModel {
    weights = Map.copyOf(weights);
    groups = List.copyOf(groups);
    states = List.copyOf(states);
    if (groups.size() != states.size() || groups.isEmpty() && recurrent == null) {
      throw new IllegalArgumentException(
          "compiled model: expected one state for each KV group and at least one of all, got %d states and %d groups"
              .formatted(states.size(), groups.size()));
    }
  }
}
