package dev.lamina.spi.ir;

import static dev.lamina.spi.ir.Rules.arity;
import static dev.lamina.spi.ir.Rules.is;
import static dev.lamina.spi.ir.Rules.isFloat;
import static dev.lamina.spi.ir.Rules.need;
import static dev.lamina.spi.ir.Rules.state;
import static dev.lamina.spi.ir.Rules.tensor;

import java.util.List;

/** Shape and dtype rules of attention over latents and of the choice of its positions. */
final class LatentRules {
  private LatentRules() {}

  static List<ValueType> attention(CompositeOp.MlaAttention o, List<ValueType> in) {
    arity(o, in, o.selected() ? 6 : 5);
    TensorType q = tensor(o, in, 0);
    isFloat(o, q);
    need(o, q.shape().rank() == 3, "q[T, heads, width]", q);
    int width = width(o, state(o, in, 1).spec().entry("latent", o.layer()));
    need(o, q.shape().dim(2).equals(Dim.of(width)), "q[.., .., " + width + "]", q);
    need(o, o.rank() >= 1 && o.rank() <= width, "a rank of 1 to " + width, o.rank());
    Rules.sequences(o, tensor(o, in, 2), tensor(o, in, 3), tensor(o, in, 4));
    if (o.selected()) {
      TensorType select = tensor(o, in, 5);
      boolean rows = select.dtype() == DType.I32 && select.shape().rank() == 2;
      boolean fits = rows && select.shape().dim(0).equals(q.shape().dim(0));
      need(o, fits, "select i32[%s, k]".formatted(q.shape().dim(0)), select);
    }
    return List.of(TensorType.of(q.dtype(), q.shape().with(2, Dim.of(o.rank()))));
  }

  static List<ValueType> topk(CompositeOp.IndexTopk o, List<ValueType> in) {
    arity(o, in, 6);
    TensorType q = tensor(o, in, 0);
    isFloat(o, q);
    need(o, q.shape().rank() == 3, "q[T, heads, width]", q);
    is(o, tensor(o, in, 1), DType.F32, q.shape().dim(0), q.shape().dim(1));
    int width = width(o, state(o, in, 2).spec().entry("index", o.layer()));
    need(o, q.shape().dim(2).equals(Dim.of(width)), "q[.., .., " + width + "]", q);
    need(o, o.k() >= 1, "at least 1 position", o.k());
    Rules.sequences(o, tensor(o, in, 3), tensor(o, in, 4), tensor(o, in, 5));
    return List.of(TensorType.of(DType.I32, q.shape().dim(0), Dim.of(o.k())));
  }

  private static int width(Op o, StateSpec.Entry entry) {
    boolean one = entry.shape().size() == 2 && entry.shape().getFirst() == 1;
    need(o, one, "an entry [1, width]", entry);
    return entry.shape().getLast();
  }
}
