package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.Device;
import dev.lamina.spi.ir.Op;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Collects mutants area by area. */
final class MutantList {
  private final List<Mutant> mutants = new ArrayList<>();
  private String area = "";
  private List<String> killers = List.of();

  List<Mutant> mutants() {
    return List.copyOf(mutants);
  }

  /** Begins an area; the patterns name the cases that are meant to see its bugs. */
  MutantList area(String name, String... meant) {
    area = name;
    killers = List.of(meant);
    return this;
  }

  private void add(String name, String bug, Fault fault) {
    mutants.add(new Mutant(area, name, bug, killers, fault));
  }

  /** Another kernel, made from the attributes. */
  <O extends Op> void op(String name, String bug, Class<O> type, Function<O, Kernel> wrong) {
    add(name, bug, new Fault.OfOp<>(type, (o, right) -> wrong.apply(o)));
  }

  /** Another kernel, made from the attributes and the right kernel. */
  <O extends Op> void around(
      String name, String bug, Class<O> type, BiFunction<O, Kernel, Kernel> wrong) {
    add(name, bug, new Fault.OfOp<>(type, wrong));
  }

  /** The right kernel, its results spoiled. */
  <O extends Op> void after(String name, String bug, Class<O> type, Consumer<KernelArgs> spoil) {
    add(name, bug, new Fault.OfOp<>(type, (o, right) -> Fault.after(right, spoil)));
  }

  /** Fused expressions of this kind, their results spoiled. */
  void expression(String name, String bug, Predicate<Expr> which, Consumer<KernelArgs> spoil) {
    add(
        name,
        bug,
        new Fault.OfExpression(
            UnaryOperator.identity(),
            (e, right) -> which.test(e) ? Fault.after(right, spoil) : right));
  }

  /** Another expression in place of one node. */
  void rewrite(String name, String bug, UnaryOperator<Expr> node) {
    add(
        name,
        bug,
        new Fault.OfExpression(e -> Rewrites.bottomUp(e, node), (e, changed) -> changed));
  }

  /** One instruction changed, named after it. */
  void code(CodeChange change) {
    add(change.toString(), change.change(), new Fault.OfCode(change, ChangedCode.Form.SCALAR));
  }

  /** One instruction changed while the kernels of cpu-vector have their vector form. */
  void vectorCode(CodeChange change) {
    Fault fault = new Fault.OfCode(change, ChangedCode.Form.VECTOR);
    add(change + ", vector form", change.change(), fault);
  }

  /** Another device. */
  void device(String name, String bug, Function<Device, Device> wrong) {
    add(name, bug, new Fault.OfDevice(wrong));
  }
}
