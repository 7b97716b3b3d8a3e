package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Projections by experts: many rows in tiles sorted by expert, few rows one by one. */
class ExpertProductsTest {
  private static final int CHOICES = 2;
  private static final int EXPERTS = 3;
  private static final int N = 130;
  private static final int K = 64;

  /** Threads of a block of the kernels that multiply tiles, and of those for few rows. */
  private static final int TILE_THREADS = 256;

  private static final int MOST_THREADS_FOR_FEW = 512;

  private final StubDriver stub = StubDriver.open();

  ExpertProductsTest() {
    stub.memory(512L << 20);
  }

  /** Whole numbers that BF16 holds, so that any order of sums gives the same. */
  private static float x(int i) {
    return i * 37 % 255 - 127;
  }

  private static float w(int i) {
    return i * 11 % 7 - 3;
  }

  /** One more than the experts there are, and one less than the first. */
  private static int id(int i) {
    return i * 7 % (EXPERTS + 2) - 1;
  }

  private static MemorySegment floats(Arena arena, int n, boolean isX) {
    MemorySegment m = arena.allocate(4L * n, 16);
    for (int i = 0; i < n; i++) {
      m.setAtIndex(ValueLayout.JAVA_FLOAT, i, isX ? x(i) : w(i));
    }
    return m;
  }

  private static MemorySegment weights(Arena arena, DType dtype, int n) {
    if (dtype == DType.F32) {
      return floats(arena, n, false);
    }
    MemorySegment m = arena.allocate(2L * n, 16);
    for (int i = 0; i < n; i++) {
      m.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(w(i)) >>> 16));
    }
    return m;
  }

  private float[] run(int tokens, DType dtype, Numerics numerics, int[] threads) throws Exception {
    Ops g = new Ops("experts");
    TensorType[] types = {
      TensorType.of(DType.F32, tokens, K),
      TensorType.of(dtype, EXPERTS, N, K),
      TensorType.of(DType.I32, tokens, CHOICES),
      TensorType.of(DType.F32, EXPERTS, N),
      TensorType.of(DType.F32, tokens, CHOICES, N)
    };
    Value x = g.tensor("x", types[0]);
    Value w = g.tensor("w", types[1]);
    Value ids = g.tensor("ids", types[2]);
    Value bias = g.tensor("bias", types[3]);
    g.output("out", g.moeLinear(x, w, ids, bias, DType.F32));
    try (Arena arena = Arena.ofConfined();
        Backend backend = new EmulatedCudaProvider().open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(g.build(), CompileOptions.DEFAULT.withNumerics(numerics))) {
      MemorySegment chosen = arena.allocate(4L * tokens * CHOICES, 16);
      for (int i = 0; i < tokens * CHOICES; i++) {
        chosen.setAtIndex(ValueLayout.JAVA_INT, i, id(i));
      }
      MemorySegment[] host = {
        floats(arena, tokens * K, true),
        weights(arena, dtype, EXPERTS * N * K),
        chosen,
        floats(arena, EXPERTS * N, false),
        arena.allocate(types[4].byteSize(), 16)
      };
      Bindings bindings = exe.newBindings();
      List<View> views = new ArrayList<>();
      for (int i = 0; i < types.length; i++) {
        Buffer buffer = device.allocate(types[i].byteSize(), MemoryKind.DEVICE);
        views.add(new View(buffer, 0, types[i]));
        bindings.tensor(i, views.get(i));
        queue.submit(Points.none(), new Command.Upload(host[i], views.get(i)), Points.none());
      }
      queue.submit(Points.none(), new Command.Run(exe, bindings), Points.of(done, 1));
      done.await(1, Duration.ofSeconds(20));
      threads[0] = stub.lastLaunch(3);
      queue.submit(Points.none(), new Command.Download(views.get(4), host[4]), Points.of(done, 2));
      done.await(2, Duration.ofSeconds(20));
      views.forEach(view -> view.buffer().close());
      return host[4].toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static float expected(int choice, int n) {
    int expert = id(choice);
    if (expert < 0 || expert >= EXPERTS) {
      return 0;
    }
    float sum = w(expert * N + n);
    for (int k = 0; k < K; k++) {
      sum += x(choice / CHOICES * K + k) * w((expert * N + n) * K + k);
    }
    return sum;
  }

  @ParameterizedTest
  @CsvSource({"100,BF16,STRICT", "100,BF16,RELAXED", "100,F32,STRICT", "2,BF16,STRICT"})
  void eachChoice_isMultipliedWithItsExpert(int tokens, DType dtype, Numerics numerics)
      throws Exception {
    int[] threads = new int[1];
    float[] out = run(tokens, dtype, numerics, threads);
    for (int choice = 0; choice < tokens * CHOICES; choice++) {
      for (int n = 0; n < N; n++) {
        assertThat(out[choice * N + n])
            .as("choice %d, column %d", choice, n)
            .isEqualTo(expected(choice, n));
      }
    }
    boolean isMany = tokens * CHOICES > 2 * EXPERTS;
    assertThat(threads[0]).isEqualTo(isMany ? TILE_THREADS : MOST_THREADS_FOR_FEW);
  }
}
