package dev.lamina.spi;

import dev.lamina.spi.ir.TensorType;
import java.util.Set;

/**
 * A weight before a backend packs it, with all that it is used for.
 *
 * @param name its name in the checkpoint, for messages
 * @param type dtype, shape and layout of the given bytes; strided for a slice of a larger tensor
 * @param uses every use in every graph; embedding and head may share one weight
 */
public record WeightSpec(String name, TensorType type, Set<Use> uses) {
  /** Copies the set. */
  public WeightSpec {
    uses = Set.copyOf(uses);
  }

  /** What a weight is used for. */
  public enum Use {
    /** Matrix of a {@code linear}. */
    LINEAR,
    /** Table of an {@code embedding}. */
    EMBEDDING,
    /** Anything else: norm weights, biases, frequencies. */
    PLAIN
  }
}
