package dev.lamina.backend.sdk;

import dev.lamina.spi.Support;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Op;
import org.jspecify.annotations.Nullable;

/** How the SDK itself runs the ops that no provider is asked for. */
final class SdkOps {
  /** A kernel of the SDK. */
  record Choice(String kernel, Support support) {}

  private static final Choice ALIAS = new Choice("alias", exact(Perf.FAST));
  private static final Choice CONSTANT = new Choice("constant", exact(Perf.FAST));
  private static final Choice BOX = new Choice("box copy", exact(Perf.OK));
  private static final Choice EXACT = new Choice("elementwise", exact(Perf.OK));
  private static final Choice ROUNDED =
      new Choice("elementwise", new Support.Native(Perf.OK, Numerics.STRICT));
  private static final Choice LOOP = new Choice("host loop", exact(Perf.OK));

  private SdkOps() {}

  private static Support exact(Perf perf) {
    return new Support.Native(perf, Numerics.EXACT);
  }

  /** The SDK's way to run an op, or null if a provider is asked. */
  static @Nullable Choice of(Op op) {
    return switch (op) {
      case CoreOp.Iota o -> CONSTANT;
      case CoreOp.Fill o -> CONSTANT;
      case CoreOp.View o -> ALIAS;
      case CoreOp.Permute o -> ALIAS;
      case CoreOp.Expand o -> ALIAS;
      case CoreOp.Bitcast o -> ALIAS;
      case CoreOp.Slice o -> o.dynamic().isEmpty() ? ALIAS : BOX;
      case CoreOp.Update o -> BOX;
      case CoreOp.Unary o -> ROUNDED;
      case CoreOp.Binary o -> ROUNDED;
      case CoreOp.Compare o -> EXACT;
      case CoreOp.Select o -> EXACT;
      case CoreOp.Cast o -> EXACT;
      case CoreOp.Loop o -> LOOP;
      default -> null;
    };
  }
}
