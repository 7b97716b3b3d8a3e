package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Functions of elements, comparisons, selections and conversions. */
final class ElementwiseMutants {
  private ElementwiseMutants() {}

  static void addTo(MutantList list) {
    list.area("elementwise", "add/*", "mul/*", "neg/*");
    list.expression(
        "elementwise-ulp",
        "one unit too large",
        e -> true,
        Spoils.every(v -> Math.nextUp((float) v)));
    list.expression(
        "elementwise-flush", "subnormals become 0", e -> true, Spoils.every(Spoils::flush));
    list.expression(
        "elementwise-past-end", "a byte after the result", e -> true, Spoils::writePastTheEnd);
    list.expression(
        "elementwise-tail-lost",
        "the last element is 0 where there are more than 256",
        e -> true,
        args -> {
          if (args.out(0).elements() > 256) {
            Spoils.loseLast(args);
          }
        });
    functions(list);
    binaries(list);
    conversions(list);
  }

  private static Predicate<Expr> unary(UnaryKind kind) {
    return e -> e instanceof Expr.Unary u && u.kind() == kind && u.dtype() == DType.F32;
  }

  private static void function(
      MutantList list, UnaryKind kind, String name, String bug, DoubleUnaryOperator change) {
    list.area("functions", kind.name().toLowerCase(Locale.ROOT) + "/*");
    list.expression(name, bug, unary(kind), Spoils.every(change));
  }

  private static void functions(MutantList list) {
    double slightly = 1 + 0x1p-20;
    function(list, UnaryKind.EXP, "exp-8-ulp", "off by 8 to 16 units", v -> v * slightly);
    function(list, UnaryKind.EXP, "exp-saturates", "at most 1e30", v -> v > 1e30 ? 1e30 : v);
    function(list, UnaryKind.LOG, "log-8-ulp", "off by 8 to 16 units", v -> v * slightly);
    function(
        list,
        UnaryKind.LOG,
        "log-of-zero",
        "-inf is a finite number",
        v -> v == Double.NEGATIVE_INFINITY ? -103.97 : v);
    function(
        list,
        UnaryKind.TANH,
        "tanh-saturates-early",
        "1 above 0.99",
        v -> Math.abs(v) > 0.99 ? Math.signum(v) : v);
    function(
        list,
        UnaryKind.ERF,
        "erf-by-5-terms",
        "off by 1.5e-7",
        v -> Math.abs(v) < 0.999 ? v + 1.5e-7 : v);
    function(list, UnaryKind.SIN, "sin-scaled", "times 1.00001", v -> v * 1.00001);
    function(list, UnaryKind.COS, "cos-scaled", "times 1.00001", v -> v * 1.00001);
    function(list, UnaryKind.RSQRT, "rsqrt-estimate", "12 bits only", v -> v * (1 + 0x1p-12));
    function(list, UnaryKind.SIGMOID, "sigmoid-saturates", "0 below 1e-6", v -> v < 1e-6 ? 0 : v);
    list.area("functions", "round/*");
    list.rewrite(
        "round-half-up",
        "halves round up",
        node ->
            node instanceof Expr.Unary u && u.kind() == UnaryKind.ROUND && u.dtype() == DType.F32
                ? new Expr.Unary(
                    UnaryKind.FLOOR,
                    new Expr.Binary(BinaryKind.ADD, u.x(), new Expr.Constant(Scalar.f32(0.5))))
                : node);
    list.area("functions", "floor/*");
    list.rewrite(
        "floor-truncates",
        "floor cuts off towards zero",
        node ->
            node instanceof Expr.Unary u && u.kind() == UnaryKind.FLOOR
                ? new Expr.Unary(
                    UnaryKind.NEG,
                    new Expr.Unary(UnaryKind.FLOOR, new Expr.Unary(UnaryKind.NEG, u.x())))
                : node);
  }

  private static UnaryOperator<Expr> binary(BinaryKind kind, UnaryOperator<Expr> change) {
    return node ->
        node instanceof Expr.Binary b && b.kind() == kind && b.dtype().isFloat()
            ? change.apply(node)
            : node;
  }

  private static Expr select(Expr p, Expr a, Expr b) {
    return new Expr.Select(p, a, b);
  }

  private static void binaries(MutantList list) {
    list.area("elementwise", "max/*", "min/*");
    list.rewrite(
        "max-loses-nan",
        "max(a, b) is b where a is NaN",
        binary(
            BinaryKind.MAX,
            n -> {
              Expr.Binary m = (Expr.Binary) n;
              return select(new Expr.Compare(CompareKind.LT, m.b(), m.a()), m.a(), m.b());
            }));
    list.area("elementwise", "div/*");
    list.rewrite(
        "div-by-reciprocal",
        "a / b is a times a reciprocal of 16 bits",
        binary(
            BinaryKind.DIV,
            n -> {
              Expr.Binary d = (Expr.Binary) n;
              Expr r = new Expr.Unary(UnaryKind.RECIP, d.b());
              Expr rough = new Expr.Cast(new Expr.Cast(r, DType.BF16, false), d.dtype(), false);
              return new Expr.Binary(BinaryKind.MUL, d.a(), rough);
            }));
    list.area("elementwise", "sub/*");
    list.rewrite(
        "sub-swapped",
        "b - a",
        binary(
            BinaryKind.SUB,
            n -> new Expr.Binary(BinaryKind.SUB, ((Expr.Binary) n).b(), ((Expr.Binary) n).a())));
    list.area("elementwise", "le/*");
    list.rewrite(
        "le-without-equal",
        "less instead of less or equal",
        n ->
            n instanceof Expr.Compare c && c.kind() == CompareKind.LE
                ? new Expr.Compare(CompareKind.LT, c.a(), c.b())
                : n);
    list.area("elementwise", "lt/*", "le/*");
    list.rewrite(
        "lt-of-nan",
        "a < b as not (b <= a), true for NaN",
        n ->
            n instanceof Expr.Compare c && c.kind() == CompareKind.LT
                ? new Expr.Unary(UnaryKind.NOT, new Expr.Compare(CompareKind.LE, c.b(), c.a()))
                : n);
    list.area("elementwise", "shr/*");
    list.rewrite(
        "shr-doubled",
        "shifts once too far",
        n ->
            n instanceof Expr.Binary b && b.kind() == BinaryKind.SHR
                ? new Expr.Binary(
                    BinaryKind.SHR, n, new Expr.Constant(Scalar.integer(b.dtype(), 1)))
                : n);
  }

  private static void conversions(MutantList list) {
    list.area("select", "select/*");
    list.rewrite(
        "select-by-arithmetic",
        "p a + (1 - p) b, so that a NaN not selected shows",
        n -> n instanceof Expr.Select s && s.dtype().isFloat() ? blend(s) : n);
    list.rewrite(
        "select-swapped",
        "a where p is false",
        n -> n instanceof Expr.Select s ? new Expr.Select(s.p(), s.b(), s.a()) : n);
    list.area("cast", "cast/*");
    list.rewrite(
        "cast-f16-through-bf16",
        "to F16 by way of BF16",
        n ->
            n instanceof Expr.Cast c && c.dtype() == DType.F16 && c.x().dtype() == DType.F32
                ? new Expr.Cast(new Expr.Cast(c.x(), DType.BF16, false), DType.F16, false)
                : n);
    list.expression(
        "cast-bf16-up",
        "BF16 results one unit away from zero",
        e -> e instanceof Expr.Cast c && c.dtype() == DType.BF16,
        Spoils.every(v -> Float.intBitsToFloat(Float.floatToRawIntBits((float) v) + 0x10000)));
    list.rewrite(
        "cast-rounds-to-nearest",
        "float to integer rounds instead of cutting off",
        n ->
            n instanceof Expr.Cast c
                    && c.dtype().isInteger()
                    && c.x().dtype().isFloat()
                    && c.dtype() != DType.BOOL
                ? new Expr.Cast(new Expr.Unary(UnaryKind.ROUND, c.x()), c.dtype(), c.sat())
                : n);
    list.rewrite(
        "cast-does-not-saturate",
        "wraps where it should saturate",
        n -> n instanceof Expr.Cast c && c.sat() ? new Expr.Cast(c.x(), c.dtype(), false) : n);
    list.rewrite(
        "cast-f8-saturates-late",
        "to F8 by way of F16",
        n ->
            n instanceof Expr.Cast c && c.dtype() == DType.F8E4M3 && c.x().dtype() == DType.F32
                ? new Expr.Cast(new Expr.Cast(c.x(), DType.F16, false), DType.F8E4M3, c.sat())
                : n);
  }

  private static Expr blend(Expr.Select s) {
    Expr p = new Expr.Cast(s.p(), s.dtype(), false);
    Expr q = new Expr.Cast(new Expr.Unary(UnaryKind.NOT, s.p()), s.dtype(), false);
    return new Expr.Binary(
        BinaryKind.ADD,
        new Expr.Binary(BinaryKind.MUL, p, s.a()),
        new Expr.Binary(BinaryKind.MUL, q, s.b()));
  }
}
