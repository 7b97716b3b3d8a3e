package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;

/** Weights and pools of state: made, bound, refused, given back. */
final class WeightCases {
  private static final WeightSpec SPEC =
      new WeightSpec("w", TensorType.of(DType.F32, 3), Set.of(WeightSpec.Use.PLAIN));

  private WeightCases() {}

  /** A weight of three F32 zeros. */
  static Weight weight(Device device) throws BackendException {
    return device.loadWeight(SPEC, Arena.ofAuto().allocate(12));
  }

  /** A pool of four pages of 16 tokens. */
  static State pool(Device device) throws BackendException {
    return device.allocateState(device.chooseStateLayout(spec()), 64);
  }

  private static StateSpec spec() {
    return new StateSpec(
        "kv",
        16,
        Dim.sym("slots", 16, 1L << 50),
        List.of(
            new StateSpec.Entry("k", 0, DType.F32, List.of(2, 8)),
            new StateSpec.Entry("v", 0, DType.F32, List.of(2, 4))));
  }

  static void addTo(CaseList list) {
    list.lifecycle(
        "weight",
        "says-what-it-is",
        Rule.STRUCTURE,
        Opened.device(d -> {
          try (Weight w = weight(d)) {
            Check.equal("spec", SPEC, w.spec());
            Check.that(w.device() == d, "device: expected the one that loaded it");
            Check.that(!w.layout().isBlank(), "layout: expected a name");
            Check.that(
                w.layout().equals("shared") == (w.deviceBytes() == 0),
                "weight: layout %s does not go with %d device bytes",
                w.layout(),
                w.deviceBytes());
          }
        }));
    list.lifecycle("weight", "is-read-by-a-core-op", Rule.STRUCTURE, Opened.rig(WeightCases::read));
    list.lifecycle(
        "weight",
        "too-few-bytes-are-refused",
        Rule.ERRORS,
        Opened.device(d -> {
          InvalidProgram e =
              Check.failsWith(
                  InvalidProgram.class,
                  "loadWeight",
                  () -> d.loadWeight(SPEC, Arena.ofAuto().allocate(11)));
          Check.that(
              String.valueOf(e.getMessage()).matches(".*\\bw\\b.*"),
              "loadWeight: expected the weight's name in the message, got '%s'",
              e.getMessage());
        }));
    list.lifecycle(
        "state",
        "says-what-it-is",
        Rule.STRUCTURE,
        Opened.device(d -> {
          StateLayout layout = d.chooseStateLayout(spec());
          Check.equal("spec of the layout", spec(), layout.spec());
          Check.that(
              layout.bytesPerPage() >= spec().bytesPerSlot() * 16,
              "layout: expected at least %d bytes a page, got %d",
              spec().bytesPerSlot() * 16,
              layout.bytesPerPage());
          long before = d.stats().liveBytes();
          try (State s = d.allocateState(layout, 64)) {
            Check.equal("slots", 64L, s.numSlots());
            Check.equal("layout", layout, s.layout());
            Check.that(
                d.stats().liveBytes() - before >= 64 * spec().bytesPerSlot(),
                "stats: expected the pool's bytes among the live ones");
          }
        }));
    list.lifecycle(
        "state",
        "part-of-a-page-is-refused",
        Rule.ERRORS,
        Opened.device(d ->
            Check.failsWith(
                InvalidProgram.class,
                "allocateState",
                () -> d.allocateState(d.chooseStateLayout(spec()), 65))));
    list.lifecycle(
        "state",
        "out-of-memory",
        Rule.ERRORS,
        Opened.device(d -> {
          long objects = d.stats().liveObjects();
          Check.failsWith(
              OutOfDeviceMemory.class,
              "allocateState",
              () -> d.allocateState(d.chooseStateLayout(spec()), 1L << 50));
          Check.equal("live objects", objects, d.stats().liveObjects());
          pool(d).close();
        }));
  }

  /** y = -w, from a weight at an odd address. */
  private static void read(Rig r) throws Exception {
    Ops g = new Ops("negate");
    g.output("y", g.unary(CoreOp.UnaryKind.NEG, g.weight("w", SPEC.type())));
    MemorySegment odd = Arena.ofAuto().allocate(16).asSlice(1, 12);
    odd.copyFrom(MemorySegment.ofArray(new byte[] {0, 0, 1, 0x3F, 0, 0, 2, 0x3F, 0, 0, 3, 0x3F}));
    try (Executable e = r.device.compile(g.build(), CompileOptions.DEFAULT);
        Weight w = r.device.loadWeight(SPEC, odd)) {
      Buffer y = r.buffer(12);
      Bindings b = e.newBindings().weight(0, w).tensor(1, LifetimeCases.f32(y, 3));
      r.run(new Command.Run(e, b));
      byte[] got = r.download(y);
      for (int i = 0; i < 3; i++) {
        Check.equal("byte 2 of element " + i, (byte) (i + 1), got[4 * i + 2]);
        Check.equal("sign byte of element " + i, (byte) 0xBF, got[4 * i + 3]);
      }
    }
  }
}
