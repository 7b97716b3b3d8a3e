package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.Cap;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.CompileOptions.Guarantee;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.Slot;
import dev.lamina.spi.Support;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.Set;

/** Compilation: guarantees and dtypes as declared, signature, lowering, buckets, workspace. */
final class CompileCases {
  private CompileCases() {}

  static void addTo(CaseList list) {
    for (Guarantee guarantee : Guarantee.values()) {
      list.lifecycle(
          "compile",
          "guarantee-as-declared," + ElementwiseCases.name(guarantee),
          Rule.CAPABILITY,
          Opened.device(d -> guarantee(d, guarantee)));
    }
    for (DType dtype : DType.values()) {
      list.lifecycle(
          "compile",
          dtype.text(),
          "dtype-as-declared",
          Rule.CAPABILITY,
          context -> dtype(context.device(), dtype));
    }
    signature(list);
    list.lifecycle(
        "compile",
        "buckets-grow-and-stay-in-range",
        Rule.STRUCTURE,
        Opened.device(CompileCases::buckets));
    list.lifecycle(
        "compile",
        "a-graph-without-nodes",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          Ops g = new Ops("copy");
          g.output("y", g.tensor("x", TensorType.of(DType.U8, 3)));
          try (Executable e = r.device.compile(g.build(), CompileOptions.DEFAULT)) {
            var y = r.buffer(3);
            View x = Rig.bytes(r.buffer(new byte[] {1, 2, 3}));
            r.run(new Command.Run(e, e.newBindings().tensor(0, x).tensor(1, Rig.bytes(y))));
            Check.equal("last byte", (byte) 3, r.download(y)[2]);
          }
        }));
    list.lifecycle(
        "compile",
        "a-graph-without-outputs",
        Rule.STRUCTURE,
        Opened.rig(r -> {
          Ops g = new Ops("nothing");
          g.tensor("x", TensorType.of(DType.U8, 3));
          try (Executable e = r.device.compile(g.build(), CompileOptions.DEFAULT)) {
            View x = Rig.bytes(r.buffer(3));
            r.run(new Command.Run(e, e.newBindings().tensor(0, x)));
          }
        }));
    for (boolean decompose : new boolean[] {false, true}) {
      CompileOptions options = new CompileOptions(decompose, !decompose, false, Set.of());
      list.lifecycle(
          "compile",
          decompose ? "core-ops-when-all-is-decomposed" : "core-ops-when-all-is-native",
          Rule.CAPABILITY,
          Opened.device(d -> d.compile(Opened.negate(3), options).close()));
    }
  }

  private static void guarantee(Device device, Guarantee guarantee) throws Exception {
    CompileOptions options = new CompileOptions(false, false, false, Set.of(guarantee));
    Cap cap = Cap.valueOf(guarantee.name());
    if (device.info().caps().contains(cap)) {
      device.compile(Opened.negate(3), options).close();
    } else {
      Check.failsWith(
          Unsupported.class, "compile", () -> device.compile(Opened.negate(3), options).close());
    }
  }

  /** Declared: an op of it compiles and runs. Not declared: compile refuses it. */
  private static Outcome dtype(Device device, DType dtype) throws Exception {
    Ops g = new Ops("pick");
    Value x = g.tensor("x", TensorType.of(dtype, 3, 2));
    g.output("y", g.concat(0, x, x));
    Graph graph = g.build();
    if (!device.info().dtypes().contains(dtype)) {
      Check.failsWith(
          Unsupported.class,
          "compile with " + dtype.text(),
          () -> device.compile(graph, CompileOptions.DEFAULT).close());
      return Outcome.EXACT;
    }
    try (Executable e = device.compile(graph, CompileOptions.DEFAULT);
        Rig r = new Rig(device)) {
      View in = new View(r.buffer(6L * dtype.bytes()), 0, TensorType.of(dtype, 3, 2));
      View out = new View(r.buffer(12L * dtype.bytes()), 0, TensorType.of(dtype, 6, 2));
      r.run(new Command.Run(e, e.newBindings().tensor(0, in).tensor(1, out)));
    }
    return Outcome.EXACT;
  }

  private static Graph twoLayers() {
    Ops g = new Ops("two");
    Value x = g.tensor("x", TensorType.of(DType.F32, Dim.sym("T", 1, 100), Dim.of(33)));
    Value w = g.tensor("w", TensorType.of(DType.F32, 33, 33));
    Value h = g.matmul(x, w, true, DType.F32);
    g.output("h", g.unary(CoreOp.UnaryKind.TANH, h));
    g.output("y", g.reduce(CoreOp.ReduceKind.SUM, g.matmul(h, w, false, DType.F32), 1));
    return g.build();
  }

  private static void signature(CaseList list) {
    list.lifecycle(
        "compile",
        "slots-are-inputs-then-outputs",
        Rule.STRUCTURE,
        Opened.device(d -> {
          try (Executable e = d.compile(twoLayers(), CompileOptions.DEFAULT)) {
            List<String> names = e.slots().stream().map(Slot::name).toList();
            Check.equal("slots", List.of("x", "w", "h", "y"), names);
            for (int i = 0; i < 4; i++) {
              Slot s = e.slots().get(i);
              Check.equal("ordinal", i, s.ordinal());
              Check.equal("kind", i < 2 ? Slot.Kind.INPUT : Slot.Kind.OUTPUT, s.kind());
              Check.equal("shares", -1, s.sharesInput());
            }
            Check.equal("dims", twoLayers().dims(), e.dims());
          }
        }));
    list.lifecycle(
        "compile",
        "lowering-names-every-kernel",
        Rule.CAPABILITY,
        Opened.device(d -> {
          try (Executable e = d.compile(twoLayers(), CompileOptions.DEFAULT)) {
            Check.that(!e.lowering().isEmpty(), "lowering: expected entries, got none");
            for (Lowering l : e.lowering()) {
              Check.that(
                  !l.op().isBlank()
                      && !l.kernel().isBlank()
                      && l.count() > 0
                      && !(l.support() instanceof Support.Never),
                  "lowering: expected op, kernel, count and support, got %s",
                  l);
            }
          }
        }));
    list.lifecycle(
        "compile",
        "workspace-is-bounded",
        Rule.STRUCTURE,
        Opened.device(d -> {
          try (Executable e = d.compile(twoLayers(), CompileOptions.DEFAULT)) {
            long small = e.workspaceBytes(new long[] {1});
            long large = e.workspaceBytes(new long[] {100});
            Check.that(
                small >= 0 && small <= large && large < 1L << 30,
                "workspace: expected 0 <= bytes of T=1 <= bytes of T=100, got %d and %d",
                small,
                large);
          }
        }));
    list.lifecycle(
        "compile",
        "compiles-are-counted",
        Rule.STRUCTURE,
        Opened.device(d -> {
          long before = d.stats().compiles();
          d.compile(twoLayers(), CompileOptions.DEFAULT).close();
          d.compile(twoLayers(), CompileOptions.DEFAULT).close();
          Check.equal("compiles", before + 2, d.stats().compiles());
        }));
  }

  private static void buckets(Device device) throws Exception {
    try (Executable e = device.compile(twoLayers(), CompileOptions.DEFAULT)) {
      long previous = 0;
      for (long t = 1; t <= 100; t++) {
        long[] values = {t};
        e.bucket(values);
        Check.that(
            values[0] >= t && values[0] <= 100 && values[0] >= previous,
            "bucket of T=%d: expected at least that, at most 100 and not shrinking, got %d",
            t,
            values[0]);
        previous = values[0];
        long[] again = values.clone();
        e.bucket(again);
        Check.equal("bucket of a bucket", values[0], again[0]);
      }
    }
  }
}
