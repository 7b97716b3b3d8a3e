package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import java.util.List;

/**
 * A graph after decomposition, and how its signature maps to the original's.
 *
 * <p>Every input and output of the original has one counterpart of the same name and type, but for
 * pools whose ops were decomposed: such a state input becomes one tensor input {@code
 * POOL/ENTRY.LAYER} of type {@code [numSlots, entry shape]} an entry, and its output becomes an
 * output of the same name for each entry that the graph writes, sharing that input's storage.
 *
 * @param graph the new graph; its symbols are those of the original
 * @param inputs for each input of the original, the ordinals of its inputs here: one, or for a
 *     decomposed pool one an entry, in the order of {@code spec.entries()}
 * @param outputs for each output of the original, the ordinals of its outputs here: one, or for a
 *     decomposed pool one for each entry written
 * @param replaced composite nodes that were decomposed, in order, those in bodies of loops included
 */
public record Decomposed(
    Graph graph, List<List<Integer>> inputs, List<List<Integer>> outputs, List<Node> replaced) {
  /** Copies the lists. */
  public Decomposed {
    inputs = inputs.stream().map(List::copyOf).toList();
    outputs = outputs.stream().map(List::copyOf).toList();
    replaced = List.copyOf(replaced);
  }

  /**
   * Whether an input of the original is a pool that became tensors.
   *
   * @param original the original graph
   * @param ordinal of its input
   * @return true if its counterparts are tensors, one an entry
   */
  public boolean isDecomposedPool(Graph original, int ordinal) {
    boolean pool = original.inputs().get(ordinal).role() == Graph.Role.STATE;
    return pool && graph.inputs().get(inputs.get(ordinal).getFirst()).role() == Graph.Role.TENSOR;
  }
}
