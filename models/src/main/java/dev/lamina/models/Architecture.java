package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.StateSpec;
import java.util.List;

/**
 * A model's configuration, parsed and checked by its family: what the graph is built from. Usually
 * a record of the family's package.
 */
public interface Architecture {
  /**
   * Its sizes.
   *
   * @return the sizes
   */
  DecoderShape shape();

  /**
   * Longest sequence it can run.
   *
   * @return tokens; the shape's positions but for models whose rotary scaling reaches further
   */
  default int maxContext() {
    return shape().maxPositions();
  }

  /**
   * What it stores of past tokens.
   *
   * @return groups in the order of their pools
   */
  List<KvGroup> kvGroups();

  /**
   * What it keeps of a sequence whatever its length, such as the state of linear attention.
   *
   * @return entries of one sequence, none by default
   */
  default List<StateSpec.Entry> recurrentState() {
    return List.of();
  }

  /**
   * How a checkpoint names its weights.
   *
   * @return the family's map
   */
  WeightNames weightNames();

  /**
   * Rows of positions a token has.
   *
   * @return 1 but for models that place tokens in more than one dimension
   */
  default int positionSections() {
    return 1;
  }

  /**
   * Adds the nodes of a step, from the embedding lookup to {@link Layers#logits}.
   *
   * @param layers where to
   * @throws ModelException if a weight is missing or of another shape
   */
  void build(Layers layers) throws ModelException;
}
