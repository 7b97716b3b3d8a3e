package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Stage;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.GatedActivation;
import dev.lamina.spi.ir.CompositeOp.Linear;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds projections of weights that no kernel writes: those of the same rows, the norm that only
 * they read, the gate over two of them, the sum with one of them. A chip's {@link Runner} has the
 * kernels that compute all of it at once.
 */
public final class ProjectionGroups {
  private final Runner runner;

  /** Computes groups; where it can't, their kernels run one by one. */
  public interface Runner {
    /**
     * Whether there may be kernels for a weight.
     *
     * @param weight its type
     */
    boolean takes(TensorType weight);

    /**
     * Launches a job, or nothing.
     *
     * @param job what to compute
     * @param relaxed whether operands may be rounded
     * @return whether it was launched
     */
    boolean run(ProjectionJob job, boolean relaxed);

    /**
     * Launches a job with a gate and the one that alone reads its result, whose operands may be
     * rounded; or nothing.
     *
     * @param job with a gate
     * @param next whose rows are the result of {@code job}
     * @return whether they were launched
     */
    default boolean run(ProjectionJob job, ProjectionJob next) {
      return false;
    }
  }

  /**
   * Groups for a chip.
   *
   * @param runner has its kernels
   */
  public ProjectionGroups(Runner runner) {
    this.runner = runner;
  }

  /** Stages of one group, in their order. */
  private static final class Found {
    private final @Nullable RmsNorm norm;
    private final boolean relaxed;
    private final List<Linear> linears = new ArrayList<>();
    private CompositeOp.@Nullable Gate gate;
    private int added = -1;

    Found(@Nullable RmsNorm norm, boolean relaxed) {
      this.relaxed = relaxed;
      this.norm = norm;
    }

    /** Arguments of the last stage, which is the sum or the gate. */
    private static KernelArgs last(List<KernelArgs> steps) {
      return steps.getLast();
    }

    int numSteps() {
      return (norm == null ? 0 : 1) + linears.size() + (gate == null && added < 0 ? 0 : 1);
    }

    ProjectionJob job(List<KernelArgs> steps) {
      KernelArgs first = steps.getFirst();
      ProjectionJob job = new ProjectionJob(first.in(0), false);
      if (norm != null) {
        job.norm(norm, norm.weighted() ? first.in(1) : null);
      }
      for (int i = 0; i < linears.size(); i++) {
        KernelArgs args = steps.get(i + (norm == null ? 0 : 1));
        Tensor bias = linears.get(i).biased() ? args.in(2) : null;
        job.part(args.in(1), bias, args.out(0));
      }
      if (gate != null) {
        job.gate(gate, last(steps).out(0));
      } else if (added >= 0) {
        job.residual(last(steps).in(added), last(steps).out(0));
      }
      return job;
    }
  }

  /**
   * The group that begins at a stage.
   *
   * @param stages of a graph
   * @param from position of its first stage
   * @param relaxed whether operands may be rounded
   * @return the longest one, or null if none begins there
   */
  public @Nullable StageGroup at(Stages stages, int from, boolean relaxed) {
    Node first = node(stages, from);
    if (first == null || first.operands().isEmpty()) {
      return null;
    }
    if (!(first.op() instanceof RmsNorm norm)) {
      return group(stages, from, from, first.operands().getFirst(), new Found(null, relaxed));
    }
    Value rows = first.result();
    boolean given = first.operands().stream().skip(1).noneMatch(stages::isComputed);
    return given && isF32(rows) && stages.reads(rows) == linears(stages, from + 1, rows).size()
        ? group(stages, from, from + 1, rows, new Found(norm, relaxed))
        : null;
  }

  /** The group of the projections of x, the first of which may stand at a position. */
  private @Nullable StageGroup group(Stages stages, int from, int at, Value x, Found found) {
    List<Node> linears = linears(stages, at, x);
    if (linears.isEmpty()) {
      return null;
    }
    int to = collect(stages, at, linears, found);
    Node gated = node(stages, to - 1);
    if (gated != null && found.gate != null && found.relaxed) {
      List<Node> next = linears(stages, to, gated.result());
      if (next.size() == 1 && stages.reads(gated.result()) == 1) {
        Found behind = new Found(null, true);
        int end = collect(stages, to, next, behind);
        return new StageGroup(from, end, steps -> run(found, behind, steps));
      }
    }
    return new StageGroup(from, to, steps -> run(found, found.job(steps)));
  }

  /** Adds projections that begin at a stage, and what is done to their results; returns its end. */
  private static int collect(Stages stages, int at, List<Node> linears, Found found) {
    linears.forEach(l -> found.linears.add((Linear) l.op()));
    int to = after(stages, at, linears.size());
    boolean more = isGate(stages, to, linears, found) || isSum(stages, to, linears, found);
    return more ? to + 1 : to;
  }

  private boolean run(Found found, ProjectionJob job) {
    return runner.run(job, found.relaxed);
  }

  /** Runs a gate's projections and the one that alone reads what it makes. */
  private boolean run(Found found, Found behind, List<KernelArgs> steps) {
    ProjectionJob job = found.job(steps.subList(0, found.numSteps()));
    ProjectionJob next = behind.job(steps.subList(found.numSteps(), steps.size()));
    return runner.run(job, next) || run(found, job) && run(behind, next);
  }

  private static @Nullable Node node(Stages stages, int i) {
    return i < stages.list().size() && stages.list().get(i) instanceof Stage.Single s
        ? s.node()
        : null;
  }

  private static boolean isView(@Nullable Node node) {
    return node != null && node.op() instanceof CoreOp.View;
  }

  private static boolean isF32(Value v) {
    return v.type() instanceof TensorType t && t.isDense() && t.dtype() == DType.F32;
  }

  /** Projections of x from a stage on, with nothing but views between them. */
  private List<Node> linears(Stages stages, int from, Value x) {
    List<Node> found = new ArrayList<>();
    for (int i = from; found.size() < ProjectionJob.MAX_PARTS; i++) {
      Node node = node(stages, i);
      if (isView(node)) {
        continue;
      }
      if (node == null || !isProjection(stages, node, x)) {
        break;
      }
      found.add(node);
    }
    return found;
  }

  private boolean isProjection(Stages stages, Node node, Value x) {
    if (!(node.op() instanceof Linear) || !node.operands().getFirst().equals(x)) {
      return false;
    }
    boolean given = node.operands().stream().skip(1).noneMatch(stages::isComputed);
    return given
        && isF32(node.result())
        && node.operands().get(1).type() instanceof TensorType t
        && runner.takes(t);
  }

  /** Position after so many projections. */
  private static int after(Stages stages, int from, int linears) {
    int i = from;
    for (int seen = 0; seen < linears; i++) {
      seen += isView(node(stages, i)) ? 0 : 1;
    }
    return i;
  }

  private static boolean isGate(Stages stages, int at, List<Node> linears, Found found) {
    Node node = node(stages, at);
    if (node == null || linears.size() != 2 || !(node.op() instanceof GatedActivation gated)) {
      return false;
    }
    Value gate = linears.get(0).result();
    Value up = linears.get(1).result();
    boolean own = stages.reads(gate) == 1 && stages.reads(up) == 1 && isF32(node.result());
    if (!own || !node.operands().equals(List.of(gate, up))) {
      return false;
    }
    found.gate = gated.gate();
    return true;
  }

  /** Whether a stage does nothing but add something to the only projection. */
  private static boolean isSum(Stages stages, int at, List<Node> linears, Found found) {
    if (linears.size() != 1
        || at >= stages.list().size()
        || !(stages.list().get(at) instanceof Stage.Fused sum)
        || !(sum.expr() instanceof Expr.Binary b)
        || b.kind() != CoreOp.BinaryKind.ADD
        || !(b.a() instanceof Expr.Input)
        || !(b.b() instanceof Expr.Input)
        || sum.inputs().size() != 2) {
      return false;
    }
    Value projected = linears.getFirst().result();
    int own = sum.inputs().indexOf(projected);
    if (own < 0 || stages.reads(projected) != 1 || !isF32(sum.result())) {
      return false;
    }
    found.added = 1 - own;
    return true;
  }
}
