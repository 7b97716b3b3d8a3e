package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Bindings: what fits runs, what does not is refused at the call or at submit, in one line. */
final class RunCases {
  private static final Dim.Sym T = new Dim.Sym("T", 2, 8, 2);

  /** What a case does with an executable of {@code y[T,3] = -x[T,3]}. */
  @FunctionalInterface
  private interface OnExecutable {
    void run(Rig rig, Executable executable) throws Exception;
  }

  private RunCases() {}

  static void addTo(CaseList list) {
    refusals(list);
    dims(list);
    overlaps(list);
    reuse(list);
  }

  private static void negate(CaseList list, String name, Rule rule, OnExecutable body) {
    list.lifecycle(
        "run",
        name,
        rule,
        Opened.rig(r -> {
          Ops g = new Ops("negate");
          Value x = g.tensor("x", TensorType.of(DType.F32, T, Dim.of(3)));
          g.output("y", g.unary(CoreOp.UnaryKind.NEG, x));
          try (Executable e = r.device.compile(g.build(), CompileOptions.DEFAULT)) {
            body.run(r, e);
          }
        }));
  }

  private static View rows(Buffer buffer, long offset) {
    return new View(buffer, offset, TensorType.of(DType.F32, T, Dim.of(3)));
  }

  private static void refusals(CaseList list) {
    bad(list, "dtype", b -> new View(b, 0, TensorType.of(DType.I32, T, Dim.of(3))));
    bad(list, "rank", b -> new View(b, 0, TensorType.of(DType.F32, T)));
    bad(list, "constant-axis", b -> new View(b, 0, TensorType.of(DType.F32, T, Dim.of(4))));
    bad(list, "size-out-of-range", b -> new View(b, 0, TensorType.of(DType.F32, 10, 3)));
    bad(list, "size-not-a-multiple", b -> new View(b, 0, TensorType.of(DType.F32, 3, 3)));
    bad(
        list,
        "layout",
        b ->
            new View(
                b,
                0,
                new TensorType(
                    DType.F32, Shape.of(T, Dim.of(3)), new Layout.Strided(List.of(4L, 1L)))));
    bad(
        list,
        "other-symbol",
        b -> new View(b, 0, TensorType.of(DType.F32, Dim.sym("U", 2, 8), Dim.of(3))));
    negate(
        list,
        "no-such-slot",
        Rule.ERRORS,
        (r, e) -> {
          View v = rows(r.buffer(96), 0);
          Check.failsWith(InvalidProgram.class, "slot 2", () -> e.newBindings().tensor(2, v));
          Check.failsWith(InvalidProgram.class, "slot -1", () -> e.newBindings().tensor(-1, v));
        });
    negate(
        list,
        "unbound-slot",
        Rule.ERRORS,
        (r, e) -> {
          Bindings b = e.newBindings().tensor(0, rows(r.buffer(96), 0)).dim(0, 8);
          Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, b)));
        });
    negate(
        list,
        "buffer-too-small",
        Rule.ERRORS,
        (r, e) -> {
          Bindings b = bound(r, e, 95, 96);
          b.dim(0, 6);
          r.run(new Command.Run(e, b));
          b.dim(0, 8);
          Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, b)));
        });
    negate(
        list,
        "offset-past-what-fits",
        Rule.ERRORS,
        (r, e) -> {
          Bindings b = e.newBindings().dim(0, 8);
          b.tensor(0, rows(r.buffer(96), 4)).tensor(1, rows(r.buffer(96), 0));
          Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, b)));
        });
    negate(
        list,
        "bindings-of-another-executable",
        Rule.ERRORS,
        (r, e) -> {
          try (Executable other = Opened.negate(r.device, 3)) {
            Bindings b = other.newBindings();
            b.tensor(0, LifetimeCases.f32(r.buffer(12), 3));
            b.tensor(1, LifetimeCases.f32(r.buffer(12), 3));
            Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, b)));
          }
        });
    negate(
        list,
        "closed-buffer",
        Rule.LIFETIME,
        (r, e) -> {
          Buffer closed = r.buffer(96);
          closed.close();
          Check.failsWith(
              IllegalStateException.class,
              "use of a closed buffer",
              () -> {
                Bindings b = e.newBindings().dim(0, 2);
                b.tensor(0, rows(closed, 0)).tensor(1, rows(r.buffer(96), 0));
                r.run(new Command.Run(e, b));
              });
        });
    negate(
        list,
        "slot-by-name",
        Rule.ERRORS,
        (r, e) -> {
          Check.equal("slot of x", 0, e.slot("x"));
          Check.equal("slot of y", 1, e.slot("y"));
          Check.failsWith(IllegalArgumentException.class, "slot z", () -> e.slot("z"));
        });
  }

  private static Bindings bound(Rig r, Executable e, long in, long out) throws BackendException {
    return e.newBindings().tensor(0, rows(r.buffer(in), 0)).tensor(1, rows(r.buffer(out), 0));
  }

  /** Makes a view that does not fit x. */
  @FunctionalInterface
  private interface BadView {
    View make(Buffer buffer);
  }

  private static void bad(CaseList list, String name, BadView view) {
    negate(
        list,
        "bad-view," + name,
        Rule.ERRORS,
        (r, e) -> {
          View v = view.make(r.buffer(512));
          Check.failsWith(InvalidProgram.class, name, () -> e.newBindings().tensor(0, v));
          InvalidProgram out =
              Check.failsWith(InvalidProgram.class, name, () -> e.newBindings().tensor(1, v));
          Check.that(
              String.valueOf(out.getMessage()).matches(".*\\by\\b.*"),
              "bind: expected the slot's name in the message, got '%s'",
              out.getMessage());
        });
  }

  private static void dims(CaseList list) {
    for (long value : new long[] {0, 10, 3, -2, Long.MAX_VALUE}) {
      negate(
          list,
          "dim-refused," + value,
          Rule.ERRORS,
          (r, e) ->
              Check.failsWith(
                  InvalidProgram.class, "dim", () -> bound(r, e, 96, 96).dim(0, value)));
    }
    negate(
        list,
        "no-such-dim",
        Rule.ERRORS,
        (r, e) -> {
          Check.failsWith(InvalidProgram.class, "dim 1", () -> e.newBindings().dim(1, 2));
          Check.failsWith(InvalidProgram.class, "dim -1", () -> e.newBindings().dim(-1, 2));
        });
    negate(
        list,
        "dim-not-set",
        Rule.ERRORS,
        (r, e) -> {
          Bindings b = bound(r, e, 96, 96);
          Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, b)));
        });
    negate(
        list,
        "constants-that-the-symbol-admits",
        Rule.STRUCTURE,
        (r, e) -> {
          TensorType four = TensorType.of(DType.F32, 4, 3);
          Buffer y = r.buffer(48);
          Bindings b = e.newBindings().dim(0, 4);
          b.tensor(0, new View(r.buffer(ones(12)), 0, four)).tensor(1, new View(y, 0, four));
          r.run(new Command.Run(e, b));
          expectAll(r.download(y), 0, 12, -1);
        });
    negate(
        list,
        "constants-that-differ-from-the-dim",
        Rule.ERRORS,
        (r, e) -> {
          TensorType four = TensorType.of(DType.F32, 4, 3);
          Check.failsWith(
              InvalidProgram.class,
              "run",
              () -> {
                Bindings b = e.newBindings().dim(0, 6);
                b.tensor(0, new View(r.buffer(96), 0, four)).tensor(1, rows(r.buffer(96), 0));
                r.run(new Command.Run(e, b));
              });
        });
    negate(
        list,
        "writes-only-as-far-as-the-dim",
        Rule.STRUCTURE,
        (r, e) -> {
          Buffer y = r.buffer(new byte[96]);
          Bindings b = e.newBindings().dim(0, 2);
          b.tensor(0, rows(r.buffer(ones(24)), 0)).tensor(1, rows(y, 0));
          r.run(new Command.Run(e, b));
          byte[] got = r.download(y);
          expectAll(got, 0, 6, -1);
          expectAll(got, 6, 24, 0);
        });
  }

  private static void overlaps(CaseList list) {
    negate(
        list,
        "overlap,output-is-input",
        Rule.ERRORS,
        (r, e) -> {
          Buffer b = r.buffer(96);
          Bindings args = e.newBindings().tensor(0, rows(b, 0)).tensor(1, rows(b, 0)).dim(0, 8);
          Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, args)));
        });
    negate(
        list,
        "overlap,output-reaches-into-input",
        Rule.ERRORS,
        (r, e) -> {
          Buffer b = r.buffer(256);
          Bindings args = e.newBindings().tensor(0, rows(b, 0)).tensor(1, rows(b, 48)).dim(0, 8);
          Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, args)));
          args.dim(0, 4);
          r.run(new Command.Run(e, args));
        });
    list.lifecycle(
        "run",
        "overlap,two-inputs-may",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          Ops g = new Ops("add");
          TensorType six = TensorType.of(DType.F32, 6);
          g.output("y", g.add(g.tensor("a", six), g.tensor("b", six)));
          try (Executable e = r.device.compile(g.build(), CompileOptions.DEFAULT)) {
            Buffer x = r.buffer(ones(8));
            Buffer y = r.buffer(24);
            Bindings b = e.newBindings().tensor(0, new View(x, 0, six));
            b.tensor(1, new View(x, 8, six)).tensor(2, new View(y, 0, six));
            r.run(new Command.Run(e, b));
            expectAll(r.download(y), 0, 6, 2);
          }
        }));
    list.lifecycle(
        "run",
        "overlap,two-outputs-may-not",
        Rule.ERRORS,
        Opened.rig(r -> {
          Ops g = new Ops("two");
          TensorType six = TensorType.of(DType.F32, 6);
          Value x = g.tensor("x", six);
          g.output("y", g.unary(CoreOp.UnaryKind.NEG, x));
          g.output("z", g.unary(CoreOp.UnaryKind.ABS, x));
          try (Executable e = r.device.compile(g.build(), CompileOptions.DEFAULT)) {
            Buffer out = r.buffer(48);
            Bindings b = e.newBindings().tensor(0, new View(r.buffer(24), 0, six));
            b.tensor(1, new View(out, 0, six)).tensor(2, new View(out, 20, six));
            Check.failsWith(InvalidProgram.class, "run", () -> r.run(new Command.Run(e, b)));
          }
        }));
  }

  private static void reuse(CaseList list) {
    negate(
        list,
        "bindings-are-used-again-with-new-content",
        Rule.STRUCTURE,
        (r, e) -> {
          Buffer x = r.buffer(ones(24));
          Buffer y = r.buffer(96);
          Bindings b = e.newBindings().tensor(0, rows(x, 0)).tensor(1, rows(y, 0)).dim(0, 8);
          r.run(new Command.Run(e, b));
          expectAll(r.download(y), 0, 24, -1);
          r.upload(x, new byte[96]);
          r.run(new Command.Run(e, b));
          expectAll(r.download(y), 0, 24, -0.0f);
        });
    negate(
        list,
        "bindings-are-bound-anew",
        Rule.STRUCTURE,
        (r, e) -> {
          Buffer first = r.buffer(new byte[96]);
          Buffer second = r.buffer(new byte[96]);
          Bindings b = e.newBindings().dim(0, 8);
          b.tensor(0, rows(r.buffer(ones(24)), 0)).tensor(1, rows(first, 0));
          r.run(new Command.Run(e, b));
          b.tensor(1, rows(second, 0)).dim(0, 4);
          r.run(new Command.Run(e, b));
          expectAll(r.download(second), 0, 12, -1);
          expectAll(r.download(second), 12, 24, 0);
          expectAll(r.download(first), 0, 24, -1);
        });
    negate(
        list,
        "two-bindings-of-one-executable",
        Rule.STRUCTURE,
        (r, e) -> {
          Buffer y1 = r.buffer(new byte[96]);
          Buffer y2 = r.buffer(new byte[96]);
          Buffer x = r.buffer(ones(24));
          Bindings b1 = e.newBindings().tensor(0, rows(x, 0)).tensor(1, rows(y1, 0)).dim(0, 2);
          Bindings b2 = e.newBindings().tensor(0, rows(x, 0)).tensor(1, rows(y2, 0)).dim(0, 8);
          r.run(new Command.Run(e, b1));
          r.run(new Command.Run(e, b2));
          r.run(new Command.Run(e, b1));
          expectAll(r.download(y1), 0, 6, -1);
          expectAll(r.download(y1), 6, 24, 0);
          expectAll(r.download(y2), 0, 24, -1);
        });
  }

  private static byte[] ones(int n) {
    ByteBuffer b = ByteBuffer.allocate(4 * n).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < n; i++) {
      b.putFloat(1);
    }
    return b.array();
  }

  private static void expectAll(byte[] bytes, int from, int to, float expected) {
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = from; i < to; i++) {
      Check.equal("element " + i, expected, b.getFloat(4 * i));
    }
  }
}
