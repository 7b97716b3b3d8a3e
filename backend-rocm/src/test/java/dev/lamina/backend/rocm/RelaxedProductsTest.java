package dev.lamina.backend.rocm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.rocm.driver.Probe;
import dev.lamina.backend.rocm.driver.Shim;
import dev.lamina.backend.rocm.gpu.HipKernels;
import dev.lamina.backend.sdk.grid.LibraryProducts;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.CompileOptions.Guarantee;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
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
import java.util.Set;
import java.util.function.IntFunction;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Projections of many rows at relaxed numerics, by hipBLASLt and without it. */
class RelaxedProductsTest {
  private static final int M = 24;
  private static final int K = 72;

  /** More columns than those that stay exact. */
  private static final int N = 520;

  private static final CompileOptions RELAXED =
      CompileOptions.DEFAULT.withNumerics(Numerics.RELAXED);

  private Shim shim;

  @BeforeEach
  void openShim() {
    shim = Shim.open();
  }

  /** Whole numbers of up to 8 bits, which BF16 holds, so that any order of sums gives the same. */
  private static float x(int i) {
    return i * 37 % 255 - 127;
  }

  private static float w(int i) {
    return i * 11 % 7 - 3;
  }

  /** Two products of one x, the second with a bias: {@code [M, N]} each. */
  private static Graph graph(DType weights) {
    Ops g = new Ops("products");
    Value x = g.tensor("x", TensorType.of(DType.F32, M, K));
    Value w = g.tensor("w", TensorType.of(weights, N, K));
    Value b = g.tensor("b", TensorType.of(DType.BF16, N));
    g.output("plain", g.linear(x, w, null, DType.F32));
    g.output("biased", g.linear(x, w, b, DType.F32));
    return g.build();
  }

  private static Backend usual() throws BackendException {
    return new RocmBackendProvider().open(BackendOptions.DEFAULT);
  }

  private static Backend withoutLibrary() {
    Probe.Available found = (Probe.Available) Probe.run();
    return RocmDevices.backend(
        found,
        0,
        gpu ->
            new HipKernels(
                gpu, Optional::empty, "libhipblaslt.so.0", LibraryProducts.Limits.USUAL));
  }

  /** Runs so often on the same memory, which is captured when it comes again, and checks sums. */
  private static void areRight(Backend opened, DType weights, CompileOptions options, int runs)
      throws BackendException {
    try (Backend backend = opened;
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(graph(weights), options);
        Arena arena = Arena.ofConfined();
        Buffer x = loaded(device, queue, arena, DType.F32, M * K, RelaxedProductsTest::x);
        Buffer w = loaded(device, queue, arena, weights, N * K, RelaxedProductsTest::w);
        Buffer b = loaded(device, queue, arena, DType.BF16, N, RelaxedProductsTest::w);
        Buffer plain = device.allocate(4L * M * N, MemoryKind.DEVICE);
        Buffer biased = device.allocate(4L * M * N, MemoryKind.DEVICE)) {
      TensorType result = TensorType.of(DType.F32, M, N);
      List<View> views =
          List.of(
              new View(x, 0, TensorType.of(DType.F32, M, K)),
              new View(w, 0, TensorType.of(weights, N, K)),
              new View(b, 0, TensorType.of(DType.BF16, N)),
              new View(plain, 0, result),
              new View(biased, 0, result));
      Bindings bindings = exe.newBindings();
      for (int i = 0; i < views.size(); i++) {
        bindings.tensor(i, views.get(i));
      }
      MemorySegment host = arena.allocate(result.byteSize(), 16);
      long point = 0;
      for (int i = 0; i < runs; i++) {
        queue.submit(at(done, point), new Command.Run(exe, bindings), at(done, ++point));
      }
      for (int i = 0; i < 2; i++) {
        queue.submit(
            at(done, point), new Command.Download(views.get(3 + i), host), at(done, ++point));
        done.await(point, Duration.ofSeconds(20));
        check(host, i == 1);
      }
    }
  }

  private static Points at(Timeline timeline, long point) {
    return point == 0 ? Points.none() : Points.of(timeline, point);
  }

  private static Buffer loaded(
      Device device, Queue queue, Arena arena, DType dtype, int n, IntFunction<Float> value)
      throws BackendException {
    MemorySegment host = arena.allocate((long) n * dtype.bytes(), 16);
    for (int i = 0; i < n; i++) {
      float v = value.apply(i);
      switch (dtype) {
        case F32 -> host.setAtIndex(ValueLayout.JAVA_FLOAT, i, v);
        case F16 -> host.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(v));
        default ->
            host.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(v) >>> 16));
      }
    }
    Buffer buffer = device.allocate(host.byteSize(), MemoryKind.DEVICE);
    View view = new View(buffer, 0, TensorType.of(dtype, n));
    queue.submit(Points.none(), new Command.Upload(host, view), Points.none());
    return buffer;
  }

  private static void check(MemorySegment results, boolean biased) {
    for (int m = 0; m < M; m++) {
      for (int n = 0; n < N; n++) {
        float sum = biased ? w(n) : 0;
        for (int k = 0; k < K; k++) {
          sum += x(m * K + k) * w(n * K + k);
        }
        assertThat(results.getAtIndex(ValueLayout.JAVA_FLOAT, (long) m * N + n))
            .as("row %d, column %d, biased %s", m, n, biased)
            .isEqualTo(sum);
      }
    }
  }

  @Test
  void hipBlasLt_multiplies_andIsCaptured() throws BackendException {
    areRight(usual(), DType.BF16, RELAXED, 5);
    assertThat(shim.calls("cuGraphLaunch")).isPositive();
    // A run that is launched whole submits nothing by itself.
    assertThat(shim.products()).isBetween(2, 8);
    nothingStays();
  }

  private void nothingStays() {
    assertThat(shim.liveOfBlas()).isZero();
    for (Shim.Kind kind : Shim.Kind.values()) {
      if (kind != Shim.Kind.CONTEXT) {
        assertThat(shim.live(kind)).as("%s that stay", kind).isZero();
      }
    }
  }

  @Test
  void weightsOfOtherTypes_areRoundedFirst() throws BackendException {
    areRight(usual(), DType.F16, RELAXED, 1);
    areRight(usual(), DType.F32, RELAXED, 1);
    assertThat(shim.products()).isEqualTo(4);
  }

  @Test
  void strictProducts_andPromisedBits_areNotForIt() throws BackendException {
    areRight(usual(), DType.BF16, CompileOptions.DEFAULT, 1);
    for (Guarantee promise : Guarantee.values()) {
      CompileOptions options =
          new CompileOptions(false, false, false, Set.of(promise), Numerics.RELAXED);
      areRight(usual(), DType.BF16, options, 1);
    }
    assertThat(shim.products()).isZero();
  }

  @Test
  void withoutIt_generalKernelsMultiply_andTheLogSaysSoOnce() throws BackendException {
    List<LogRecord> told = logged(() -> areRight(withoutLibrary(), DType.BF16, RELAXED, 2));
    assertThat(shim.products()).isZero();
    assertThat(told)
        .extracting(line -> line.getLevel() + " " + message(line))
        .containsExactly(
            "FINE linear: libhipblaslt.so.0 is not there",
            "INFO linear: products of many rows run in general kernels, far below what the chip reaches: without hipBLASLt");
  }

  @Test
  void aLibraryThatDoesNotStart_isToldInOneLine_andGeneralKernelsMultiply()
      throws BackendException {
    shim.failBlas(1);
    List<LogRecord> told = logged(() -> areRight(usual(), DType.BF16, RELAXED, 1));
    assertThat(told)
        .singleElement()
        .extracting(RelaxedProductsTest::message)
        .asString()
        .startsWith(
            "hipBLASLt is installed but not used, general kernels multiply: hipBLASLt: hipblasLtCreate: HIPBLAS_STATUS_NOT_INITIALIZED (1): ");
    assertThat(shim.products()).isZero();
    nothingStays();
  }

  @Test
  void aProductThatIsRefused_failsTheRunInOneLine() {
    assertThatThrownBy(() -> failing(5))
        .isInstanceOf(InvalidProgram.class)
        .hasMessageContaining("linear: hipblasLtMatmul(Product[operands=BF16, result=F32, m=24, ")
        .hasMessageContaining("HIPBLAS_STATUS_EXECUTION_FAILED (5)");
    nothingStays();
  }

  /** The library's search succeeds, its first product returns a status. */
  private void failing(int status) throws BackendException {
    try (Backend backend = usual();
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(graph(DType.BF16), RELAXED);
        Arena arena = Arena.ofConfined();
        Buffer all = loaded(device, queue, arena, DType.F32, 1 << 20, i -> 0f)) {
      Bindings bindings = exe.newBindings();
      bindings.tensor(0, new View(all, 0, TensorType.of(DType.F32, M, K)));
      bindings.tensor(1, new View(all, 1 << 16, TensorType.of(DType.BF16, N, K)));
      bindings.tensor(2, new View(all, 1 << 18, TensorType.of(DType.BF16, N)));
      bindings.tensor(3, new View(all, 1 << 19, TensorType.of(DType.F32, M, N)));
      bindings.tensor(4, new View(all, 1 << 20, TensorType.of(DType.F32, M, N)));
      shim.failBlasProduct(status);
      queue.submit(Points.none(), new Command.Run(exe, bindings), Points.of(done, 1));
      done.await(1, Duration.ofSeconds(20));
    }
  }

  private static String message(LogRecord line) {
    return line.getParameters() == null
        ? line.getMessage()
        : java.text.MessageFormat.format(line.getMessage(), line.getParameters());
  }

  @FunctionalInterface
  private interface Act {
    void run() throws BackendException;
  }

  /** What the products' class logs meanwhile, debug level too. */
  private static List<LogRecord> logged(Act act) throws BackendException {
    Logger log = Logger.getLogger("dev.lamina.backend.sdk.grid.LibraryProducts");
    List<LogRecord> told = new ArrayList<>();
    Handler listener =
        new Handler() {
          @Override
          public void publish(LogRecord line) {
            told.add(line);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    listener.setLevel(Level.ALL);
    Level before = log.getLevel();
    log.setLevel(Level.ALL);
    log.addHandler(listener);
    try {
      act.run();
    } finally {
      log.removeHandler(listener);
      log.setLevel(before);
    }
    return told;
  }
}
