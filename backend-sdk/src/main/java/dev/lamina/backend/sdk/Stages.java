package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** The stages of a graph in their order, and who reads their values. Immutable. */
public final class Stages {
  private final List<Stage> list;
  private final int[] reads;
  private final boolean[] computed;

  private Stages(Graph graph, List<Stage> list) {
    this.list = list;
    this.reads = new int[graph.numValues()];
    this.computed = new boolean[graph.numValues()];
    for (Stage stage : list) {
      switch (stage) {
        case Stage.Fused f -> {
          f.inputs().forEach(v -> reads[v.id()]++);
          computed[f.result().id()] = true;
        }
        case Stage.Single s -> {
          s.node().operands().forEach(v -> reads[v.id()]++);
          s.node().results().forEach(v -> computed[v.id()] = true);
        }
      }
    }
    graph.outputs().forEach(o -> reads[o.value().id()]++);
  }

  /**
   * Fuses the nodes of a graph into stages.
   *
   * @param graph any graph
   * @return its stages
   */
  public static Stages of(Graph graph) {
    return new Stages(graph, Fusion.fuse(graph));
  }

  /** The stages, each value defined before it is read. */
  public List<Stage> list() {
    return list;
  }

  /**
   * How often a value is read.
   *
   * @param v of the graph
   * @return operands and graph outputs that it is
   */
  public int reads(Value v) {
    return reads[v.id()];
  }

  /**
   * Whether a value comes from a stage; if not, it is an input of the graph or a constant.
   *
   * @param v of the graph
   * @return whether some stage defines it
   */
  public boolean isComputed(Value v) {
    return computed[v.id()];
  }
}
