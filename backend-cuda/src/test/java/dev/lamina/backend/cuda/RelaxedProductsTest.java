package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.lamina.backend.cuda.driver.BlasLt;
import dev.lamina.backend.cuda.driver.StubBlasLt;
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
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Projections of many rows at relaxed numerics, by cuBLASLt and without it. */
class RelaxedProductsTest {
  private static final int M = 40;
  private static final int K = 24;

  /** More columns than those that stay exact. */
  private static final int N = 520;

  private final StubDriver stub = StubDriver.open();
  private final StubBlasLt blas = StubBlasLt.load();

  RelaxedProductsTest() {
    stub.memory(512L << 20);
    // Forgets what other tests multiplied.
    blas.lastAlgorithm();
  }

  /** Whole numbers of up to 8 bits, which BF16 holds, so that any order of sums gives the same. */
  private static float x(int i) {
    return i * 37 % 255 - 127;
  }

  private static float w(int i) {
    return i * 11 % 7 - 3;
  }

  /** Two products of one x, the second with a bias: {@code [M, N]} each. */
  private static float[][] products(BlasLt.Opener opener, Numerics numerics) throws Exception {
    Ops g = new Ops("products");
    Value x = g.tensor("x", TensorType.of(DType.F32, M, K));
    Value w = g.tensor("w", TensorType.of(DType.BF16, N, K));
    Value b = g.tensor("b", TensorType.of(DType.BF16, N));
    g.output("plain", g.linear(x, w, null, DType.F32));
    g.output("biased", g.linear(x, w, b, DType.F32));
    CompileOptions options = CompileOptions.DEFAULT.withNumerics(numerics);
    try (Backend backend = new EmulatedCudaProvider(opener).open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(g.build(), options);
        Arena arena = Arena.ofConfined()) {
      TensorType[] types = {
        TensorType.of(DType.F32, M, K),
        TensorType.of(DType.BF16, N, K),
        TensorType.of(DType.BF16, N),
        TensorType.of(DType.F32, M, N),
        TensorType.of(DType.F32, M, N)
      };
      View[] views = new View[types.length];
      Bindings bindings = exe.newBindings();
      for (int i = 0; i < types.length; i++) {
        Buffer buffer = device.allocate(types[i].byteSize(), MemoryKind.DEVICE);
        views[i] = new View(buffer, 0, types[i]);
        bindings.tensor(i, views[i]);
        MemorySegment host = arena.allocate(types[i].byteSize(), 16);
        for (int e = 0; i < 3 && e < types[i].byteSize() / types[i].dtype().bytes(); e++) {
          float value = i == 0 ? x(e) : w(e);
          if (i == 0) {
            host.setAtIndex(ValueLayout.JAVA_FLOAT, e, value);
          } else {
            short bits = (short) (Float.floatToRawIntBits(value) >>> 16);
            host.setAtIndex(ValueLayout.JAVA_SHORT, e, bits);
          }
        }
        queue.submit(Points.none(), new Command.Upload(host, views[i]), Points.none());
      }
      queue.submit(Points.none(), new Command.Run(exe, bindings), Points.of(done, 1));
      done.await(1, Duration.ofSeconds(20));
      float[][] results = new float[2][];
      for (int i = 0; i < 2; i++) {
        MemorySegment host = arena.allocate(types[3].byteSize(), 16);
        queue.submit(
            Points.none(), new Command.Download(views[3 + i], host), Points.of(done, 2 + i));
        done.await(2 + i, Duration.ofSeconds(20));
        results[i] = host.toArray(ValueLayout.JAVA_FLOAT);
      }
      for (View view : views) {
        view.buffer().close();
      }
      return results;
    }
  }

  private static void areRight(float[][] results) {
    for (int m = 0; m < M; m++) {
      for (int n = 0; n < N; n++) {
        float sum = 0;
        for (int k = 0; k < K; k++) {
          sum += x(m * K + k) * w(n * K + k);
        }
        assertThat(results[0][m * N + n]).as("row %d, column %d", m, n).isEqualTo(sum);
        assertThat(results[1][m * N + n]).isCloseTo(sum + w(n), offset(0f));
      }
    }
  }

  @Test
  void cublasLt_multipliesWhereItIsInstalled() throws Exception {
    areRight(products(blas::open, Numerics.RELAXED));
    assertThat(blas.lastAlgorithm()).isEqualTo(100);
    assertThat(blas.live()).isZero();
  }

  @Test
  void anOperandOfSeveralProducts_isRoundedOnce() throws Exception {
    int before = stub.calls("cuLaunchKernelEx");
    products(blas::open, Numerics.RELAXED);
    // To round x, and to spread the bias.
    assertThat(stub.calls("cuLaunchKernelEx") - before).isEqualTo(2);
  }

  @Test
  void withoutIt_ownKernelsMultiply() throws Exception {
    areRight(products(Optional::empty, Numerics.RELAXED));
    assertThat(blas.lastAlgorithm()).isZero();
  }

  @Test
  void strictProducts_areNotRounded_soTheyAreNotForIt() throws Exception {
    areRight(products(blas::open, Numerics.STRICT));
    assertThat(blas.lastAlgorithm()).isZero();
  }

  @Test
  void aLibraryThatDoesNotStart_isToldInOneLine_andOwnKernelsMultiply() throws Exception {
    PrintStream before = System.err;
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    System.setErr(new PrintStream(told, true, StandardCharsets.UTF_8));
    try {
      blas.fail(1);
      areRight(products(blas::open, Numerics.RELAXED));
    } finally {
      System.setErr(before);
    }
    assertThat(told.toString(StandardCharsets.UTF_8).lines())
        .filteredOn(line -> line.contains("cuBLASLt"))
        .singleElement()
        .asString()
        .contains(
            "cuBLASLt is installed but not used, Lamina's own kernels multiply: cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED (1): ");
    assertThat(blas.lastAlgorithm()).isZero();
  }
}
