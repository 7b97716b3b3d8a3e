package dev.lamina.models;

import java.util.Set;

/**
 * Room for LoRA adapters in a step. Every module has matrices for all slots at once, so one step
 * runs tokens of different adapters, and of none, together.
 *
 * @param slots adapters that fit, 0 = none
 * @param rank largest rank that fits; a smaller one is padded with zeros
 * @param modules projections that have a part for adapters, by the checkpoint's names without
 *     {@code .weight}
 */
public record LoraSlots(int slots, int rank, Set<String> modules) {
  /** No room, no cost: the graph is that of the model alone. */
  public static final LoraSlots NONE = new LoraSlots(0, 0, Set.of());

  /** Copies the set. */
  public LoraSlots {
    modules = Set.copyOf(modules);
    if (slots < 0 || (slots == 0) != (rank == 0) || (slots == 0) != modules.isEmpty()) {
      throw new IllegalArgumentException(
          "LoRA slots: expected slots, rank and modules together or none, got %d, %d, %d"
              .formatted(slots, rank, modules.size()));
    }
  }

  /**
   * Rank of all slots together.
   *
   * @return rows of a module's first matrix
   */
  public long totalRank() {
    return (long) slots * rank;
  }
}
