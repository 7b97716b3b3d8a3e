package dev.lamina.backend.sdk;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A plan with the tensors of one set of bindings. Made once; {@link #layout} runs again when dims
 * or memory changed, {@link #run} allocates nothing.
 */
final class BoundPlan {
  private final Plan plan;
  private final Tensor[] tensors;
  private final Kernel[] kernels;
  private final KernelArgs[] args;
  private final List<StateUse> stateUses = new ArrayList<>();
  private final Memory memory;
  private final Movement movement;
  private final long[] sizes;
  private final long[] strides;

  /** Operand k of some kernel, which is the pool of an input. */
  private record StateUse(int input, @Nullable HostState[] operands, int k) {}

  BoundPlan(Plan plan, Memory memory, Movement movement, boolean debug) {
    this.plan = plan;
    this.memory = memory;
    this.movement = movement;
    int rank = 0;
    this.tensors = new Tensor[plan.tensors().size()];
    for (int i = 0; i < tensors.length; i++) {
      TensorPlan t = plan.tensors().get(i);
      tensors[i] = new Tensor(t.dtype(), t.layout(), t.sizes().rank());
      rank = Math.max(rank, t.sizes().rank());
    }
    this.sizes = new long[rank];
    this.strides = new long[rank];
    int n = plan.steps().size();
    this.kernels = new Kernel[n];
    this.args = new KernelArgs[n];
    for (int i = 0; i < n; i++) {
      Step step = plan.steps().get(i);
      args[i] = args(step, debug);
      kernels[i] = kernel(step, args[i], debug);
    }
  }

  private Kernel kernel(Step step, KernelArgs of, boolean debug) {
    LoopPlan loop = step.loop();
    if (loop != null) {
      return new LoopRun(loop, of, tensors, memory.constants(), movement, debug);
    }
    GroupKernel group = step.group();
    if (group != null) {
      List<Kernel> each =
          step.members().stream().map(Step::kernel).map(Objects::requireNonNull).toList();
      return new GroupRun(group, each, step.members().stream().map(s -> args(s, debug)).toList());
    }
    return Objects.requireNonNull(step.kernel());
  }

  private KernelArgs args(Step step, boolean debug) {
    @Nullable Tensor[] operands = new @Nullable Tensor[step.operands().length];
    for (int k = 0; k < operands.length; k++) {
      int t = step.operands()[k];
      operands[k] = t < 0 ? null : tensors[t];
    }
    Tensor[] results = new Tensor[step.results().length];
    for (int k = 0; k < results.length; k++) {
      results[k] = tensors[step.results()[k]];
    }
    @Nullable HostState[] states = new @Nullable HostState[operands.length];
    for (int k = 0; k < operands.length; k++) {
      if (step.states()[k] >= 0) {
        stateUses.add(new StateUse(step.states()[k], states, k));
      }
    }
    return new KernelArgs(operands, states, results, debug);
  }

  /** Sets the pool of a state input. */
  void state(int input, HostState pool) {
    for (StateUse use : stateUses) {
      if (use.input == input) {
        use.operands[use.k] = pool;
      }
    }
  }

  /**
   * Computes sizes, strides and addresses.
   *
   * @param dims values of the executable's symbols
   * @param offsets places of the workspace's blocks, for at least these dims
   * @throws ProgramError if a box leaves its tensor
   */
  void layout(long[] dims, MemoryPlan offsets) {
    List<TensorPlan> plans = plan.tensors();
    for (int i = 0; i < tensors.length; i++) {
      TensorPlan t = plans.get(i);
      t.sizes().resolve(dims, sizes);
      place(t, tensors[i], dims, offsets);
    }
    for (int i = 0; i < kernels.length; i++) {
      if (kernels[i] instanceof LoopRun loop) {
        loop.layout(dims, offsets, memory);
      }
    }
  }

  private void place(TensorPlan plan, Tensor t, long[] dims, MemoryPlan offsets) {
    switch (plan.placement()) {
      case Placement.Root p -> {
        t.shape(sizes);
        memory.bind(t, plan.storage(), offsets);
      }
      case Placement.StridedRoot p -> {
        t.shape(sizes, p.strides());
        memory.bind(t, plan.storage(), offsets);
      }
      case Placement.Splat p -> {
        java.util.Arrays.fill(strides, 0);
        t.shape(sizes, strides);
        memory.bind(t, plan.storage(), offsets);
      }
      case Placement.Ramp p -> {
        java.util.Arrays.fill(strides, 0);
        strides[p.axis()] = 1;
        t.shape(sizes, strides);
        memory.bind(t, plan.storage(), offsets);
      }
      case Placement.Packed p -> {
        Tensor from = tensors[p.of()];
        t.shape(sizes);
        if (from.isContiguous()) {
          t.bind(from.segment(), from.offset());
        } else {
          memory.bind(t, plan.storage(), offsets);
        }
      }
      case Placement.Reshape p -> {
        Tensor from = tensors[p.of()];
        if (!Strides.reshape(from, sizes, t.rank(), strides)) {
          throw new AssertionError("view: the plan left out a copy");
        }
        t.shape(sizes, strides);
        t.bind(from.segment(), from.offset());
      }
      case Placement.Permute p -> permute(p, t);
      case Placement.Expand p -> expand(p, t);
      case Placement.Slice p -> slice(p, t, dims);
    }
  }

  private void permute(Placement.Permute p, Tensor t) {
    Tensor from = tensors[p.of()];
    for (int i = 0; i < t.rank(); i++) {
      strides[i] = from.stride(p.perm()[i]);
    }
    t.shape(sizes, strides);
    t.bind(from.segment(), from.offset());
  }

  private void expand(Placement.Expand p, Tensor t) {
    Tensor from = tensors[p.of()];
    for (int i = 0; i < t.rank(); i++) {
      strides[i] = from.size(i) == sizes[i] ? from.stride(i) : 0;
    }
    t.shape(sizes, strides);
    t.bind(from.segment(), from.offset());
  }

  private void slice(Placement.Slice p, Tensor t, long[] dims) {
    Tensor from = tensors[p.of()];
    long at = 0;
    for (int i = 0; i < t.rank(); i++) {
      long start = p.start().get(i, dims);
      long step = p.step().get(i);
      if (sizes[i] > 0 && start + (sizes[i] - 1) * step >= from.size(i)) {
        throw new ProgramError(
            "slice: expected a box inside axis %d of size %d, got start %d, size %d, step %d"
                .formatted(i, from.size(i), start, sizes[i], step));
      }
      at += start * from.stride(i);
      strides[i] = from.stride(i) * step;
    }
    t.shape(sizes, strides);
    long bytes = at * t.dtype().bytes();
    t.bind(from.segment(), t.elements() == 0 ? from.offset() : from.offset() + bytes);
  }

  /**
   * Runs all steps in order.
   *
   * @throws StepFailed with the step that a kernel's exception came from
   */
  void run() {
    int i = 0;
    try {
      for (; i < kernels.length; i++) {
        kernels[i].run(args[i]);
      }
    } catch (ProgramError | BackendFailure | StepFailed e) {
      throw e;
    } catch (RuntimeException e) {
      throw new StepFailed(plan.steps().get(i).name(), e);
    }
  }

  /** Kernels that a run calls, those of loops in every iteration; after {@link #layout}. */
  long numLaunches() {
    long n = 0;
    for (int i = 0; i < kernels.length; i++) {
      n +=
          switch (kernels[i]) {
            case LoopRun loop -> loop.numLaunches();
            case GroupRun group -> group.numLaunches();
            default -> 1;
          };
    }
    return n;
  }
}
