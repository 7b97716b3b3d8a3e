package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** cuBLASLt over a stub that multiplies on the host. */
class BlasLtTest {
  private static final int M = 3;
  private static final int N = 5;
  private static final int K = 8;

  private final Arena arena = Arena.ofConfined();
  private StubBlasLt made;
  private NativeLibrary stub;
  private BlasLt blas;

  @BeforeEach
  void open() throws CudaException {
    made = StubBlasLt.load();
    stub = made.library();
    blas = made.open().orElseThrow();
  }

  @AfterEach
  void nothingIsLeft() {
    blas.close();
    assertThat(made.live()).isZero();
    arena.close();
  }

  private static BlasLt.Product product(BlasLt.Type operands, BlasLt.Type result, boolean add) {
    return new BlasLt.Product(operands, result, M, N, K, K + 1, K + 2, N + 3, add);
  }

  /** Small whole numbers, which every type holds exactly. */
  private MemorySegment matrix(BlasLt.Type type, int rows, int stride, long seed) {
    Random random = new Random(seed);
    MemorySegment memory = arena.allocate(4L * rows * stride, 16);
    for (int i = 0; i < rows * stride; i++) {
      set(memory, type, i, random.nextInt(-3, 4));
    }
    return memory;
  }

  private static void set(MemorySegment memory, BlasLt.Type type, int i, float value) {
    switch (type) {
      case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      case F16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
      case BF16 ->
          memory.setAtIndex(
              ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
    }
  }

  private static float get(MemorySegment memory, BlasLt.Type type, int i) {
    return switch (type) {
      case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      case F16 -> Float.float16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i));
      case BF16 -> Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
    };
  }

  private void multiplies(BlasLt.Type in, BlasLt.Type out, boolean add) throws CudaException {
    BlasLt.Product p = product(in, out, add);
    MemorySegment x = matrix(in, M, (int) p.xStride(), 1);
    MemorySegment w = matrix(in, N, (int) p.wStride(), 2);
    MemorySegment y = matrix(out, M, (int) p.yStride(), 3);
    // What is added lies apart from the result, or is it.
    MemorySegment added = in == out ? matrix(out, M, (int) p.yStride(), 4) : y;
    MemorySegment before = arena.allocate(y.byteSize(), 16).copyFrom(add ? added : y);
    MemorySegment kept = arena.allocate(y.byteSize(), 16).copyFrom(y);
    try (BlasLt.Plan plan = blas.plans(p, 0, 1).getFirst()) {
      plan.run(x.address(), w.address(), added.address(), y.address(), 0, 0);
    }
    for (int i = 0; i < M; i++) {
      for (int j = 0; j < p.yStride(); j++) {
        int at = i * (int) p.yStride() + j;
        float expected = j >= N ? get(kept, out, at) : add ? get(before, out, at) : 0;
        for (int k = 0; k < K && j < N; k++) {
          expected += get(x, in, i * (int) p.xStride() + k) * get(w, in, j * (int) p.wStride() + k);
        }
        assertThat(get(y, out, at)).as("%s, row %d, column %d", p, i, j).isEqualTo(expected);
      }
    }
  }

  @Test
  void products_areThoseOfRowMajorMatrices() throws CudaException {
    multiplies(BlasLt.Type.F32, BlasLt.Type.F32, false);
    multiplies(BlasLt.Type.F32, BlasLt.Type.F32, true);
    multiplies(BlasLt.Type.BF16, BlasLt.Type.BF16, false);
    multiplies(BlasLt.Type.BF16, BlasLt.Type.F32, true);
    multiplies(BlasLt.Type.F16, BlasLt.Type.F16, false);
  }

  @Test
  void plans_areThoseThatWorkWithinTheWorkspace() throws CudaException {
    List<BlasLt.Plan> plans =
        blas.plans(product(BlasLt.Type.BF16, BlasLt.Type.BF16, false), 2048, 8);
    assertThat(plans).extracting(BlasLt.Plan::workspaceBytes).containsExactly(0L, 2048L);
    MemorySegment memory = arena.allocate(4096, 256);
    long at = memory.address();
    plans.getLast().run(at, at, 0, at, at, 0);
    assertThat(made.lastAlgorithm()).isEqualTo(102);
    plans.forEach(BlasLt.Plan::close);
  }

  @Test
  void withoutAnAlgorithm_itSaysSo() {
    BlasLt.Product odd =
        new BlasLt.Product(BlasLt.Type.F16, BlasLt.Type.F16, 2, 4, 7, 7, 7, 4, false);
    assertThatThrownBy(() -> blas.plans(odd, 1024, 4))
        .hasMessage(
            "cuBLASLt: expected an algorithm for %s within 1024 bytes of workspace, got none; use another kernel"
                .formatted(odd));
  }

  @Test
  void aProductThatIsRefused_leavesNothing() throws CudaException {
    NativeLibrary broken =
        new NativeLibrary(
            "broken",
            name ->
                name.equals("cublasLtMatrixLayoutCreate")
                    ? Optional.empty()
                    : stub.symbols().find(name));
    BlasLt other = new FfmBlasLt(broken);
    assertThatThrownBy(() -> other.plans(product(BlasLt.Type.F32, BlasLt.Type.F32, false), 0, 1))
        .hasMessageStartingWith("cublasLtMatrixLayoutCreate: expected it in broken");
    other.close();
  }

  @Test
  void aRunThatFails_namesTheProduct() throws CudaException {
    BlasLt.Product p = product(BlasLt.Type.F32, BlasLt.Type.F32, false);
    try (BlasLt.Plan plan = blas.plans(p, 0, 1).getFirst()) {
      made.fail(13);
      assertThatThrownBy(() -> plan.run(16, 16, 0, 16, 0, 0))
          .hasMessage(
              "cublasLtMatmul(%s): CUBLAS_STATUS_EXECUTION_FAILED (13): %s"
                  .formatted(p, stub.name()));
    }
  }

  @Test
  void aLibraryThatDoesNotStart_isToldFromOneThatIsAbsent() throws CudaException {
    made.fail(1);
    assertThatThrownBy(() -> new FfmBlasLt(stub))
        .hasMessageStartingWith("cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED (1): ");
    assertThat(
            NativeLibrary.open(
                NativeLibrary.candidates(List.of("libno-such.so.13"), List.of(Path.of("/no")))))
        .isEmpty();
  }

  @Test
  void anOlderLibrary_isToldWhatItLacks() {
    NativeLibrary older = new NativeLibrary("libcublasLt.so.12", name -> Optional.empty());
    assertThatThrownBy(() -> new FfmBlasLt(older))
        .hasMessage(
            "cublasLtMatmul: expected it in libcublasLt.so.12, which does not have it; install cuBLAS of CUDA 12 or 13");
  }

  @Test
  void sizes_areChecked() {
    assertThatThrownBy(
            () -> new BlasLt.Product(BlasLt.Type.F32, BlasLt.Type.F32, 1, 2, 3, 2, 3, 2, false))
        .hasMessage(
            "product: expected sizes of 1 or more and rows that do not overlap, got m 1, n 2, k 3 with strides x 2, w 3, y 2");
  }
}
