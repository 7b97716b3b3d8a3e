package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Expr;
import java.util.function.UnaryOperator;

/** Changes fused expressions node by node. */
final class Rewrites {
  private Rewrites() {}

  static Expr bottomUp(Expr e, UnaryOperator<Expr> node) {
    return node.apply(
        switch (e) {
          case Expr.Input i -> i;
          case Expr.Constant c -> c;
          case Expr.Unary u -> new Expr.Unary(u.kind(), bottomUp(u.x(), node));
          case Expr.Binary b ->
              new Expr.Binary(b.kind(), bottomUp(b.a(), node), bottomUp(b.b(), node));
          case Expr.Compare c ->
              new Expr.Compare(c.kind(), bottomUp(c.a(), node), bottomUp(c.b(), node));
          case Expr.Select s ->
              new Expr.Select(bottomUp(s.p(), node), bottomUp(s.a(), node), bottomUp(s.b(), node));
          case Expr.Cast c -> new Expr.Cast(bottomUp(c.x(), node), c.dtype(), c.sat());
        });
  }
}
