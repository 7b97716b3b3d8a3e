package dev.lamina.backend.rocm.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.rocm.library.HipLibrary;
import dev.lamina.backend.sdk.grid.ProductLibrary;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** hipBLASLt's bindings over a library that multiplies by a kernel of its own. */
class BlasLtTest {
  private static final int HIP_6_3 = 60_300_000;
  private static final int M = 3;
  private static final int N = 5;
  private static final int K = 8;
  private static final int Y_STRIDE = N + 3;

  private final Arena arena = Arena.ofConfined();
  private Shim shim;
  private Hip hip;
  private long stream;

  @BeforeEach
  void openShim() throws HipException {
    shim = Shim.open();
    hip = new Hip(HipLibrary.find().orElseThrow());
    hip.init();
    hip.setDevice(0);
    stream = hip.streamCreate();
  }

  @AfterEach
  void nothingIsLeft() throws HipException {
    hip.streamDestroy(stream);
    assertThat(shim.liveOfBlas()).isZero();
    assertThat(shim.live(Shim.Kind.MODULE)).isZero();
    arena.close();
  }

  private BlasLt open() throws HipException {
    return BlasLt.open(HIP_6_3, () -> stream).orElseThrow();
  }

  private static ProductLibrary.Product product(DType operands, DType result, boolean add) {
    return new ProductLibrary.Product(operands, result, M, N, K, Y_STRIDE, add);
  }

  /** Small whole numbers, which every type holds exactly. */
  private MemorySegment matrix(DType type, int count, long seed) {
    Random random = new Random(seed);
    MemorySegment memory = arena.allocate(4L * count, 16);
    for (int i = 0; i < count; i++) {
      float value = random.nextInt(-3, 4);
      switch (type) {
        case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        case F16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
        case BF16 ->
            memory.setAtIndex(
                ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
        default -> throw new AssertionError(type);
      }
    }
    return memory;
  }

  private static float get(MemorySegment memory, DType type, int i) {
    return switch (type) {
      case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      case F16 -> Float.float16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i));
      case BF16 -> Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
      default -> throw new AssertionError(type);
    };
  }

  /** The shim's device memory is the host's, so matrices lie there. */
  private void multiplies(DType in, DType out, boolean add) throws HipException, BackendException {
    ProductLibrary.Product p = product(in, out, add);
    MemorySegment x = matrix(in, M * K, 1);
    MemorySegment w = matrix(in, N * K, 2);
    MemorySegment y = matrix(out, M * Y_STRIDE, 3);
    MemorySegment before = arena.allocate(y.byteSize(), 16).copyFrom(y);
    try (BlasLt blas = open();
        ProductLibrary.Plan plan = blas.plan(p, 0).orElseThrow()) {
      plan.run(x.address(), w.address(), y.address(), 0);
      hip.streamSynchronize(stream);
    }
    for (int i = 0; i < M; i++) {
      for (int j = 0; j < Y_STRIDE; j++) {
        int at = i * Y_STRIDE + j;
        float expected = j >= N || add ? get(before, out, at) : 0;
        for (int k = 0; k < K && j < N; k++) {
          expected += get(x, in, i * K + k) * get(w, in, j * K + k);
        }
        assertThat(get(y, out, at)).as("%s, row %d, column %d", p, i, j).isEqualTo(expected);
      }
    }
  }

  @Test
  void products_areThoseOfRowMajorMatrices() throws HipException, BackendException {
    multiplies(DType.BF16, DType.F32, false);
    multiplies(DType.BF16, DType.F32, true);
    multiplies(DType.BF16, DType.BF16, false);
    multiplies(DType.F16, DType.F16, false);
    multiplies(DType.F16, DType.F32, true);
  }

  @Test
  void withoutAnAlgorithm_thereIsNoPlan() throws HipException, BackendException {
    try (BlasLt blas = open()) {
      ProductLibrary.Product odd =
          new ProductLibrary.Product(DType.F16, DType.F16, 2, 4, 1023, 4, false);
      assertThat(blas.plan(odd, 0)).isEmpty();
      // What it says for a GPU that it has no kernels for.
      shim.failBlas(3);
      assertThat(blas.plan(product(DType.F16, DType.F16, false), 0)).isEmpty();
    }
  }

  @Test
  void aSearchThatFails_leavesNothing() throws HipException, BackendException {
    try (BlasLt blas = open()) {
      shim.failBlas(6);
      assertThatThrownBy(() -> blas.plan(product(DType.F16, DType.F16, false), 0))
          .hasMessageStartingWith(
              "linear: hipblasLtMatmulAlgoGetHeuristic: HIPBLAS_STATUS_INTERNAL_ERROR (6): ");
    }
  }

  @Test
  void aRunThatFails_namesTheProduct() throws HipException, BackendException {
    ProductLibrary.Product p = product(DType.BF16, DType.F32, false);
    try (BlasLt blas = open();
        ProductLibrary.Plan plan = blas.plan(p, 0).orElseThrow()) {
      shim.failBlas(5);
      assertThatThrownBy(() -> plan.run(16, 16, 16, 0))
          .hasMessage(
              "linear: hipblasLtMatmul(%s): HIPBLAS_STATUS_EXECUTION_FAILED (5): %s"
                  .formatted(p, System.getProperty("lamina.rocm.blaslt")));
    }
  }

  @Test
  void aLibraryThatDoesNotStart_isToldFromOneThatIsAbsent() {
    shim.failBlas(1);
    assertThatThrownBy(this::open)
        .hasMessageStartingWith("hipblasLtCreate: HIPBLAS_STATUS_NOT_INITIALIZED (1): ");
    assertThat(BlasLt.searched(HIP_6_3)).isEqualTo("libhipblaslt.so.0");
    assertThat(BlasLt.searched(70_000_000)).isEqualTo("libhipblaslt.so.1");
    assertThat(BlasLt.searched(50_200_000)).isEqualTo("a hipBLASLt for HIP 5");
  }

  @Test
  void anOlderLibrary_isRefused() {
    shim.versionOfBlas(300);
    assertThatThrownBy(this::open)
        .hasMessage(
            "hipBLASLt: expected 0.6 or newer, whose numbers are known, got 0.3 in %s; update ROCm"
                .formatted(System.getProperty("lamina.rocm.blaslt")));
  }

  @Test
  void sizes_areChecked() {
    assertThatThrownBy(() -> new ProductLibrary.Product(DType.F32, DType.F32, 1, 2, 3, 1, false))
        .hasMessage(
            "product: expected sizes of 1 or more and rows that do not overlap, got m 1, n 2, k 3 with stride 1");
  }
}
