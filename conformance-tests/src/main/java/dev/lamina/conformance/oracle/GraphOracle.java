package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Evaluates a graph node by node; what one node may be off is carried through those that follow.
 */
public final class GraphOracle {
  private final DimTable dims;
  private final long[] dimValues;

  GraphOracle(DimTable dims, long[] dimValues) {
    this.dims = dims;
    this.dimValues = dimValues;
  }

  /**
   * Evaluates a graph.
   *
   * @param graph a graph of core ops
   * @param dims the graph's symbols
   * @param dimValues their values
   * @param inputs one tensor an input
   * @return one tensor an output
   */
  public static List<RefTensor> evaluate(
      Graph graph, DimTable dims, long[] dimValues, List<RefTensor> inputs) {
    return new GraphOracle(dims, dimValues).run(graph, inputs);
  }

  private List<RefTensor> run(Graph graph, List<RefTensor> inputs) {
    @Nullable RefTensor[] env = new RefTensor[graph.numValues()];
    for (int i = 0; i < inputs.size(); i++) {
      env[graph.inputs().get(i).value().id()] = inputs.get(i);
    }
    for (Node node : graph.nodes()) {
      List<RefTensor> in = new ArrayList<>();
      for (Value v : node.operands()) {
        in.add(value(env, v));
      }
      List<RefTensor> out =
          switch (node.op()) {
            case CoreOp op -> apply(op, node, in);
            case CompositeOp op -> throw new AssertionError("no oracle for " + op.mnemonic());
          };
      for (int i = 0; i < out.size(); i++) {
        env[node.results().get(i).id()] = out.get(i);
      }
    }
    List<RefTensor> results = new ArrayList<>();
    for (Graph.Output o : graph.outputs()) {
      results.add(value(env, o.value()));
    }
    return results;
  }

  private static RefTensor value(@Nullable RefTensor[] env, Value v) {
    RefTensor t = env[v.id()];
    if (t == null) {
      throw new AssertionError("value " + v + " is read before it is defined");
    }
    return t;
  }

  /** Results of a core op. */
  List<RefTensor> apply(CoreOp op, Node node, List<RefTensor> in) {
    if (op instanceof CoreOp.Loop o) {
      return loop(o, in);
    }
    long[] sizes = dims.resolve(node.results().getFirst().shape(), dimValues);
    DType dtype = node.results().getFirst().dtype();
    return switch (op) {
      case CoreOp.Topk o -> RankOracle.topk(in.getFirst(), (int) o.k(), o.dim());
      case CoreOp.Loop o -> throw new AssertionError("handled above");
      case CoreOp.Iota o -> List.of(MovementOracle.iota(dtype, sizes, o.dim()));
      case CoreOp.Fill o -> List.of(MovementOracle.fill(dtype, sizes, o.value().bits()));
      case CoreOp.Concat o -> List.of(MovementOracle.concat(in, o.dim(), sizes));
      case CoreOp.Binary o -> List.of(ElementwiseOracle.binary(o.kind(), in.get(0), in.get(1)));
      case CoreOp.Compare o -> List.of(ElementwiseOracle.compare(o.kind(), in.get(0), in.get(1)));
      case CoreOp.Select o -> List.of(ElementwiseOracle.select(in.get(0), in.get(1), in.get(2)));
      case CoreOp.Matmul o ->
          List.of(MatmulOracle.matmul(in.get(0), in.get(1), o.transposeB(), dtype, sizes));
      case CoreOp.Gather o -> List.of(IndexOracle.gather(in.get(0), in.get(1), o.dim(), sizes));
      case CoreOp.Scatter o ->
          List.of(IndexOracle.scatter(o.kind(), in.get(0), in.get(1), in.get(2), o.dim()));
      case CoreOp.Slice o ->
          List.of(
              MovementOracle.slice(
                  in.getFirst(), starts(o.start(), o.dynamic(), in, 1), sizes, o.step()));
      case CoreOp.Update o ->
          List.of(
              MovementOracle.update(in.get(0), in.get(1), starts(o.start(), o.dynamic(), in, 2)));
      case CoreOp.View o -> List.of(MovementOracle.view(in.getFirst(), sizes));
      case CoreOp.Permute o -> List.of(MovementOracle.permute(in.getFirst(), o.perm(), sizes));
      case CoreOp.Expand o -> List.of(MovementOracle.expand(in.getFirst(), sizes));
      case CoreOp.Cast o -> List.of(CastOracle.cast(in.getFirst(), dtype, o.sat()));
      case CoreOp.Bitcast o -> List.of(CastOracle.bitcast(in.getFirst(), dtype, sizes));
      case CoreOp.Unary o -> List.of(ElementwiseOracle.unary(o.kind(), in.getFirst()));
      case CoreOp.Reduce o -> List.of(FoldOracle.reduce(o.kind(), in.getFirst(), o.dims(), sizes));
      case CoreOp.Argmax o -> List.of(RankOracle.argmax(in.getFirst(), o.dim(), sizes));
      case CoreOp.Scan o ->
          List.of(FoldOracle.scan(o.kind(), in.getFirst(), o.dim(), o.exclusive()));
    };
  }

  private long[] starts(List<Dim> start, List<Integer> dynamic, List<RefTensor> in, int first) {
    long[] values = dims.resolve(new Shape(start), dimValues);
    for (int i = 0; i < dynamic.size(); i++) {
      values[dynamic.get(i)] = in.get(first + i).integer(0);
    }
    return values;
  }

  private List<RefTensor> loop(CoreOp.Loop op, List<RefTensor> in) {
    Dim bound = op.count();
    int first = bound == null ? 1 : 0;
    long count = bound == null ? in.getFirst().integer(0) : dims.resolve(bound, dimValues);
    List<RefTensor> carried = new ArrayList<>(in.subList(first, first + op.carried()));
    List<RefTensor> invariant = in.subList(first + op.carried(), in.size());
    for (long i = 0; i < count; i++) {
      List<RefTensor> args = new ArrayList<>();
      args.add(RefTensor.exact(DType.I32, new long[0], new long[] {i}));
      args.addAll(carried);
      args.addAll(invariant);
      carried = run(op.body(), args);
    }
    return List.copyOf(carried);
  }
}
