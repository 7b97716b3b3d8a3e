package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Op;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** One kernel launch of a plan, one loop, or a group of launches that may be one. */
final class Step {
  private final @Nullable Op op;
  private final String name;
  private final @Nullable Kernel kernel;
  private final @Nullable LoopPlan loop;
  private final int[] operands;
  private final int[] states;
  private final int[] results;
  private final int[] replaced;
  private final @Nullable GroupKernel group;
  private final List<Step> members;

  private Step(
      @Nullable Op op,
      String name,
      @Nullable Kernel kernel,
      @Nullable LoopPlan loop,
      int[] operands,
      int[] states,
      int[] results,
      int[] replaced) {
    this(op, name, kernel, loop, operands, states, results, replaced, null, List.of());
  }

  private Step(
      @Nullable Op op,
      String name,
      @Nullable Kernel kernel,
      @Nullable LoopPlan loop,
      int[] operands,
      int[] states,
      int[] results,
      int[] replaced,
      @Nullable GroupKernel group,
      List<Step> members) {
    this.op = op;
    this.name = name;
    this.kernel = kernel;
    this.loop = loop;
    this.operands = operands;
    this.states = states;
    this.results = results;
    this.replaced = replaced;
    this.group = group;
    this.members = members;
  }

  /** A kernel whose operands are all tensors and that writes one result beside them. */
  static Step launch(String name, Kernel kernel, int[] operands, int result) {
    int[] none = new int[operands.length];
    Arrays.fill(none, -1);
    return new Step(null, name, kernel, null, operands, none, new int[] {result}, new int[] {-1});
  }

  /** A copy of a tensor that may instead become the result itself. */
  static Step replace(Kernel copy, int x, int result) {
    int[] operands = {x};
    return new Step(
        null, "copy", copy, null, operands, new int[] {-1}, new int[] {result}, operands);
  }

  /** The kernel of a node. */
  static Step launch(Op op, Kernel kernel, int[] operands, int[] states, int[] results) {
    int[] replaced = new int[results.length];
    Arrays.fill(replaced, -1);
    if (isInPlace(op)) {
      replaced[0] = operands[0];
    }
    return new Step(op, "", kernel, null, operands, states, results, replaced);
  }

  static Step loop(LoopPlan loop, int[] operands, int[] results) {
    int[] none = new int[operands.length];
    Arrays.fill(none, -1);
    int[] carried = Arrays.copyOfRange(operands, loop.first(), loop.first() + results.length);
    return new Step(null, "loop", null, loop, operands, none, results, carried);
  }

  /** Kernels that may run as one; no result replaces an operand. */
  static Step group(GroupKernel group, List<Step> members) {
    int[] operands = members.stream().flatMapToInt(s -> Arrays.stream(s.operands)).toArray();
    int[] states = members.stream().flatMapToInt(s -> Arrays.stream(s.states)).toArray();
    int[] results = members.stream().flatMapToInt(s -> Arrays.stream(s.results)).toArray();
    int[] replaced = new int[results.length];
    Arrays.fill(replaced, -1);
    String name = members.stream().map(Step::name).collect(Collectors.joining(" + "));
    return new Step(
        null, name, null, null, operands, states, results, replaced, group, List.copyOf(members));
  }

  /** Whether an op's result may lie in the memory of its first operand. */
  static boolean isInPlace(Op op) {
    return op instanceof CoreOp.Scatter;
  }

  /** For messages: the op, or {@code elementwise} or {@code copy}; of a group all its members'. */
  String name() {
    return op == null ? name : op.mnemonic();
  }

  /** What runs the members at once, or null where this is not a group. */
  @Nullable GroupKernel group() {
    return group;
  }

  /** The kernels of a group, in their order; else none. */
  List<Step> members() {
    return members;
  }

  /** The kernel, or null for a loop or a group. */
  @Nullable Kernel kernel() {
    return kernel;
  }

  /** The loop, or null for a kernel or a group. */
  @Nullable LoopPlan loop() {
    return loop;
  }

  /** Tensor of each operand, -1 for a state. */
  int[] operands() {
    return operands;
  }

  /** Input ordinal of each operand that is a state, else -1. */
  int[] states() {
    return states;
  }

  /** Tensor of each tensor result. */
  int[] results() {
    return results;
  }

  /** Tensor of the operand whose memory a result may lie in, or -1. */
  int replacedOperand(int result) {
    return replaced[result];
  }
}
