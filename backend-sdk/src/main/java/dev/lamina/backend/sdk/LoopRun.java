package dev.lamina.backend.sdk;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A loop driven by the host. The body is bound twice: once from result memory to spare memory and
 * once back; it starts with the one that ends in result memory.
 */
final class LoopRun implements Kernel {
  private final LoopPlan loop;
  private final Movement movement;
  private final KernelArgs outer;
  private final Tensor index;
  private final @Nullable Tensor[] spare;
  private final Memory[] memories;
  private final BoundPlan[] bodies;
  private long dimCount;

  LoopRun(
      LoopPlan loop,
      KernelArgs outer,
      Tensor[] tensors,
      MemorySegment constants,
      Movement movement,
      boolean debug) {
    this.loop = loop;
    this.movement = movement;
    this.outer = outer;
    this.index = tensors[loop.index()];
    this.spare = new @Nullable Tensor[loop.spare().length];
    boolean turns = false;
    for (int k = 0; k < spare.length; k++) {
      int t = loop.spare()[k];
      spare[k] = t < 0 ? null : tensors[t];
      turns |= t >= 0;
    }
    this.memories = new Memory[turns ? 2 : 1];
    this.bodies = new BoundPlan[memories.length];
    Plan body = loop.body();
    for (int i = 0; i < memories.length; i++) {
      memories[i] = new Memory(body.numInputs(), body.numOutputs(), constants);
      bodies[i] = new BoundPlan(body, memories[i], movement, debug);
    }
  }

  /** Lays out both bodies; the outer tensors have their places already. */
  void layout(long[] dims, MemoryPlan offsets, Memory around) {
    Sizes count = loop.count();
    dimCount = count == null ? 0 : count.get(0, dims);
    MemoryPlan body = offsets.body(loop);
    long at = around.workspaceOffset() + offsets.offset(loop.workspace().index());
    int carried = spare.length;
    int invariant = outer.numOperands() - loop.first() - carried;
    for (int i = 0; i < memories.length; i++) {
      Memory m = memories[i];
      m.workspace(around.workspace(), at);
      m.input(0, index.segment(), index.offset());
      for (int k = 0; k < carried; k++) {
        Tensor home = outer.out(k);
        Tensor other = spare[k];
        Tensor from = i == 0 || other == null ? home : other;
        Tensor to = i == 1 || other == null ? home : other;
        m.input(1 + k, from.segment(), from.offset());
        m.output(k, to.segment(), to.offset());
      }
      for (int k = 0; k < invariant; k++) {
        Tensor t = outer.in(loop.first() + carried + k);
        m.input(1 + carried + k, t.segment(), t.offset());
      }
      bodies[i].layout(dims, body);
    }
  }

  /** Launches of all iterations, if their number is a dim. */
  long numLaunches() {
    return spare.length + dimCount * (1 + bodies[0].numLaunches());
  }

  @Override
  public void run(KernelArgs args) {
    long n = dimCount;
    if (loop.count() == null) {
      n = Math.max(0, movement.get(args.in(0)));
    }
    boolean odd = bodies.length == 2 && n % 2 == 1;
    for (int k = 0; k < spare.length; k++) {
      Tensor other = spare[k];
      movement.copy(args.in(loop.first() + k), odd && other != null ? other : args.out(k));
    }
    int turn = odd ? 1 : 0;
    for (long i = 0; i < n; i++) {
      movement.set(index, Math.toIntExact(i));
      bodies[turn].run();
      turn = bodies.length == 2 ? 1 - turn : 0;
    }
  }
}
