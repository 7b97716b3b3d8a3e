package dev.lamina.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NullBackendTest {
  private final BackendProvider provider = new NullBackendProvider();

  @Test
  void run_takesEveryOpAndGivesZeros() throws Exception {
    Ops g = new Ops("g");
    TensorType type = TensorType.of(DType.F32, 2, 2);
    Value x = g.tensor("x", type);
    g.output("y", g.linear(g.rmsNorm(x, null, 1e-5, false), x, null, DType.F32));
    try (Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe =
            device.compile(g.build(), new CompileOptions(false, true, false, Set.of()));
        Buffer in = device.allocate(16, MemoryKind.DEVICE);
        Buffer out = device.allocate(16, MemoryKind.DEVICE)) {
      out.host().orElseThrow().fill((byte) 7);
      var bindings =
          exe.newBindings().tensor(0, new View(in, 0, type)).tensor(1, new View(out, 0, type));
      queue.submit(Points.none(), new Command.Run(exe, bindings), Points.of(done, 1));
      assertThat(done.value()).isEqualTo(1);
      assertThat(out.host().orElseThrow().toArray(ValueLayout.JAVA_FLOAT)).containsOnly(0f);
    }
  }

  @Test
  void preference_isNegativeSoThatItMustBeNamed() {
    assertThat(provider.preference()).isNegative();
    assertThatThrownBy(() -> provider.open(new BackendOptions(0, Map.of("fast", "yes"))))
        .isInstanceOf(Unsupported.class)
        .hasMessage("open null: expected no properties, got [fast]");
  }
}
