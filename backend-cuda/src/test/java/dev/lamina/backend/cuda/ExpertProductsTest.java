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
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Projections by experts: many rows in tiles sorted by expert, few rows one by one. */
class ExpertProductsTest {
  private static final int CHOICES = 2;
  private static final int EXPERTS = 3;
  private static final int N = 130;
  private static final int K = 64;

  /** Rows of an expert whose weights are more than those that stay exact. */
  private static final int MANY = 1032;

  /** Threads of a block of the kernels that multiply tiles, and of those for few rows. */
  private static final int TILE_THREADS = 256;

  private static final int MOST_THREADS_FOR_FEW = 512;

  /** The same of the kernel that gives each element of the result a warp. */
  private static final int ROW_THREADS = 128;

  /** Largest x that BF16 holds, with all below it. */
  private static final int EIGHT_BITS = 127;

  /** One that takes more than its eight bits. */
  private static final int TEN_BITS = 1023;

  private final StubDriver stub = StubDriver.open();

  /** Of the last launch. */
  private int threads;

  ExpertProductsTest() {
    stub.memory(512L << 20);
  }

  /**
   * What is multiplied.
   *
   * @param n rows of an expert's weights
   * @param peak of the whole numbers that x holds, so that any order of sums gives the same
   */
  private record Product(int tokens, DType dtype, int n, int peak) {
    float x(int i) {
      return i * 37 % (2 * peak + 1) - peak;
    }

    float expected(int choice, int column) {
      int expert = id(choice);
      if (expert < 0 || expert >= EXPERTS) {
        return 0;
      }
      int row = expert * n + column;
      float sum = w(row);
      for (int k = 0; k < K; k++) {
        sum += x(choice / CHOICES * K + k) * w(row * K + k);
      }
      return sum;
    }
  }

  private static float w(int i) {
    return i * 11 % 7 - 3;
  }

  /** One more than the experts there are, and one less than the first. */
  private static int id(int i) {
    return i * 7 % (EXPERTS + 2) - 1;
  }

  private static MemorySegment floats(Arena arena, int n, IntFunction<Float> value) {
    MemorySegment m = arena.allocate(4L * n, 16);
    for (int i = 0; i < n; i++) {
      m.setAtIndex(ValueLayout.JAVA_FLOAT, i, value.apply(i));
    }
    return m;
  }

  private static MemorySegment weights(Arena arena, DType dtype, int n) {
    if (dtype == DType.F32) {
      return floats(arena, n, ExpertProductsTest::w);
    }
    MemorySegment m = arena.allocate(2L * n, 16);
    for (int i = 0; i < n; i++) {
      short bf16 = (short) (Float.floatToRawIntBits(w(i)) >>> 16);
      m.setAtIndex(
          ValueLayout.JAVA_SHORT, i, dtype == DType.BF16 ? bf16 : Float.floatToFloat16(w(i)));
    }
    return m;
  }

  private float[] run(Product p, Numerics numerics) throws Exception {
    int tokens = p.tokens;
    Ops g = new Ops("experts");
    TensorType[] types = {
      TensorType.of(DType.F32, tokens, K),
      TensorType.of(p.dtype, EXPERTS, p.n, K),
      TensorType.of(DType.I32, tokens, CHOICES),
      TensorType.of(DType.F32, EXPERTS, p.n),
      TensorType.of(DType.F32, tokens, CHOICES, p.n)
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
        floats(arena, tokens * K, p::x),
        weights(arena, p.dtype, EXPERTS * p.n * K),
        chosen,
        floats(arena, EXPERTS * p.n, ExpertProductsTest::w),
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
      threads = stub.lastLaunch(3);
      queue.submit(Points.none(), new Command.Download(views.get(4), host[4]), Points.of(done, 2));
      done.await(2, Duration.ofSeconds(20));
      views.forEach(view -> view.buffer().close());
      return host[4].toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static int wrong(Product p, float[] out) {
    int wrong = 0;
    for (int choice = 0; choice < p.tokens * CHOICES; choice++) {
      for (int column = 0; column < p.n; column++) {
        wrong += out[choice * p.n + column] == p.expected(choice, column) ? 0 : 1;
      }
    }
    return wrong;
  }

  @ParameterizedTest
  @CsvSource({"100,BF16,STRICT", "100,BF16,RELAXED", "100,F32,STRICT", "2,BF16,STRICT"})
  void eachChoice_isMultipliedWithItsExpert(int tokens, DType dtype, Numerics numerics)
      throws Exception {
    Product p = new Product(tokens, dtype, numerics == Numerics.RELAXED ? MANY : N, EIGHT_BITS);
    assertThat(wrong(p, run(p, numerics))).isZero();
    boolean isMany = tokens * CHOICES > 2 * EXPERTS;
    assertThat(threads).isEqualTo(isMany ? TILE_THREADS : MOST_THREADS_FOR_FEW);
  }

  @ParameterizedTest
  @CsvSource({"F16", "F32"})
  void fewChoices_areMultipliedRowByRow_whereWeightsAreNotBf16(DType dtype) throws Exception {
    Product p = new Product(3, dtype, N, TEN_BITS);
    assertThat(wrong(p, run(p, Numerics.STRICT))).isZero();
    assertThat(threads).isEqualTo(ROW_THREADS);
  }

  @Test
  void smallExperts_stayExact_whereOthersAreRounded() throws Exception {
    Product small = new Product(100, DType.BF16, N, TEN_BITS);
    assertThat(wrong(small, run(small, Numerics.RELAXED))).isZero();
    Product large = new Product(100, DType.BF16, MANY, TEN_BITS);
    assertThat(wrong(large, run(large, Numerics.RELAXED))).isPositive();
  }
}
