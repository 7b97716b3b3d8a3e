package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.GroupKernel;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Stage;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.LayerKernels;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.StateKernels;
import dev.lamina.spi.ir.CompositeOp.KvAppend;
import dev.lamina.spi.ir.CompositeOp.PagedAttention;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.CompositeOp.Rope;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds what is done to the heads of a layer before it attends: queries and keys are normed and
 * turned, keys and values appended to the pool. One launch does it, a warp a head of a token, or
 * four warps or a block a token where those are enough to fill the GPU. A decode step of one row
 * has the attention that follows in the same launch.
 */
final class HeadGroups {
  private static final int MAX_WIDTH = 256;
  private static final int MAX_SECTIONS = 8;
  private static final int WARPS = 4;
  private static final int TOKEN_THREADS = 256;

  private final Gpu gpu;
  private final AttentionKernels attention;
  private final long kernel;
  private final long byToken;
  private final HeadRows rows;

  HeadGroups(Gpu gpu, AttentionKernels attention) {
    this.gpu = gpu;
    this.attention = attention;
    this.kernel = gpu.function("heads", "turn_and_append");
    this.byToken = gpu.function("heads", "turn_and_append_token");
    this.rows = new HeadRows(gpu);
  }

  /**
   * The group that begins at a stage.
   *
   * @param stages of a graph
   * @param from position of its first stage
   * @param relaxed whether attention may round queries and weights
   * @return the group, or null if none begins there
   */
  @Nullable StageGroup at(Stages stages, int from, boolean relaxed) {
    Node first = node(stages, from, 0);
    if (first == null) {
      return null;
    }
    int norms = first.op() instanceof RmsNorm ? 2 : 0;
    Node qRope = node(stages, from, norms);
    Node kRope = node(stages, from, norms + 1);
    Node append = node(stages, from, norms + 2);
    if (qRope == null || kRope == null || append == null) {
      return null;
    }
    boolean fits =
        qRope.op() instanceof Rope rope
            && rope.equals(kRope.op())
            && rope.sections().size() <= MAX_SECTIONS
            && append.op() instanceof KvAppend
            && qRope.operands().subList(1, 3).equals(kRope.operands().subList(1, 3))
            && given(stages, qRope)
            && feeds(stages, kRope, append, 1)
            && !stages.isComputed(append.operands().get(3));
    if (!fits || norms == 2 && !areNorms(stages, from, qRope, kRope)) {
      return null;
    }
    Heads heads = new Heads(stages, from, norms);
    int to = from + norms + 3;
    Node next = node(stages, to, 0);
    if (next != null
        && next.op() instanceof PagedAttention op
        && feeds(stages, qRope, next, 0)
        && next.operands().get(1).equals(append.result())
        && given(next, 2, stages)
        && appendsOnce(stages, append)
        && AttentionKernels.isFast(op, next.operands().get(1).type())) {
      return new StageGroup(from, to + 1, new Attending(heads, attention.paged(op, next, relaxed)));
    }
    return new StageGroup(from, to, heads::run);
  }

  /**
   * Whether no other stage may write this layer's keys and values, so that they may be read before
   * the kernel ahead has ended.
   */
  private static boolean appendsOnce(Stages stages, Node append) {
    for (Stage stage : stages.list()) {
      if (stage instanceof Stage.Single s && s.node() != append && writesState(s.node())) {
        boolean isOtherLayer =
            s.node().op() instanceof KvAppend && !s.node().op().equals(append.op());
        if (!isOtherLayer) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean writesState(Node node) {
    return node.results().stream().anyMatch(v -> v.type() instanceof StateType);
  }

  private static @Nullable Node node(Stages stages, int from, int i) {
    int at = from + i;
    return at < stages.list().size() && stages.list().get(at) instanceof Stage.Single s
        ? s.node()
        : null;
  }

  /** Whether all but the first operand are inputs of the graph. */
  private static boolean given(Stages stages, Node node) {
    return given(node, 1, stages);
  }

  private static boolean given(Node node, int from, Stages stages) {
    return node.operands().stream().skip(from).noneMatch(stages::isComputed);
  }

  /** Whether a node's result is operand i of another, and read by nothing else. */
  private static boolean feeds(Stages stages, Node node, Node next, int i) {
    Value v = node.result();
    return stages.reads(v) == 1 && next.operands().get(i).equals(v);
  }

  private static boolean areNorms(Stages stages, int from, Node qRope, Node kRope) {
    Node q = node(stages, from, 0);
    Node k = node(stages, from, 1);
    return q != null
        && k != null
        && q.op() instanceof RmsNorm
        && k.op() instanceof RmsNorm
        && feeds(stages, q, qRope, 0)
        && feeds(stages, k, kRope, 0)
        && given(stages, q)
        && given(stages, k);
  }

  private static boolean isFloat(Tensor t) {
    return t.dtype() == DType.F32;
  }

  /** One layer's heads. */
  private final class Heads {
    private final @Nullable RmsNorm qNorm;
    private final @Nullable RmsNorm kNorm;
    private final Rope rope;
    private final KvAppend append;

    Heads(Stages stages, int from, int norms) {
      this.qNorm = norms == 0 ? null : op(stages, from, 0, RmsNorm.class);
      this.kNorm = norms == 0 ? null : op(stages, from, 1, RmsNorm.class);
      this.rope = op(stages, from, norms, Rope.class);
      this.append = op(stages, from, norms + 2, KvAppend.class);
    }

    private static <T> T op(Stages stages, int from, int i, Class<T> type) {
      Node node = node(stages, from, i);
      if (node == null) {
        throw new AssertionError("heads: no node at " + (from + i));
      }
      return type.cast(node.op());
    }

    /** What the norm reads, or the rope if there is no norm. */
    private Tensor rows(List<KernelArgs> steps, int head) {
      return steps.get(head).in(0);
    }

    /** Whether a kernel of this class can run the steps of this run. */
    boolean fits(List<KernelArgs> steps) {
      Tensor q = rows(steps, 0);
      Tensor k = rows(steps, 1);
      KernelArgs appended = appended(steps);
      Tensor v = appended.in(2);
      Tensor turned = turned(steps);
      boolean areFloats = isFloat(q) && isFloat(k) && isFloat(v) && isFloat(turned);
      // A norm over the whole width, not head by head, has rows of another shape.
      return areFloats
          && q.rank() == 3
          && k.rank() == 3
          && turned.size(2) <= MAX_WIDTH
          && v.size(2) <= MAX_WIDTH
          && !appended.debug();
    }

    private Tensor turned(List<KernelArgs> steps) {
      return steps.get(qNorm == null ? 0 : 2).out(0);
    }

    private KernelArgs appended(List<KernelArgs> steps) {
      return steps.get(numSteps() - 1);
    }

    int numSteps() {
      return qNorm == null ? 3 : 5;
    }

    /** Appends the struct of the kernels. */
    Params append(Params p, List<KernelArgs> steps) {
      KernelArgs qRope = steps.get(qNorm == null ? 0 : 2);
      KernelArgs appended = appended(steps);
      Tensor q = rows(steps, 0);
      Tensor k = rows(steps, 1);
      Tensor v = appended.in(2);
      HostState state = appended.state(0);
      StateKernels.Entry keys = StateKernels.Entry.of(state, "k", append.layer());
      StateKernels.Entry values = StateKernels.Entry.of(state, "v", append.layer());
      p.address(q).address(k).address(v);
      p.i64(factors(qNorm, steps, 0)).i64(factors(kNorm, steps, 1));
      p.address(qRope.in(1)).address(qRope.in(2)).address(appended.in(3)).address(turned(steps));
      p.i64(keys.address()).i64(values.address()).i64(q.size(0)).i64(keys.slots());
      p.i32(q.size(1)).i32(k.size(1)).i32(v.size(1)).i32(turned(steps).size(2)).i32(v.size(2));
      p.i32(keys.dtype()).i32(values.dtype());
      norm(p, qNorm, steps, 0);
      norm(p, kNorm, steps, 1);
      LayerKernels.turning(p, rope);
      return p;
    }

    boolean run(List<KernelArgs> steps) {
      if (!fits(steps)) {
        return false;
      }
      append(gpu.params(), steps);
      Tensor q = rows(steps, 0);
      Tensor v = appended(steps).in(2);
      long tokens = q.size(0);
      long width = turned(steps).size(2);
      long heads = q.size(1) + rows(steps, 1).size(1) + v.size(1);
      if (tokens >= gpu.multiprocessors() && rows.fit(rope, width, v.size(2))) {
        rows.launch(tokens, width);
      } else if (tokens >= gpu.multiprocessors()) {
        gpu.launch(byToken, tokens, 1, 1, TOKEN_THREADS, 0);
      } else {
        gpu.launch(kernel, Math.ceilDiv(tokens * heads, WARPS), 1, 1, 32 * WARPS, 0);
      }
      return true;
    }

    private static long factors(@Nullable RmsNorm norm, List<KernelArgs> steps, int i) {
      return norm == null || !norm.weighted() ? 0 : Params.addressOf(steps.get(i).in(1));
    }

    private static void norm(Params p, @Nullable RmsNorm norm, List<KernelArgs> steps, int i) {
      boolean weighted = norm != null && norm.weighted();
      p.i32(norm == null ? 0 : 1).i32(norm != null && norm.plusOne() ? 1 : 0);
      p.i32(weighted ? steps.get(i).in(1).dtype().ordinal() : 0);
      p.f32(norm == null ? 0 : norm.eps());
    }
  }

  /** One layer's heads and the attention over them. */
  private record Attending(Heads heads, AttentionKernels.Paged attention) implements GroupKernel {
    @Override
    public boolean run(List<KernelArgs> steps) {
      if (!heads.fits(steps)) {
        return false;
      }
      KernelArgs last = steps.get(heads.numSteps());
      if (!attention.runRow(last, p -> heads.append(p, steps))) {
        heads.run(steps);
        attention.run(last);
      }
      return true;
    }
  }
}
