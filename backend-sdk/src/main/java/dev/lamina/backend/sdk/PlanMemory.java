package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decides where the tensors of a plan lie: results that replace an operand nobody reads any more go
 * in its place, outputs go straight to their slots, the rest gets workspace for as long as it
 * lives.
 */
final class PlanMemory {
  private final Graph graph;
  private final List<TensorPlan> tensors;
  private final List<Step> steps;
  private final List<Storage> inputs;
  private final int[] tensorOf;
  private final boolean body;
  private final Kernel copy;
  private final boolean[] inPlace;

  PlanMemory(
      Graph graph,
      List<TensorPlan> tensors,
      List<Step> steps,
      List<Storage> inputs,
      int[] tensorOf,
      boolean body,
      Kernel copy) {
    this.graph = graph;
    this.copy = copy;
    this.tensors = tensors;
    this.steps = steps;
    this.inputs = inputs;
    this.tensorOf = tensorOf;
    this.body = body;
    this.inPlace = new boolean[graph.outputs().size()];
  }

  Plan plan() {
    findLifetimes();
    for (int s = 0; s < steps.size(); s++) {
      mergeResults(s);
    }
    placeOutputs();
    List<Storage> blocks = numberBlocks();
    return new Plan(
        List.copyOf(tensors),
        List.copyOf(steps),
        blocks,
        graph.inputs().size(),
        graph.outputs().size(),
        inPlace);
  }

  private void findLifetimes() {
    for (int s = 0; s < steps.size(); s++) {
      Step step = steps.get(s);
      for (int t : step.operands()) {
        if (t >= 0) {
          tensors.get(t).storage().neededUntil(s);
        }
      }
      for (int t : step.results()) {
        tensors.get(t).storage().writtenAt(s);
      }
      LoopPlan loop = step.loop();
      if (loop != null) {
        tensors.get(loop.index()).storage().writtenAt(s);
        loop.workspace().writtenAt(s);
        for (int t : loop.spare()) {
          if (t >= 0) {
            tensors.get(t).storage().writtenAt(s);
          }
        }
      }
    }
    for (Graph.Output o : graph.outputs()) {
      int t = tensorOf[o.value().id()];
      if (t >= 0) {
        tensors.get(t).storage().neededUntil(Storage.END);
      }
    }
    for (TensorPlan t : tensors.reversed()) {
      if (t.placement() instanceof Placement.Packed p) {
        tensors.get(p.of()).storage().neededUntil(t.storage().last());
      }
    }
  }

  /**
   * Lets a result that is a changed operand lie where the operand lies, if nobody reads it later.
   */
  private void mergeResults(int s) {
    Step step = steps.get(s);
    for (int r = 0; r < step.results().length; r++) {
      int x = step.replacedOperand(r);
      if (x < 0) {
        continue;
      }
      TensorPlan from = tensors.get(x);
      Storage old = from.storage();
      boolean free =
          old.kind() == Storage.Kind.WORKSPACE
              && !old.mayAlias()
              && from.whole()
              && old.last() == s
              && readsOnce(step, old);
      if (free) {
        tensors.get(step.results()[r]).storage().mergeInto(old);
      }
    }
  }

  private boolean readsOnce(Step step, Storage storage) {
    int count = 0;
    for (int t : step.operands()) {
      count += t >= 0 && tensors.get(t).storage() == storage ? 1 : 0;
    }
    return count == 1;
  }

  private void placeOutputs() {
    List<int[]> copies = new ArrayList<>();
    for (int o = 0; o < graph.outputs().size(); o++) {
      int t = tensorOf[graph.outputs().get(o).value().id()];
      if (t < 0) {
        continue;
      }
      int shares = body ? o + 1 : graph.outputs().get(o).sharesInput();
      TensorPlan value = tensors.get(t);
      Storage s = value.storage();
      boolean safe = shares >= 0 && isSafe(s, inputs.get(shares));
      boolean direct = s.kind() == Storage.Kind.WORKSPACE && value.whole() && !s.mayAlias();
      if (direct && (safe || body || shares < 0)) {
        s.place(Storage.Kind.OUTPUT, o);
        inPlace[o] = safe;
      } else {
        inPlace[o] = body ? value.whole() && s == inputs.get(shares) : shares >= 0;
        copies.add(new int[] {t, o});
      }
    }
    for (int[] copy : copies) {
      copy[0] = saved(copy[0], copy[1]);
    }
    for (int[] copy : copies) {
      copyToOutput(copy[0], copy[1]);
    }
  }

  /**
   * Whether the memory of an input may be overwritten from the step on that first writes a value.
   */
  private boolean isSafe(Storage value, Storage input) {
    if (value == input || value.first() == Storage.END) {
      return false;
    }
    if (input.last() < value.first()) {
      return true;
    }
    if (input.last() > value.first()) {
      return false;
    }
    Step step = steps.get(value.first());
    for (int r = 0; r < step.results().length; r++) {
      int x = step.replacedOperand(r);
      if (x >= 0
          && tensors.get(step.results()[r]).storage() == value
          && tensors.get(x).storage() == input
          && tensors.get(x).whole()) {
        return readsOnce(step, input);
      }
    }
    return false;
  }

  /** An input that an output overwrites, unless with itself, is copied before any output is. */
  private int saved(int t, int output) {
    TensorPlan from = tensors.get(t);
    for (int o = 0; o < graph.outputs().size() && !body; o++) {
      Graph.Output other = graph.outputs().get(o);
      boolean overwritten =
          other.value().type() instanceof TensorType
              && other.sharesInput() >= 0
              && from.storage() == inputs.get(other.sharesInput());
      if (overwritten && (o != output || !from.whole())) {
        return addCopy(
            t, new Storage(Storage.Kind.WORKSPACE, -1, from.dtype().bytes(), from.sizes()));
      }
    }
    return t;
  }

  private void copyToOutput(int t, int output) {
    TensorPlan from = tensors.get(t);
    addCopy(t, new Storage(Storage.Kind.OUTPUT, output, from.dtype().bytes(), from.sizes()));
  }

  private int addCopy(int t, Storage storage) {
    TensorPlan from = tensors.get(t);
    storage.writtenAt(steps.size());
    storage.neededUntil(Storage.END);
    tensors.add(
        new TensorPlan(
            from.dtype(),
            Layout.DENSE,
            from.sizes(),
            Packing.dense(from.sizes()),
            storage,
            true,
            new Placement.Root(storage)));
    int added = tensors.size() - 1;
    steps.add(Step.launch("copy", copy, new int[] {t}, added));
    return added;
  }

  private List<Storage> numberBlocks() {
    Map<Storage, @Nullable Boolean> seen = new IdentityHashMap<>();
    List<Storage> blocks = new ArrayList<>();
    for (TensorPlan t : tensors) {
      number(t.storage(), seen, blocks);
    }
    for (Step step : steps) {
      LoopPlan loop = step.loop();
      if (loop != null) {
        number(loop.workspace(), seen, blocks);
      }
    }
    return List.copyOf(blocks);
  }

  private static void number(
      Storage s, Map<Storage, @Nullable Boolean> seen, List<Storage> blocks) {
    if (s.kind() == Storage.Kind.WORKSPACE && seen.put(s, true) == null) {
      s.place(Storage.Kind.WORKSPACE, blocks.size());
      blocks.add(s);
    }
  }
}
