package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.lamina.backend.cuda.driver.BlasLt;
import dev.lamina.backend.cuda.driver.StubBlasLt;
import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.Bindings;
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
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** Projections of many rows at relaxed numerics, by cuBLASLt and without it. */
class RelaxedProductsTest {
  /** More rows than a tile of 64, and no whole tiles. */
  private static final int M = 140;

  private static final int K = 72;

  /** More columns than those that stay exact. */
  private static final int N = 520;

  /** What the last launch is asked for. */
  private static final int SHARED_BYTES = 6;

  private static final int STARTS_EARLY = 7;

  /** Six stages of two operands of 128 rows, and three. */
  private static final int GROUP_TILE_BYTES = 6 * 2 * 128 * 128;

  private static final int WARP_TILE_BYTES = 3 * 2 * 128 * 128;

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

  /** What a graph's inputs hold: the type, and element i. */
  private record Input(TensorType type, IntFunction<Float> value) {}

  private static TensorType type(DType dtype, long... sizes) {
    return TensorType.of(dtype, sizes);
  }

  /** Two products of one x, the second with a bias: {@code [M, N]} each. */
  private static float[][] products(BlasLt.Opener opener, Numerics numerics) throws Exception {
    Ops g = new Ops("products");
    Value x = g.tensor("x", type(DType.F32, M, K));
    Value w = g.tensor("w", type(DType.BF16, N, K));
    Value b = g.tensor("b", type(DType.BF16, N));
    g.output("plain", g.linear(x, w, null, DType.F32));
    g.output("biased", g.linear(x, w, b, DType.F32));
    List<Input> inputs =
        List.of(
            new Input((TensorType) x.type(), RelaxedProductsTest::x),
            new Input((TensorType) w.type(), RelaxedProductsTest::w),
            new Input((TensorType) b.type(), RelaxedProductsTest::w));
    TensorType result = type(DType.F32, M, N);
    return run(g.build(), inputs, List.of(result, result), opener, numerics);
  }

  /** Runs a graph of fixed sizes once. */
  private static float[][] run(
      Graph graph,
      List<Input> inputs,
      List<TensorType> results,
      BlasLt.Opener opener,
      Numerics numerics)
      throws Exception {
    CompileOptions options = CompileOptions.DEFAULT.withNumerics(numerics);
    try (Backend backend = new EmulatedCudaProvider(opener).open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(graph, options);
        Arena arena = Arena.ofConfined()) {
      Bindings bindings = exe.newBindings();
      List<View> views = new ArrayList<>();
      for (Input input : inputs) {
        View view = allocate(device, input.type());
        queue.submit(Points.none(), new Command.Upload(host(arena, input), view), Points.none());
        bindings.tensor(views.size(), view);
        views.add(view);
      }
      for (TensorType type : results) {
        View view = allocate(device, type);
        bindings.tensor(views.size(), view);
        views.add(view);
      }
      queue.submit(Points.none(), new Command.Run(exe, bindings), Points.of(done, 1));
      done.await(1, Duration.ofSeconds(20));
      float[][] all = new float[results.size()][];
      for (int i = 0; i < all.length; i++) {
        MemorySegment host = arena.allocate(results.get(i).byteSize(), 16);
        View view = views.get(inputs.size() + i);
        queue.submit(Points.none(), new Command.Download(view, host), Points.of(done, 2 + i));
        done.await(2 + i, Duration.ofSeconds(20));
        all[i] = host.toArray(ValueLayout.JAVA_FLOAT);
      }
      for (View view : views) {
        view.buffer().close();
      }
      return all;
    }
  }

  private static View allocate(Device device, TensorType type) throws Exception {
    return new View(device.allocate(type.byteSize(), MemoryKind.DEVICE), 0, type);
  }

  private static MemorySegment host(Arena arena, Input input) {
    MemorySegment host = arena.allocate(input.type().byteSize(), 16);
    int bytes = input.type().dtype().bytes();
    for (int i = 0; i < host.byteSize() / bytes; i++) {
      float value = input.value().apply(i);
      if (bytes == 4) {
        host.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      } else {
        short bits = (short) (Float.floatToRawIntBits(value) >>> 16);
        host.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
      }
    }
    return host;
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

  private static final int HIDDEN = 520;
  private static final int INNER = 528;

  /** Multiples of a sixteenth up to a half, which BF16 holds. */
  private static float small(int i) {
    return (i * 29 % 17 - 8) / 16f;
  }

  private static float factor(int i) {
    return 1 + i % 3 / 4f;
  }

  /** {@code x + down(silu(gate(norm(x))) * up(norm(x)))}, which runs as one group. */
  private static float[] network(BlasLt.Opener opener, Numerics numerics) throws Exception {
    return network(opener, numerics, false)[0];
  }

  /** The same, and what the gate makes where it is an output. */
  private static float[][] network(BlasLt.Opener opener, Numerics numerics, boolean showsGated)
      throws Exception {
    Ops g = new Ops("network");
    Value x = g.tensor("x", type(DType.F32, M, HIDDEN));
    Value factors = g.tensor("factors", type(DType.BF16, HIDDEN));
    Value gate = g.tensor("gate", type(DType.BF16, INNER, HIDDEN));
    Value up = g.tensor("up", type(DType.BF16, INNER, HIDDEN));
    Value down = g.tensor("down", type(DType.BF16, HIDDEN, INNER));
    Value normed = g.rmsNorm(x, factors, 1e-6, false);
    Value gated =
        g.gatedActivation(
            Gate.SWIGLU,
            g.linear(normed, gate, null, DType.F32),
            g.linear(normed, up, null, DType.F32));
    g.output("y", g.add(x, g.linear(gated, down, null, DType.F32)));
    List<Input> inputs =
        List.of(
            new Input((TensorType) x.type(), RelaxedProductsTest::small),
            new Input((TensorType) factors.type(), RelaxedProductsTest::factor),
            new Input((TensorType) gate.type(), i -> small(i + 3) / 16),
            new Input((TensorType) up.type(), i -> small(i + 5) / 16),
            new Input((TensorType) down.type(), i -> small(i + 7) / 16));
    List<TensorType> results = new ArrayList<>(List.of(type(DType.F32, M, HIDDEN)));
    if (showsGated) {
      g.output("gated", gated);
      results.add(type(DType.F32, M, INNER));
    }
    return run(g.build(), inputs, results, opener, numerics);
  }

  private static void isNear(float[] rounded, float[] exact) {
    double all = 0;
    double off = 0;
    for (int i = 0; i < exact.length; i++) {
      all += (double) exact[i] * exact[i];
      off += Math.pow((double) exact[i] - rounded[i], 2);
    }
    // Four roundings to eight bits.
    assertThat(Math.sqrt(off / all)).isPositive().isLessThan(0.01);
  }

  @Test
  void aNetwork_isNearTheExactOne_withCublasLtAndWithout() throws Exception {
    float[] exact = network(Optional::empty, Numerics.STRICT);
    isNear(network(Optional::empty, Numerics.RELAXED), exact);
    int before = stub.calls("cuLaunchKernelEx");
    isNear(network(blas::open, Numerics.RELAXED), exact);
    // The norm and the gate; the library has the three products, and adds the residual.
    assertThat(stub.calls("cuLaunchKernelEx") - before).isEqualTo(2);
    assertThat(blas.lastAlgorithm()).isEqualTo(100);
  }

  @Test
  void whatAGateMakes_isWrittenWhereOthersReadIt() throws Exception {
    float[][] exact = network(Optional::empty, Numerics.STRICT, true);
    float[][] rounded = network(blas::open, Numerics.RELAXED, true);
    isNear(rounded[0], exact[0]);
    isNear(rounded[1], exact[1]);
  }

  @Test
  void withoutIt_ownKernelsMultiply() throws Exception {
    areRight(products(Optional::empty, Numerics.RELAXED));
    assertThat(blas.lastAlgorithm()).isZero();
  }

  @Test
  void kernelsForAnOlderGpu_multiplyByWarps_oneAfterAnother() throws Exception {
    areRight(products(Optional::empty, Numerics.RELAXED));
    assertThat(stub.lastLaunch(SHARED_BYTES)).isEqualTo(GROUP_TILE_BYTES);
    assertThat(stub.lastLaunch(STARTS_EARLY)).isOne();
    stub.compiledFor(80);
    areRight(products(Optional::empty, Numerics.RELAXED));
    assertThat(stub.lastLaunch(SHARED_BYTES)).isEqualTo(WARP_TILE_BYTES);
    assertThat(stub.lastLaunch(STARTS_EARLY)).isZero();
  }

  @Test
  void strictProducts_areNotRounded_soTheyAreNotForIt() throws Exception {
    areRight(products(blas::open, Numerics.STRICT));
    assertThat(blas.lastAlgorithm()).isZero();
  }

  @Test
  void aLibraryThatDoesNotStart_isToldInOneLine_andOwnKernelsMultiply() throws Exception {
    Logger log = Logger.getLogger("dev.lamina.backend.cuda.kernels.BlasProducts");
    List<String> told = new ArrayList<>();
    Handler listener =
        new Handler() {
          @Override
          public void publish(LogRecord line) {
            told.add(line.getMessage());
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    log.addHandler(listener);
    try {
      blas.fail(1);
      areRight(products(blas::open, Numerics.RELAXED));
    } finally {
      log.removeHandler(listener);
    }
    assertThat(told)
        .singleElement()
        .asString()
        .contains(
            "cuBLASLt is installed but not used, Lamina's own kernels multiply: cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED (1): ");
    assertThat(blas.lastAlgorithm()).isZero();
  }
}
