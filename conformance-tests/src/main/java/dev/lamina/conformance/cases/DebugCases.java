package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.Elements;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Slot;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;

/** Program errors that a debug executable finds while it runs: they poison what the run signals. */
final class DebugCases {
  /** As the device runs it, with all checks. */
  static final CompileOptions DEBUG = new CompileOptions(false, false, true, Set.of());

  private DebugCases() {}

  static void addTo(CaseList list) {
    bad(list, "gather", "index-past-the-end", 9, 4, 9, (g, in) -> g.gather(in[0], in[1], 0));
    bad(
        list,
        "gather",
        "index-far-past-the-end",
        9,
        4,
        1 << 30,
        (g, in) -> g.gather(in[0], in[1], 0));
    for (CoreOp.ScatterKind kind : CoreOp.ScatterKind.values()) {
      String op = "scatter_" + ElementwiseCases.name(kind);
      bad(
          list,
          op,
          "index-past-the-end",
          9,
          1,
          9,
          (g, in) -> g.scatter(kind, in[0], in[1], in[2], 0));
    }
    bad(
        list,
        "scatter_set",
        "duplicate-index",
        9,
        2,
        5,
        (g, in) -> g.scatter(CoreOp.ScatterKind.SET, in[0], in[1], in[2], 0));
    bad(
        list,
        "slice",
        "box-past-the-end",
        9,
        0,
        7,
        (g, in) -> g.sliceAt(in[0], 0, in[1], Dim.of(3)));
    bad(
        list,
        "slice",
        "box-before-the-start",
        9,
        0,
        -1,
        (g, in) -> g.sliceAt(in[0], 0, in[1], Dim.of(3)));
    bad(
        list,
        "update",
        "box-past-the-end",
        9,
        0,
        8,
        (g, in) ->
            g.add(
                new CoreOp.Update(List.of(Dim.of(0), Dim.of(0)), List.of(0)), in[0], in[2], in[1]));
    fine(list);
  }

  /**
   * A graph of x [rows, 3], an index (a scalar if {@code indices} is 0) that holds {@code index}
   * everywhere, and updates of as many rows, two for a scalar.
   */
  private static void bad(
      CaseList list,
      String op,
      String name,
      int rows,
      int indices,
      int index,
      BiFunction<Ops, Value[], Value> body) {
    list.op(
        op,
        "f32",
        "debug," + name,
        Rule.R8,
        context -> {
          Device device = context.device();
          Ops g = new Ops("debug");
          Value[] in = inputs(g, rows, indices);
          g.output("out", body.apply(g, in));
          try (Executable executable = device.compile(g.build(), DEBUG);
              Rig rig = new Rig(device)) {
            Command run = new Command.Run(executable, bind(rig, executable, index));
            InvalidProgram error = Check.failsWith(InvalidProgram.class, op, () -> rig.run(run));
            Check.that(
                error.deviceUsable(), "a program error must leave the device usable: %s", error);
          }
          return Outcome.EXACT;
        });
  }

  private static Value[] inputs(Ops g, int rows, int indices) {
    TensorType index =
        indices == 0 ? TensorType.of(DType.I32, Shape.SCALAR) : TensorType.of(DType.I32, indices);
    return new Value[] {
      g.tensor("x", TensorType.of(DType.F32, rows, 3)),
      g.tensor("index", index),
      g.tensor("upd", TensorType.of(DType.F32, indices == 0 ? 2 : indices, 3))
    };
  }

  private static Bindings bind(Rig rig, Executable executable, int index) throws Exception {
    Bindings bindings = executable.newBindings();
    for (Slot slot : executable.slots()) {
      TensorType type = (TensorType) slot.type();
      byte[] content = new byte[(int) type.byteSize()];
      for (int i = 0; type.dtype() == DType.I32 && i < content.length; i += 4) {
        Elements.write(content, i, DType.I32, index);
      }
      bindings.tensor(slot.ordinal(), new View(rig.buffer(content), 0, type));
    }
    return bindings;
  }

  /** Padding and the last legal index are no errors. */
  private static void fine(CaseList list) {
    list.graph(
        "gather",
        "f32",
        "9x3",
        "debug,legal-indices",
        g -> {
          g.options = DEBUG;
          Value x = g.in(Regime.NORMAL, DType.F32, 9, 3);
          Value idx = g.in(Source.cycle(8, -1, 0, Integer.MIN_VALUE), DType.I32, 4);
          Value upd = g.in(Regime.NORMAL, DType.F32, 4, 3);
          g.out(g.ops.gather(x, idx, 0), g.ops.scatter(CoreOp.ScatterKind.SET, x, idx, upd, 0));
        },
        Rule.R8);
  }
}
