package dev.lamina.spi.ir;

import static dev.lamina.spi.ir.Rules.arity;
import static dev.lamina.spi.ir.Rules.isFloat;
import static dev.lamina.spi.ir.Rules.need;
import static dev.lamina.spi.ir.Rules.tensor;

import java.util.List;

/** Shape and dtype rules of mixtures of experts. */
final class ExpertRules {
  private ExpertRules() {}

  static List<ValueType> route(CompositeOp.MoeRoute o, List<ValueType> in) {
    arity(o, in, o.biased() ? 2 : 1);
    TensorType logits = tensor(o, in, 0);
    isFloat(o, logits);
    boolean shaped = logits.shape().rank() == 2 && logits.shape().dim(1) instanceof Dim.Const;
    need(o, shaped, "logits[T, E] of a constant number of experts", logits);
    long experts = logits.shape().dim(1).upperBound();
    boolean divides = o.groups() >= 1 && experts % o.groups() == 0;
    need(o, divides, "groups that divide " + experts + " experts", o.groups());
    boolean some = o.topkGroups() >= 1 && o.topkGroups() <= o.groups();
    need(o, some, "1 to " + o.groups() + " groups to stay", o.topkGroups());
    long each = experts / o.groups();
    boolean enough = o.k() >= 1 && o.k() <= each * o.topkGroups();
    need(o, enough, "1 to " + each * o.topkGroups() + " experts a token", o.k());
    boolean pairs = o.groups() == 1 || o.groupScore() == CompositeOp.GroupScore.MAX || each >= 2;
    need(o, pairs, "groups of at least 2 experts to sum two keys", each);
    if (o.biased()) {
      TensorType b = tensor(o, in, 1);
      boolean fits = b.dtype().isFloat() && b.shape().equals(Shape.of(experts));
      need(o, fits, "a float bias of " + experts, b);
    }
    Dim t = logits.shape().dim(0);
    return List.of(
        TensorType.of(DType.I32, t, Dim.of(o.k())), TensorType.of(DType.F32, t, Dim.of(o.k())));
  }

  static List<ValueType> linear(CompositeOp.MoeLinear o, List<ValueType> in) {
    arity(o, in, o.biased() ? 4 : 3);
    TensorType x = tensor(o, in, 0);
    TensorType ids = tensor(o, in, 2);
    isFloat(o, x);
    need(o, o.out().isFloat(), "a float result", o.out());
    if (!(in.get(1) instanceof TensorType w)
        || w.shape().rank() != 3
        || !(w.isBlocked() || w.dtype().isFloat())) {
      throw new GraphException(
          o.mnemonic() + ": expected plain float or blocked w[E, N, K], got " + in.get(1));
    }
    boolean constant = w.shape().dims().stream().allMatch(d -> d instanceof Dim.Const);
    need(o, constant, "w[E, N, K] of constant sizes", w);
    boolean chosen =
        ids.dtype() == DType.I32
            && ids.shape().rank() == 2
            && ids.shape().dim(1) instanceof Dim.Const;
    need(o, chosen, "ids i32[T, k]", ids);
    Dim t = ids.shape().dim(0);
    Dim k = ids.shape().dim(1);
    Dim depth = w.shape().dim(2);
    boolean fits = x.shape().equals(Shape.of(t, depth)) || x.shape().equals(Shape.of(t, k, depth));
    need(o, fits, "x[%s, %s] or x[%s, %s, %s]".formatted(t, depth, t, k, depth), x);
    if (o.biased()) {
      TensorType b = tensor(o, in, 3);
      Shape wanted = Shape.of(w.shape().dim(0), w.shape().dim(1));
      need(
          o, b.dtype().isFloat() && b.shape().equals(wanted), "a float bias of shape " + wanted, b);
    }
    return List.of(TensorType.of(o.out(), t, k, w.shape().dim(1)));
  }
}
