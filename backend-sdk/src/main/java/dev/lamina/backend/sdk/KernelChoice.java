package dev.lamina.backend.sdk;

import dev.lamina.spi.Support;
import dev.lamina.spi.ir.Node;
import java.util.function.Function;

/**
 * A backend's answer for one op.
 *
 * @param name name of the kernel in {@code lowering()}
 * @param support as {@link dev.lamina.spi.Device#supports} answers; native if {@code kernel} is to
 *     be used
 * @param strided whether operands may be strided; else the SDK copies them first
 * @param kernel makes the kernel of a node
 */
public record KernelChoice(
    String name, Support support, boolean strided, Function<Node, Kernel> kernel) {

  /** A native kernel that takes contiguous operands. */
  public static KernelChoice dense(
      String name, Support.Perf perf, Support.Numerics numerics, Function<Node, Kernel> kernel) {
    return new KernelChoice(name, new Support.Native(perf, numerics), false, kernel);
  }

  /** A native kernel that takes operands of any strides. */
  public static KernelChoice strided(
      String name, Support.Perf perf, Support.Numerics numerics, Function<Node, Kernel> kernel) {
    return new KernelChoice(name, new Support.Native(perf, numerics), true, kernel);
  }

  /** Left to the SDK's decomposition. */
  public static KernelChoice decompose(String why) {
    return new KernelChoice(
        "decomposed",
        new Support.Decompose(why),
        false,
        node -> {
          throw new AssertionError("a decomposed op has no kernel: " + node.op().mnemonic());
        });
  }
}
