package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** A step of a graph after fusion: one kernel launch, or one node that the walk handles itself. */
public sealed interface Stage {

  /**
   * A fused elementwise expression.
   *
   * @param expr what each element of the result is
   * @param inputs value of each {@link Expr.Input}, all of the result's shape, none twice; empty
   *     for an expression of constants
   * @param result the value to materialise
   */
  record Fused(Expr expr, List<Value> inputs, Value result) implements Stage {
    /** Copies the list. */
    public Fused {
      inputs = List.copyOf(inputs);
    }
  }

  /**
   * A node that is not elementwise, or a fill whose storage somebody needs.
   *
   * @param node the node as it stands in the graph
   */
  record Single(Node node) implements Stage {}
}
