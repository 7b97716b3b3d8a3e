package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.Device;
import dev.lamina.spi.ir.Op;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** Where a bug sits. */
sealed interface Fault {
  /**
   * Another kernel for one op.
   *
   * @param type the op
   * @param wrong makes the kernel from the attributes and the right kernel
   * @param <O> the op
   */
  record OfOp<O extends Op>(Class<O> type, BiFunction<O, Kernel, Kernel> wrong) implements Fault {
    Kernel kernel(Op op, Kernel right) {
      return wrong.apply(type.cast(op), right);
    }

    /** The op's name in graph text. */
    String mnemonic() {
      return Op.mnemonicOf(type);
    }
  }

  /**
   * Another kernel for fused expressions.
   *
   * @param rewrite changes the expression
   * @param wrong makes the kernel from the original expression and the kernel of the changed one
   */
  record OfExpression(UnaryOperator<Expr> rewrite, BiFunction<Expr, Kernel, Kernel> wrong)
      implements Fault {}

  /**
   * Another device.
   *
   * @param wrong wraps the right one
   */
  record OfDevice(Function<Device, Device> wrong) implements Fault {}

  /**
   * One instruction of the SDK or a backend, which then runs as it is: the reference's composites
   * by decomposition, cpu-vector's by its kernels.
   *
   * @param change the instruction and what takes its place
   * @param form of cpu-vector's kernels
   */
  record OfCode(CodeChange change, ChangedCode.Form form) implements Fault {}

  /** No bug at all. */
  record None() implements Fault {}

  /** Spoils what a right kernel has just done. */
  static Kernel after(Kernel right, Consumer<KernelArgs> spoil) {
    return args -> {
      right.run(args);
      spoil.accept(args);
    };
  }
}
