package dev.lamina.scheduler;

import dev.lamina.spi.Executable;
import dev.lamina.spi.Weight;
import dev.lamina.spi.ir.StepSlots;
import java.util.Map;

/**
 * The model's step with room for adapters, run in place of the plain one when a token has an
 * adapter. Whoever made it closes what it holds, once the engine has another.
 *
 * @param forward the step graph with {@link StepSlots#ADAPTER_IDS}, compiled
 * @param weights by the names of its weight slots: those of the model and of the adapters
 */
public record AdaptedStep(Executable forward, Map<String, Weight> weights) {
  public AdaptedStep {
    weights = Map.copyOf(weights);
  }
}
