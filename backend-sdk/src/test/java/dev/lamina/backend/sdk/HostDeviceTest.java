package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Points;
import dev.lamina.spi.State;
import dev.lamina.spi.Support;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HostDeviceTest {
  private final Rig rig;

  HostDeviceTest() throws Exception {
    rig = new Rig();
  }

  private static Graph doubler() {
    Ops g = new Ops("doubler");
    Value x = g.tensor("x", TensorType.of(DType.F32, 2));
    g.output("y", g.add(x, x));
    return g.build();
  }

  @Test
  void close_refusesLiveChildrenByName() throws Exception {
    rig.queue.close();
    rig.timeline.close();
    Buffer b = rig.device.allocate(8, MemoryKind.DEVICE);
    Executable exe = rig.compile(doubler());
    assertThatThrownBy(rig.device::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "close: expected device plain without live children, got buffer of 8 bytes, "
                + "executable doubler; close them first");
    b.close();
    b.close();
    exe.close();
    rig.device.close();
    rig.device.close();
    assertThatThrownBy(() -> rig.device.allocate(8, MemoryKind.DEVICE))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("allocate: the device plain is closed; use it before closing it");
    assertThat(rig.device.stats().liveBytes()).isZero();
  }

  @Test
  void backend_refusesToCloseUnderADevice() throws Exception {
    HostBackend backend =
        new HostBackend(Rig.INFO, () -> new HostDevice(Rig.INFO, rig.kernels, () -> {}));
    var device = backend.open(0);
    assertThatThrownBy(backend::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "close: expected a backend without open devices, got 1 of plain; close them first");
    assertThatThrownBy(() -> backend.open(1)).hasMessage("open: expected a device of 0..0, got 1");
    device.close();
    backend.close();
    backend.close();
  }

  @Test
  void close_keepsWhatDeferredWorkUses() throws Exception {
    DeviceStats before = rig.device.stats();
    Executable exe = rig.compile(doubler());
    View x = rig.floats(null, 1, 2);
    View y = rig.floats(null, 0, 0);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    Timeline go = rig.device.newTimeline(0);
    Timeline done = rig.device.newTimeline(0);
    rig.queue.submit(Points.of(go, 1), new Command.Run(exe, b), Points.of(done, 1));
    MemorySegment memory = y.buffer().host().orElseThrow();
    x.buffer().close();
    y.buffer().close();
    exe.close();
    assertThat(x.buffer().alive()).isFalse();
    assertThat(memory.scope().isAlive()).isTrue();
    go.signal(1);
    done.await(1, Duration.ofSeconds(10));
    go.close();
    done.close();
    assertThat(memory.scope().isAlive()).isFalse();
    assertThat(rig.device.stats().liveBytes()).isEqualTo(before.liveBytes());
    assertThat(rig.device.stats().liveObjects()).isEqualTo(before.liveObjects());
    assertThatThrownBy(exe::newBindings)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("newBindings: the executable doubler is closed; use it before closing it");
  }

  @Test
  void submit_refusesAClosedBuffer() throws Exception {
    Executable exe = rig.compile(doubler());
    View x = rig.floats(null, 1, 2);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, rig.floats(null, 0, 0));
    rig.submit(exe, b);
    x.buffer().close();
    assertThatThrownBy(() -> rig.submit(exe, b))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("run: the buffer of 8 bytes is closed; use it before closing it");
  }

  @Test
  void allocate_refusesMoreThanThereIs() throws Exception {
    assertThatThrownBy(() -> rig.device.allocate(1L << 40, MemoryKind.DEVICE))
        .isInstanceOf(OutOfDeviceMemory.class)
        .hasMessage(
            "allocate: expected at most 2147483648 bytes on plain, got 1099511627776;"
                + " close buffers or ask for less");
    rig.device.allocate(0, MemoryKind.DEVICE).close();
    assertThatThrownBy(() -> rig.device.wrapHost(MemorySegment.ofArray(new byte[4])))
        .isInstanceOf(InvalidProgram.class);
  }

  @Test
  void loadWeight_sharesTheBytes() throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(8);
      WeightSpec spec =
          new WeightSpec("w", TensorType.of(DType.F32, 2), Set.of(WeightSpec.Use.PLAIN));
      Ops g = new Ops("g");
      Value w = g.weight("w", spec.type());
      g.output("y", g.add(w, w));
      Executable exe = rig.compile(g.build());
      View y = rig.floats(null, 0, 0);
      try (Weight weight = rig.device.loadWeight(spec, data)) {
        assertThat(weight.layout()).isEqualTo("shared");
        assertThat(weight.deviceBytes()).isZero();
        Elements.setFloat(DType.F32, data, 4, 3);
        rig.submit(exe, exe.newBindings().weight(0, weight).tensor(1, y));
      }
      assertThat(Rig.read(y)).containsExactly(0, 6);
      assertThatThrownBy(() -> rig.device.loadWeight(spec, data.asSlice(4)))
          .hasMessage("loadWeight w: expected 8 bytes for f32[2], got 4");
    }
  }

  @Test
  void compile_refusesWhatItCannotKeep() {
    Ops g = new Ops("g");
    Value x = g.tensor("x", TensorType.of(DType.F32, 2, 2));
    g.output("y", g.rmsNorm(x, null, 1e-5, false));
    Graph norm = g.build();
    assertThatThrownBy(
            () -> rig.device.compile(norm, new CompileOptions(false, true, false, Set.of())))
        .isInstanceOf(Unsupported.class)
        .hasMessage(
            "compile g: expected a native kernel for rms_norm(f32[2,2]) on plain, "
                + "got nobody wrote it; leave forceNative out");
    CompileOptions invariant =
        new CompileOptions(false, false, false, Set.of(CompileOptions.Guarantee.BATCH_INVARIANT));
    assertThatThrownBy(() -> rig.device.compile(norm, invariant))
        .isInstanceOf(Unsupported.class)
        .hasMessage(
            "compile g: expected a device with BATCH_INVARIANT, plain does not declare it;"
                + " ask for no such guarantee");
    Ops s = new Ops("s");
    s.output("y", s.scan(ScanKind.SUM, s.tensor("x", TensorType.of(DType.F32, 2)), 0, false));
    assertThatThrownBy(() -> rig.compile(s.build()))
        .isInstanceOf(Unsupported.class)
        .hasMessage(
            "compile s: expected a kernel for the core op scan(f32[2]) on plain, got none: left out");
  }

  private static StateSpec pool() {
    return new StateSpec(
        "kv.0",
        2,
        StepSlots.poolSlots("kv.0", 2),
        List.of(
            new StateSpec.Entry("k", 0, DType.F32, List.of(1, 2)),
            new StateSpec.Entry("v", 0, DType.F32, List.of(1, 2))));
  }

  private static Graph append(boolean export) {
    Ops g = new Ops("append");
    Value p = g.state(pool());
    Value k = g.tensor("k", TensorType.of(DType.F32, 1, 1, 2));
    Value v = g.tensor("v", TensorType.of(DType.F32, 1, 1, 2));
    Value slots = g.tensor("slots", TensorType.of(DType.I32, 1));
    Value next = g.kvAppend(p, 0, k, v, slots);
    if (export) {
      g.output("out", g.stateExport(next, "k", 0, slots));
    }
    g.output("kv.0", next);
    return g.build();
  }

  private Bindings bindAppend(Executable exe, State pool) throws Exception {
    return exe.newBindings()
        .state(0, pool)
        .tensor(1, rig.floats(new long[] {1, 1, 2}, 1, 2))
        .tensor(2, rig.floats(new long[] {1, 1, 2}, 3, 4))
        .tensor(3, rig.ints(5));
  }

  @Test
  void allocateState_givesPoolsToNativeKernels() throws Exception {
    Executable exe = rig.compile(append(false));
    State pool = rig.device.allocateState(rig.device.chooseStateLayout(pool()), 8);
    rig.submit(exe, bindAppend(exe, pool));
    MemorySegment v = ((HostState) pool).entry(1);
    assertThat(Elements.getFloat(DType.F32, v, 44)).isEqualTo(4);
    assertThatThrownBy(() -> rig.device.allocateState(rig.device.chooseStateLayout(pool()), 3))
        .hasMessage(
            "allocateState kv.0: expected layout dense and a multiple of 2 slots, got dense and 3");
  }

  @Test
  void compile_decomposesAllOpsOfAPoolIfOneHasNoKernel() throws Exception {
    Executable exe = rig.compile(append(true));
    assertThat(exe.lowering())
        .anySatisfy(l -> {
          assertThat(l.op()).startsWith("kv_append");
          assertThat(l.support())
              .isEqualTo(new Support.Decompose("another op of its pool has no kernel"));
        });
    State pool = rig.device.allocateState(rig.device.chooseStateLayout(pool()), 8);
    View out = rig.floats(new long[] {1, 1, 2}, 0, 0);
    rig.submit(exe, bindAppend(exe, pool).tensor(4, out));
    assertThat(Rig.read(out)).containsExactly(1, 2);
    MemorySegment v = ((HostState) pool).entry(1);
    assertThat(Elements.getFloat(DType.F32, v, 44)).isEqualTo(4);
  }
}
