package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** Replaces composites by core ops. */
public final class Decomposer {
  private final Predicate<Node> keepNative;
  private final Set<String> pools = new HashSet<>();
  private final List<Node> replaced = new ArrayList<>();

  private Decomposer(Predicate<Node> keepNative) {
    this.keepNative = keepNative;
  }

  /**
   * Decomposes what is not native, in bodies of loops too, and simplifies the result.
   *
   * <p>The ops of one pool are all native or all decomposed: if one of them is not kept, none is.
   *
   * @param graph any graph
   * @param keepNative whether a composite node stays; asked more than once, always the same answer
   * @return a graph of core ops and kept composites
   * @throws dev.lamina.spi.ir.GraphException if a shape has a symbol where a decomposition needs a
   *     constant, or a pool to decompose is used inside a loop
   */
  public static Decomposed decompose(Graph graph, Predicate<Node> keepNative) {
    Decomposer d = new Decomposer(keepNative);
    d.findPools(graph);
    return new GraphRewrite(d, graph).rewrite();
  }

  private void findPools(Graph graph) {
    for (Node node : graph.nodes()) {
      if (node.op() instanceof CoreOp.Loop loop) {
        findPools(loop.body());
      }
      if (node.op() instanceof CompositeOp && !keepNative.test(node)) {
        for (Value v : node.operands()) {
          if (v.type() instanceof StateType s) {
            pools.add(s.spec().name());
          }
        }
      }
    }
  }

  boolean isDecomposed(StateType pool) {
    return pools.contains(pool.spec().name());
  }

  /** Whether a composite stays as it is; notes it if not. */
  boolean keeps(Node node) {
    boolean ofDecomposedPool =
        node.operands().stream().anyMatch(v -> v.type() instanceof StateType s && isDecomposed(s));
    boolean keeps = !ofDecomposedPool && keepNative.test(node);
    if (!keeps) {
      replaced.add(node);
    }
    return keeps;
  }

  List<Node> replaced() {
    return replaced;
  }
}
