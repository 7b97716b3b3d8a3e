package dev.lamina.spi.ir;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Builds a {@link Graph}; shapes and dtypes are checked at each call.
 *
 * <p>Not thread-safe. Every method that adds a node throws {@link GraphException} if its operands
 * do not fit, naming the op, what was expected and what came. See {@link Ops} for one method an op.
 */
public class GraphBuilder {
  private final String name;
  private final List<Graph.Input> inputs = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private final List<Graph.Output> outputs = new ArrayList<>();
  private final List<Value> values = new ArrayList<>();
  private final Set<Integer> superseded = new HashSet<>();

  /**
   * Starts an empty graph.
   *
   * @param name a name for messages
   */
  public GraphBuilder(String name) {
    this.name = name;
  }

  /**
   * Adds a runtime tensor input.
   *
   * @param inputName unique among inputs
   * @param type dense or strided
   * @return its value
   */
  public final Value tensor(String inputName, TensorType type) {
    return input(Graph.Role.TENSOR, inputName, type);
  }

  /**
   * Adds a weight input.
   *
   * @param inputName unique among inputs
   * @param type as it lies in the checkpoint
   * @return its value
   */
  public final Value weight(String inputName, TensorType type) {
    return input(Graph.Role.WEIGHT, inputName, type);
  }

  /**
   * Adds a state input; the graph must return its last successor with {@link #output}.
   *
   * @param spec what the pool holds; its name is the input's name
   * @return its value
   */
  public final Value state(StateSpec spec) {
    return input(Graph.Role.STATE, spec.name(), new StateType(spec));
  }

  /**
   * Adds an input of any role.
   *
   * @param role what it is bound to
   * @param inputName unique among inputs
   * @param type its type
   * @return its value
   */
  public final Value input(Graph.Role role, String inputName, ValueType type) {
    if (inputs.stream().anyMatch(in -> in.name().equals(inputName))) {
      throw new GraphException("graph " + name + ": a second input named '" + inputName + "'");
    }
    Value v = define(type);
    inputs.add(new Graph.Input(role, inputName, v));
    return v;
  }

  private Value define(ValueType type) {
    Value v = new Value(values.size(), type);
    values.add(v);
    return v;
  }

  /**
   * Adds a node.
   *
   * @param op the op with its attributes
   * @param operands values of this graph
   * @return its results
   */
  public final List<Value> addAll(Op op, List<Value> operands) {
    List<ValueType> types = new ArrayList<>(operands.size());
    for (Value v : operands) {
      if (!owns(v)) {
        throw new GraphException(op.mnemonic() + ": operand " + v + " is not of graph " + name);
      }
      if (superseded.contains(v.id())) {
        throw new GraphException(
            op.mnemonic() + ": state " + v + " was written already; use its successor");
      }
      types.add(v.type());
    }
    List<ValueType> inferred = op.infer(types);
    List<Value> results = inferred.stream().map(this::define).toList();
    if (results.stream().anyMatch(r -> r.type() instanceof StateType)) {
      superseded.add(operands.getFirst().id());
    }
    nodes.add(new Node(op, operands, results));
    return results;
  }

  /**
   * Adds a node with one result.
   *
   * @param op the op with its attributes
   * @param operands values of this graph
   * @return its result
   */
  public final Value add(Op op, Value... operands) {
    List<Value> results = addAll(op, Arrays.asList(operands));
    if (results.size() != 1) {
      throw new GraphException(op.mnemonic() + ": expected one result, got " + results.size());
    }
    return results.getFirst();
  }

  /**
   * Names a result.
   *
   * @param outputName unique among outputs
   * @param value a value of this graph; for a state, its last successor
   */
  public final void output(String outputName, Value value) {
    output(outputName, value, -1);
  }

  /**
   * Names a result that may share the storage of an input.
   *
   * @param outputName unique among outputs
   * @param value a value of this graph
   * @param sharesInput ordinal of that input, or -1
   */
  public final void output(String outputName, Value value, int sharesInput) {
    if (!owns(value)) {
      throw new GraphException(
          "graph %s: output '%s' (%s) is not of this graph".formatted(name, outputName, value));
    }
    if (superseded.contains(value.id())) {
      throw new GraphException(
          "graph %s: output '%s' returns %s, which was written already; return its successor"
              .formatted(name, outputName, value));
    }
    int shares = sharesInput;
    if (value.type() instanceof StateType s) {
      shares = ordinalOf(s.spec().name());
    }
    if (outputs.stream().anyMatch(o -> o.name().equals(outputName))) {
      throw new GraphException("graph " + name + ": a second output named '" + outputName + "'");
    }
    if (shares >= inputs.size()
        || shares >= 0 && !inputs.get(shares).value().type().equals(value.type())) {
      throw new GraphException(
          "graph %s: output '%s' (%s) may share only an input of its type, not input %d"
              .formatted(name, outputName, value, shares));
    }
    outputs.add(new Graph.Output(outputName, value, shares));
  }

  private boolean owns(Value v) {
    return v.id() < values.size() && values.get(v.id()).equals(v);
  }

  private int ordinalOf(String inputName) {
    for (int i = 0; i < inputs.size(); i++) {
      if (inputs.get(i).name().equals(inputName)) {
        return i;
      }
    }
    throw new GraphException("graph " + name + ": no input '" + inputName + "'");
  }

  /**
   * Ends the graph.
   *
   * @return the graph
   * @throws GraphException if a state was written but its successor is not an output, or a symbol
   *     has two ranges
   */
  public final Graph build() {
    for (Graph.Input in : inputs) {
      if (in.role() == Graph.Role.STATE && superseded.contains(in.value().id())) {
        boolean returned =
            outputs.stream()
                .anyMatch(o ->
                    o.value().type() instanceof StateType
                        && o.sharesInput() == ordinalOf(in.name()));
        if (!returned) {
          throw new GraphException(
              "graph %s: state '%s' is written but not returned".formatted(name, in.name()));
        }
      }
    }
    Graph graph = new Graph(name, inputs, nodes, outputs);
    graph.dims();
    return graph;
  }
}
