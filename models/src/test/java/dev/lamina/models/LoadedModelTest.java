package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.CompileFailed;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceStats;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.StateLayout;
import dev.lamina.spi.Support;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LoadedModelTest {
  /** Takes so many weights, then is full; cannot compile, or does so when weights come. */
  private static final class SmallDevice implements Device {
    final List<AutoCloseable> live = Collections.synchronizedList(new ArrayList<>());
    private final int capacity;
    private final boolean compiles;
    private final CountDownLatch firstWeight = new CountDownLatch(1);

    SmallDevice(int capacity, boolean compiles) {
      this.capacity = capacity;
      this.compiles = compiles;
    }

    final class FakeWeight implements Weight {
      private final WeightSpec spec;

      FakeWeight(WeightSpec spec) {
        this.spec = spec;
      }

      @Override
      public Device device() {
        return SmallDevice.this;
      }

      @Override
      public WeightSpec spec() {
        return spec;
      }

      @Override
      public String layout() {
        return "shared";
      }

      @Override
      public long deviceBytes() {
        return 0;
      }

      @Override
      public void close() {
        live.remove(this);
      }
    }

    @Override
    public synchronized Weight loadWeight(WeightSpec spec, MemorySegment data)
        throws BackendException {
      firstWeight.countDown();
      if (live.size() == capacity) {
        throw new OutOfDeviceMemory("load weight " + spec.name() + ": full");
      }
      FakeWeight weight = new FakeWeight(spec);
      live.add(weight);
      return weight;
    }

    @Override
    public Executable compile(Graph graph, CompileOptions options) throws BackendException {
      if (!compiles) {
        throw new CompileFailed("compile " + graph.name() + ": no compiler");
      }
      try {
        if (!firstWeight.await(20, TimeUnit.SECONDS)) {
          throw new CompileFailed("compile " + graph.name() + ": not beside the weights");
        }
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      Executable executable = new CompiledNothing(live);
      live.add(executable);
      return executable;
    }

    @Override
    public DeviceInfo info() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Support supports(OpSpec op) {
      throw new UnsupportedOperationException();
    }

    @Override
    public StateLayout chooseStateLayout(StateSpec spec) {
      throw new UnsupportedOperationException();
    }

    @Override
    public State allocateState(StateLayout layout, long numSlots) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Buffer allocate(long bytes, MemoryKind kind) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Buffer wrapHost(MemorySegment segment) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Queue newQueue() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Timeline newTimeline(long initial) {
      throw new UnsupportedOperationException();
    }

    @Override
    public DeviceStats stats() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
  }

  /** Is counted while it is open. */
  private record CompiledNothing(List<AutoCloseable> live) implements Executable {
    @Override
    public List<Slot> slots() {
      return List.of();
    }

    @Override
    public DimTable dims() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Bindings newBindings() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void bucket(long[] values) {}

    @Override
    public long workspaceBytes(long[] values) {
      return 0;
    }

    @Override
    public List<Lowering> lowering() {
      return List.of();
    }

    @Override
    public void close() {
      live.remove(this);
    }
  }

  private static void refuses(SmallDevice device, LoadListener listener, String message)
      throws Exception {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("micro-chat"))) {
      ModelPlan plan = ModelPlan.of(checkpoint, ModelOptions.DEFAULT);
      assertThatThrownBy(() -> plan.load(device, listener))
          .isInstanceOf(BackendException.class)
          .hasMessageMatching(message);
    }
    assertThat(device.live).as("weights left on the device").isEmpty();
  }

  @Test
  void load_leavesNothingOnADeviceThatRunsFull() throws Exception {
    refuses(new SmallDevice(2, false), LoadListener.NONE, "load weight model\\.[a-z0-9_.]+: full");
  }

  @Test
  void load_compilesBesideTheWeights_andClosesTheGraphIfTheyDoNotFit() throws Exception {
    refuses(new SmallDevice(2, true), LoadListener.NONE, "load weight model\\.[a-z0-9_.]+: full");
    SmallDevice device = new SmallDevice(1000, true);
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("micro-chat"))) {
      ModelPlan plan = ModelPlan.of(checkpoint, ModelOptions.DEFAULT);
      LoadedModel loaded = plan.load(device, LoadListener.NONE);
      assertThat(device.live).hasSize(loaded.weights().size() + 1);
      loaded.close();
    }
    assertThat(device.live).isEmpty();
  }

  @Test
  void load_tellsItsProgressAndLeavesNothingIfTheGraphIsRefused() throws Exception {
    List<String> heard = new ArrayList<>();
    refuses(
        new SmallDevice(1000, false),
        (phase, done, total) -> heard.add(phase + (done == total ? " done" : " " + done)),
        "compile qwen3: no compiler");
    assertThat(heard).startsWith("WEIGHTS 0").endsWith("WEIGHTS done", "COMPILE 0");
  }
}
