package dev.lamina.spi.ir;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A program: nodes in execution order over named inputs, giving named outputs.
 *
 * <p>Immutable. Made by {@link GraphBuilder} or {@link GraphText#parse(String)}, both of which
 * check shapes and dtypes at construction.
 *
 * @param name a name for messages
 * @param inputs runtime tensors, weights and states, in slot order
 * @param nodes in an order in which every value is defined before it is read
 * @param outputs named results, in slot order
 */
public record Graph(String name, List<Input> inputs, List<Node> nodes, List<Output> outputs) {
  /** Copies the lists. */
  public Graph {
    inputs = List.copyOf(inputs);
    nodes = List.copyOf(nodes);
    outputs = List.copyOf(outputs);
  }

  /** What an input is bound to. */
  public enum Role {
    /** A tensor that changes from run to run. */
    TENSOR,
    /** An immutable weight. */
    WEIGHT,
    /** A pool of state. */
    STATE
  }

  /**
   * A named input.
   *
   * @param role what it is bound to
   * @param name unique among inputs
   * @param value the SSA value it defines
   */
  public record Input(Role role, String name, Value value) {}

  /**
   * A named output.
   *
   * @param name unique among outputs
   * @param value the value returned
   * @param sharesInput ordinal of the one input whose storage this output may share, or -1; a state
   *     output always shares its state input
   */
  public record Output(String name, Value value, int sharesInput) {}

  /**
   * The symbols of this graph, in order of first appearance (inputs, then nodes with their
   * attributes and the bodies of loops).
   *
   * @return the table that orders dim values of this graph
   */
  public DimTable dims() {
    Map<String, Dim.Sym> seen = new LinkedHashMap<>();
    for (Input in : inputs) {
      collect(in.value().type(), seen);
    }
    collect(nodes, seen);
    return new DimTable(new ArrayList<>(seen.values()));
  }

  private static void collect(List<Node> nodes, Map<String, Dim.Sym> seen) {
    for (Node node : nodes) {
      switch (node.op()) {
        case CoreOp.Slice o -> o.start().forEach(d -> collect(d, seen));
        case CoreOp.Update o -> o.start().forEach(d -> collect(d, seen));
        case CoreOp.Loop o -> {
          if (o.count() != null) {
            collect(o.count(), seen);
          }
          collect(o.body().nodes(), seen);
        }
        case CoreOp o -> {}
        case CompositeOp o -> {}
      }
      for (Value v : node.results()) {
        collect(v.type(), seen);
      }
    }
  }

  private static void collect(ValueType type, Map<String, Dim.Sym> seen) {
    switch (type) {
      case TensorType t -> t.shape().dims().forEach(d -> collect(d, seen));
      case StateType s -> collect(s.spec().numSlots(), seen);
    }
  }

  private static void collect(Dim dim, Map<String, Dim.Sym> seen) {
    if (dim instanceof Dim.Sym s) {
      Dim.Sym old = seen.putIfAbsent(s.name(), s);
      if (old != null && !old.equals(s)) {
        throw new GraphException(
            "dim %s: expected one range in a graph, got %d..%d and %d..%d"
                .formatted(s.name(), old.min(), old.max(), s.min(), s.max()));
      }
    }
  }

  /**
   * Finds an input.
   *
   * @param name its name
   * @return the input
   * @throws GraphException if there is none
   */
  public Input input(String name) {
    for (Input in : inputs) {
      if (in.name().equals(name)) {
        return in;
      }
    }
    throw new GraphException("graph %s: no input '%s'".formatted(this.name, name));
  }

  /**
   * Largest value id plus one.
   *
   * @return number of ids in use
   */
  public int numValues() {
    int n = 0;
    for (Input in : inputs) {
      n = Math.max(n, in.value().id() + 1);
    }
    for (Node node : nodes) {
      for (Value v : node.results()) {
        n = Math.max(n, v.id() + 1);
      }
    }
    return n;
  }

  @Override
  public String toString() {
    return GraphText.print(this);
  }
}
