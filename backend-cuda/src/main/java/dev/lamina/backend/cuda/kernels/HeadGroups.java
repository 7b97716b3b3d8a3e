package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Stage;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp.KvAppend;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.CompositeOp.Rope;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds what is done to the heads of a layer before it attends: queries and keys are normed and
 * turned, keys and values appended to the pool. One launch does it, a warp a head of a token, or a
 * block a token where those are enough to fill the GPU.
 */
final class HeadGroups {
  private static final int MAX_WIDTH = 256;
  private static final int MAX_SECTIONS = 8;
  private static final int WARPS = 4;
  private static final int TOKEN_THREADS = 256;

  private final Gpu gpu;
  private final long kernel;
  private final long byToken;

  HeadGroups(Gpu gpu) {
    this.gpu = gpu;
    this.kernel = gpu.function("heads", "turn_and_append");
    this.byToken = gpu.function("heads", "turn_and_append_token");
  }

  /**
   * The group that begins at a stage.
   *
   * @param stages of a graph
   * @param from position of its first stage
   * @return the group, or null if none begins there
   */
  @Nullable StageGroup at(Stages stages, int from) {
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
    return new StageGroup(from, from + norms + 3, heads::run);
  }

  private static @Nullable Node node(Stages stages, int from, int i) {
    int at = from + i;
    return at < stages.list().size() && stages.list().get(at) instanceof Stage.Single s
        ? s.node()
        : null;
  }

  /** Whether all but the first operand are inputs of the graph. */
  private static boolean given(Stages stages, Node node) {
    return node.operands().stream().skip(1).noneMatch(stages::isComputed);
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

    boolean run(List<KernelArgs> steps) {
      int norms = qNorm == null ? 0 : 2;
      KernelArgs qRope = steps.get(norms);
      KernelArgs appended = steps.get(norms + 2);
      Tensor q = rows(steps, 0);
      Tensor k = rows(steps, 1);
      Tensor v = appended.in(2);
      Tensor turned = qRope.out(0);
      long width = turned.size(2);
      boolean fits = isFloat(q) && isFloat(k) && isFloat(v) && isFloat(turned);
      // A norm over the whole width, not head by head, has rows of another shape.
      fits &= q.rank() == 3 && k.rank() == 3;
      fits &= width <= MAX_WIDTH && v.size(2) <= MAX_WIDTH && !appended.debug();
      if (!fits) {
        return false;
      }
      HostState state = appended.state(0);
      StateKernels.Entry keys = StateKernels.Entry.of(state, "k", append.layer());
      StateKernels.Entry values = StateKernels.Entry.of(state, "v", append.layer());
      Params p = gpu.params().address(q).address(k).address(v);
      p.i64(factors(qNorm, steps, 0)).i64(factors(kNorm, steps, 1));
      p.address(qRope.in(1)).address(qRope.in(2)).address(appended.in(3)).address(turned);
      p.i64(keys.address()).i64(values.address()).i64(q.size(0)).i64(keys.slots());
      p.i32(q.size(1)).i32(k.size(1)).i32(v.size(1)).i32(width).i32(v.size(2));
      p.i32(keys.dtype()).i32(values.dtype());
      norm(p, qNorm, steps, 0);
      norm(p, kNorm, steps, 1);
      LayerKernels.turning(p, rope);
      long heads = q.size(1) + k.size(1) + v.size(1);
      if (q.size(0) >= gpu.multiprocessors()) {
        gpu.launch(byToken, q.size(0), 1, 1, TOKEN_THREADS, 0);
      } else {
        gpu.launch(kernel, Math.ceilDiv(q.size(0) * heads, WARPS), 1, 1, 32 * WARPS, 0);
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
}
