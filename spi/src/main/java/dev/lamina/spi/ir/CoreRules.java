package dev.lamina.spi.ir;

import static dev.lamina.spi.ir.Rules.arity;
import static dev.lamina.spi.ir.Rules.axis;
import static dev.lamina.spi.ir.Rules.need;
import static dev.lamina.spi.ir.Rules.scalarIndex;
import static dev.lamina.spi.ir.Rules.tensor;

import java.util.ArrayList;
import java.util.List;

/** Shape and dtype rules of the core ops. */
final class CoreRules {
  private CoreRules() {}

  static List<ValueType> infer(CoreOp op, List<ValueType> in) {
    return switch (op) {
      case CoreOp.Iota o -> {
        arity(op, in, 0);
        axis(op, o.dim(), o.shape());
        need(op, o.dtype() != DType.BOOL, "a number dtype", o.dtype());
        yield one(o.dtype(), o.shape());
      }
      case CoreOp.Fill o -> {
        arity(op, in, 0);
        yield one(o.value().dtype(), o.shape());
      }
      case CoreOp.View o -> {
        TensorType x = single(op, in);
        need(op, x.shape().sameElements(o.shape()), "as many elements as " + x, o.shape());
        yield one(x.dtype(), o.shape());
      }
      case CoreOp.Permute o -> permute(o, single(op, in));
      case CoreOp.Expand o -> expand(o, single(op, in));
      case CoreOp.Slice o -> slice(o, in);
      case CoreOp.Concat o -> concat(o, in);
      case CoreOp.Cast o -> one(o.dtype(), single(op, in).shape());
      case CoreOp.Bitcast o -> bitcast(o, in);
      case CoreOp.Unary o -> unary(o, single(op, in));
      case CoreOp.Binary o -> binary(o, in);
      case CoreOp.Compare o -> {
        TensorType a = samePair(op, in);
        yield one(DType.BOOL, a.shape());
      }
      case CoreOp.Select o -> select(o, in);
      case CoreOp.Reduce o -> reduce(o, single(op, in));
      case CoreOp.Argmax o -> {
        TensorType x = single(op, in);
        axis(op, o.dim(), x.shape());
        yield one(DType.I32, x.shape().replace(o.dim(), List.of()));
      }
      case CoreOp.Scan o -> {
        TensorType x = single(op, in);
        axis(op, o.dim(), x.shape());
        need(op, x.dtype() != DType.BOOL, "numbers", x);
        yield one(x.dtype(), x.shape());
      }
      case CoreOp.Matmul o -> matmul(o, in);
      case CoreOp.Gather o -> gather(o, in);
      case CoreOp.Scatter o -> scatter(o, in);
      case CoreOp.Update o -> update(o, in);
      case CoreOp.Topk o -> topk(o, single(op, in));
      case CoreOp.Loop o -> loop(o, in);
    };
  }

  private static List<ValueType> one(DType dtype, Shape shape) {
    return List.of(TensorType.of(dtype, shape));
  }

  private static TensorType single(Op op, List<ValueType> in) {
    arity(op, in, 1);
    return tensor(op, in, 0);
  }

  private static TensorType samePair(Op op, List<ValueType> in) {
    arity(op, in, 2);
    TensorType a = tensor(op, in, 0);
    TensorType b = tensor(op, in, 1);
    need(op, a.dtype() == b.dtype() && a.shape().equals(b.shape()), "two operands like " + a, b);
    return a;
  }

  private static List<ValueType> permute(CoreOp.Permute o, TensorType x) {
    int rank = x.shape().rank();
    boolean[] seen = new boolean[rank];
    need(o, o.perm().size() == rank, "a permutation of " + rank + " axes", o.perm());
    List<Dim> dims = new ArrayList<>();
    for (int p : o.perm()) {
      need(o, p >= 0 && p < rank && !seen[p], "a permutation of " + rank + " axes", o.perm());
      seen[p] = true;
      dims.add(x.shape().dim(p));
    }
    return one(x.dtype(), new Shape(dims));
  }

  private static List<ValueType> expand(CoreOp.Expand o, TensorType x) {
    need(o, x.shape().rank() == o.shape().rank(), "rank " + x.shape().rank(), o.shape());
    for (int i = 0; i < x.shape().rank(); i++) {
      Dim from = x.shape().dim(i);
      boolean fits = from.equals(o.shape().dim(i)) || from.equals(Dim.of(1));
      need(o, fits, "axis " + i + " of " + x + " to be 1 or equal", o.shape());
    }
    return one(x.dtype(), o.shape());
  }

  private static List<ValueType> slice(CoreOp.Slice o, List<ValueType> in) {
    arity(o, in, 1 + o.dynamic().size());
    TensorType x = tensor(o, in, 0);
    int rank = x.shape().rank();
    boolean ranks = o.start().size() == rank && o.size().size() == rank && o.step().size() == rank;
    need(o, ranks, rank + " starts, sizes and steps", o);
    checkDynamic(o, o.dynamic(), in, 1, rank);
    for (int i = 0; i < rank; i++) {
      need(o, o.step().get(i) >= 1, "steps of at least 1", o.step());
      if (o.start().get(i) instanceof Dim.Const s
          && o.size().get(i) instanceof Dim.Const n
          && x.shape().dim(i) instanceof Dim.Const d
          && !o.dynamic().contains(i)
          && n.value() > 0) {
        long end = s.value() + (n.value() - 1) * o.step().get(i) + 1;
        need(o, end <= d.value(), "a box inside axis " + i + " of " + x, "end " + end);
      }
    }
    return one(x.dtype(), new Shape(o.size()));
  }

  private static void checkDynamic(
      Op op, List<Integer> dynamic, List<ValueType> in, int first, int rank) {
    int previous = -1;
    for (int i = 0; i < dynamic.size(); i++) {
      int axis = dynamic.get(i);
      need(op, axis > previous && axis < rank, "ascending dynamic axes below " + rank, dynamic);
      previous = axis;
      scalarIndex(op, tensor(op, in, first + i));
    }
  }

  private static List<ValueType> concat(CoreOp.Concat o, List<ValueType> in) {
    need(o, !in.isEmpty(), "at least one operand", "none");
    TensorType first = tensor(o, in, 0);
    axis(o, o.dim(), first.shape());
    long sum = 0;
    for (int i = 0; i < in.size(); i++) {
      TensorType x = tensor(o, in, i);
      boolean like =
          x.dtype() == first.dtype()
              && x.shape().rank() == first.shape().rank()
              && x.shape().with(o.dim(), Dim.of(0)).equals(first.shape().with(o.dim(), Dim.of(0)));
      need(o, like, "operands like " + first + " but for axis " + o.dim(), x);
      if (!(x.shape().dim(o.dim()) instanceof Dim.Const c)) {
        throw new GraphException("concat: expected a constant axis " + o.dim() + ", got " + x);
      }
      sum += c.value();
    }
    return one(first.dtype(), first.shape().with(o.dim(), Dim.of(sum)));
  }

  private static List<ValueType> bitcast(CoreOp.Bitcast o, List<ValueType> in) {
    arity(o, in, 1);
    if (!(in.getFirst() instanceof TensorType x)) {
      throw new GraphException("bitcast: expected a tensor, got " + in.getFirst());
    }
    if (x.layout() instanceof Layout.Blocked b) {
      need(o, o.dtype() == DType.U8, "u8 from a blocked tensor", o.dtype());
      long k = ((Dim.Const) x.shape().dim(-1)).value();
      long bytes = k / b.format().elements() * b.format().bytes();
      return one(DType.U8, x.shape().with(x.shape().rank() - 1, Dim.of(bytes)));
    }
    int from = x.dtype().bytes();
    int to = o.dtype().bytes();
    if (from == to) {
      return one(o.dtype(), x.shape());
    }
    if (x.dtype() == DType.U8 && x.shape().rank() > 0 && x.shape().dim(-1).equals(Dim.of(to))) {
      return one(o.dtype(), x.shape().replace(x.shape().rank() - 1, List.of()));
    }
    need(o, o.dtype() == DType.U8, "equal widths, or u8[.., width] on one side", x);
    List<Dim> dims = new ArrayList<>(x.shape().dims());
    dims.add(Dim.of(from));
    return one(DType.U8, new Shape(dims));
  }

  private static List<ValueType> unary(CoreOp.Unary o, TensorType x) {
    DType d = x.dtype();
    boolean ok =
        switch (o.kind()) {
          case NEG, ABS -> d.isFloat() || d.isSigned();
          case NOT -> d.isInteger() || d == DType.BOOL;
          case EXP, LOG, SQRT, RSQRT, RECIP, TANH, SIGMOID, ERF, SIN, COS, FLOOR, ROUND ->
              d.isFloat();
        };
    need(o, ok, "a dtype that " + o.kind() + " takes", x);
    return one(d, x.shape());
  }

  private static List<ValueType> binary(CoreOp.Binary o, List<ValueType> in) {
    TensorType a = samePair(o, in);
    DType d = a.dtype();
    boolean ok =
        switch (o.kind()) {
          case ADD, SUB, MUL, DIV, REM, MAX, MIN -> d != DType.BOOL;
          case POW -> d.isFloat();
          case AND, OR, XOR -> d.isInteger() || d == DType.BOOL;
          case SHL, SHR -> d.isInteger();
        };
    need(o, ok, "a dtype that " + o.kind() + " takes", a);
    return one(d, a.shape());
  }

  private static List<ValueType> select(CoreOp.Select o, List<ValueType> in) {
    arity(o, in, 3);
    TensorType p = tensor(o, in, 0);
    TensorType a = tensor(o, in, 1);
    TensorType b = tensor(o, in, 2);
    need(o, p.dtype() == DType.BOOL && p.shape().equals(a.shape()), "bool" + a.shape(), p);
    need(o, a.dtype() == b.dtype() && a.shape().equals(b.shape()), "two operands like " + a, b);
    return one(a.dtype(), a.shape());
  }

  private static List<ValueType> reduce(CoreOp.Reduce o, TensorType x) {
    need(o, x.dtype() != DType.BOOL, "numbers", x);
    List<Dim> dims = new ArrayList<>();
    int previous = -1;
    for (int d : o.dims()) {
      need(o, d > previous && d < x.shape().rank(), "ascending axes of " + x, o.dims());
      previous = d;
    }
    for (int i = 0; i < x.shape().rank(); i++) {
      if (!o.dims().contains(i)) {
        dims.add(x.shape().dim(i));
      }
    }
    return one(x.dtype(), new Shape(dims));
  }

  private static List<ValueType> matmul(CoreOp.Matmul o, List<ValueType> in) {
    arity(o, in, 2);
    TensorType a = tensor(o, in, 0);
    TensorType b = tensor(o, in, 1);
    int rank = a.shape().rank();
    need(
        o, a.dtype().isFloat() && b.dtype().isFloat() && o.out().isFloat(), "floats", a + ", " + b);
    need(o, rank >= 2 && b.shape().rank() == rank, "equal ranks of at least 2", a + ", " + b);
    Dim k = b.shape().dim(o.transposeB() ? rank - 1 : rank - 2);
    Dim n = b.shape().dim(o.transposeB() ? rank - 2 : rank - 1);
    boolean batch =
        a.shape().dims().subList(0, rank - 2).equals(b.shape().dims().subList(0, rank - 2));
    need(o, batch && a.shape().dim(-1).equals(k), "equal batch axes and K", a + ", " + b);
    return one(o.out(), a.shape().with(rank - 1, n));
  }

  private static List<ValueType> gather(CoreOp.Gather o, List<ValueType> in) {
    arity(o, in, 2);
    TensorType x = tensor(o, in, 0);
    TensorType idx = tensor(o, in, 1);
    axis(o, o.dim(), x.shape());
    need(o, idx.dtype().isIndex(), "i32 or i64 indices", idx);
    return one(x.dtype(), x.shape().replace(o.dim(), idx.shape().dims()));
  }

  private static List<ValueType> scatter(CoreOp.Scatter o, List<ValueType> in) {
    arity(o, in, 3);
    TensorType x = tensor(o, in, 0);
    TensorType idx = tensor(o, in, 1);
    TensorType upd = tensor(o, in, 2);
    axis(o, o.dim(), x.shape());
    need(o, idx.dtype().isIndex(), "i32 or i64 indices", idx);
    Shape rows = x.shape().replace(o.dim(), idx.shape().dims());
    boolean fits = upd.dtype() == x.dtype() && upd.shape().equals(rows);
    need(o, fits, "updates " + x.dtype().text() + rows, upd);
    need(o, o.kind() == CoreOp.ScatterKind.SET || x.dtype() != DType.BOOL, "numbers to add", x);
    return one(x.dtype(), x.shape());
  }

  private static List<ValueType> update(CoreOp.Update o, List<ValueType> in) {
    arity(o, in, 2 + o.dynamic().size());
    TensorType x = tensor(o, in, 0);
    TensorType upd = tensor(o, in, 1);
    int rank = x.shape().rank();
    boolean fits = upd.dtype() == x.dtype() && upd.shape().rank() == rank;
    need(o, fits && o.start().size() == rank, rank + " starts and an update like " + x, upd);
    checkDynamic(o, o.dynamic(), in, 2, rank);
    return one(x.dtype(), x.shape());
  }

  private static List<ValueType> topk(CoreOp.Topk o, TensorType x) {
    axis(o, o.dim(), x.shape());
    long n = x.shape().dim(o.dim()).lowerBound();
    need(o, o.k() >= 0 && o.k() <= n, "0 <= k <= " + n, o.k());
    need(o, x.dtype() != DType.BOOL, "numbers", x);
    Shape shape = x.shape().with(o.dim(), Dim.of(o.k()));
    return List.of(TensorType.of(x.dtype(), shape), TensorType.of(DType.I32, shape));
  }

  private static List<ValueType> loop(CoreOp.Loop o, List<ValueType> in) {
    int first = o.count() == null ? 1 : 0;
    if (first == 1) {
      need(o, !in.isEmpty(), "a count operand", "none");
      scalarIndex(o, tensor(o, in, 0));
    }
    List<ValueType> passed = in.subList(first, in.size());
    need(o, o.carried() >= 0 && o.carried() <= passed.size(), "carried operands", o.carried());
    List<Graph.Input> inputs = o.body().inputs();
    need(o, inputs.size() == passed.size() + 1, passed.size() + 1 + " body inputs", inputs.size());
    need(
        o,
        inputs.getFirst().value().type().equals(TensorType.of(DType.I32, Shape.SCALAR)),
        "a scalar i32 index as first body input",
        inputs.getFirst().value());
    for (int i = 0; i < passed.size(); i++) {
      ValueType want = inputs.get(i + 1).value().type();
      need(o, want.equals(passed.get(i)), "operand " + i + " of type " + want, passed.get(i));
    }
    List<Graph.Output> outputs = o.body().outputs();
    need(o, outputs.size() == o.carried(), o.carried() + " body outputs", outputs.size());
    for (int i = 0; i < o.carried(); i++) {
      ValueType got = outputs.get(i).value().type();
      need(o, got.equals(passed.get(i)), "body output of type " + passed.get(i), got);
    }
    return List.copyOf(passed.subList(0, o.carried()));
  }
}
