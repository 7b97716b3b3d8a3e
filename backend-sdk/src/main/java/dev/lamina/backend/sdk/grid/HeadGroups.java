package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.GroupKernel;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Stage;
import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import dev.lamina.backend.sdk.Tensor;
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
 * turned, keys and values appended to the pool. A chip's {@link Runner} does it in one launch, and
 * may do the attention behind it, too.
 */
public final class HeadGroups {
  private static final int MAX_WIDTH = 256;
  private static final int MAX_SECTIONS = 8;

  private final Runner runner;

  /** Launches groups. */
  public interface Runner {
    /**
     * Launches what is done to heads.
     *
     * @param heads that fit
     * @param steps of this run
     */
    void run(Heads heads, List<KernelArgs> steps);

    /**
     * What does the same and the attention that alone reads the queries.
     *
     * @param heads which the kernel asks whether they fit
     * @param node the attention, whose op is a {@link PagedAttention}; its arguments are the last
     *     of the steps
     * @param relaxed whether it may round queries and weights
     * @return null where the two are launched apart
     */
    default @Nullable GroupKernel attending(Heads heads, Node node, boolean relaxed) {
      return null;
    }
  }

  /**
   * Groups for a chip.
   *
   * @param runner has its kernels
   */
  public HeadGroups(Runner runner) {
    this.runner = runner;
  }

  /**
   * The group that begins at a stage.
   *
   * @param stages of a graph
   * @param from position of its first stage
   * @param relaxed whether attention may round queries and weights
   * @return the group, or null if none begins there
   */
  public @Nullable StageGroup at(Stages stages, int from, boolean relaxed) {
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
        && next.op() instanceof PagedAttention
        && feeds(stages, qRope, next, 0)
        && next.operands().get(1).equals(append.result())
        && given(next, 2, stages)
        && appendsOnce(stages, append)) {
      GroupKernel whole = runner.attending(heads, next, relaxed);
      if (whole != null) {
        return new StageGroup(from, to + 1, whole);
      }
    }
    return new StageGroup(from, to, steps -> run(heads, steps));
  }

  private boolean run(Heads heads, List<KernelArgs> steps) {
    if (!heads.fits(steps)) {
      return false;
    }
    runner.run(heads, steps);
    return true;
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
  public static final class Heads {
    private final @Nullable RmsNorm qNorm;
    private final @Nullable RmsNorm kNorm;
    private final Rope rope;
    private final KvAppend append;

    private Heads(Stages stages, int from, int norms) {
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

    /**
     * Whether a kernel can run these steps: floats, heads of at most 256 elements, nothing checked.
     *
     * @param steps of this run
     */
    public boolean fits(List<KernelArgs> steps) {
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

    /** Stages of the group, without attention. */
    public int numSteps() {
      return qNorm == null ? 3 : 5;
    }

    /** How heads turn. */
    public Rope rope() {
      return rope;
    }

    /** Tokens of this run. */
    public long tokens(List<KernelArgs> steps) {
      return rows(steps, 0).size(0);
    }

    /** Heads of a token: queries, keys and values. */
    public long heads(List<KernelArgs> steps) {
      return rows(steps, 0).size(1) + rows(steps, 1).size(1) + appended(steps).in(2).size(1);
    }

    /** Elements of a head of queries and keys. */
    public long width(List<KernelArgs> steps) {
      return turned(steps).size(2);
    }

    /** Elements of a head of values. */
    public long valueWidth(List<KernelArgs> steps) {
      return appended(steps).in(2).size(2);
    }

    /**
     * Appends the struct of kernels: addresses of queries, keys, values, two norms' factors,
     * positions, frequencies, slots, turned queries, and the pool's keys and values; sizes and
     * dtypes; two norms; how heads turn.
     *
     * @param p a struct
     * @param steps of this run
     * @return the struct
     */
    public Params append(Params p, List<KernelArgs> steps) {
      KernelArgs qRope = steps.get(qNorm == null ? 0 : 2);
      KernelArgs appended = appended(steps);
      Tensor q = rows(steps, 0);
      Tensor k = rows(steps, 1);
      Tensor v = appended.in(2);
      HostState state = appended.state(0);
      StateKernels.Entry keys = StateKernels.Entry.of(state, "k", append.layer());
      StateKernels.Entry values = StateKernels.Entry.of(state, "v", append.layer());
      p.address(q).address(k).address(v);
      p.address(factors(qNorm, steps, 0)).address(factors(kNorm, steps, 1));
      p.address(qRope.in(1)).address(qRope.in(2)).address(appended.in(3)).address(turned(steps));
      p.address(keys.address()).address(values.address()).i64(q.size(0)).i64(keys.slots());
      p.i32(q.size(1)).i32(k.size(1)).i32(v.size(1)).i32(turned(steps).size(2)).i32(v.size(2));
      p.i32(keys.dtype()).i32(values.dtype());
      norm(p, qNorm, steps, 0);
      norm(p, kNorm, steps, 1);
      LayerKernels.turning(p, rope);
      return p;
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
