package dev.lamina.backend.rocm.driver;

import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLASLT_MATMUL_DESC_TRANSA;
import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLAS_COMPUTE_32F;
import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLAS_OP_T;

import dev.lamina.backend.rocm.generated.BlasLtNative;
import dev.lamina.backend.rocm.generated._hipblasLtMatmulHeuristicResult_t;
import dev.lamina.backend.rocm.library.BlasLtLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/**
 * Matrix products by AMD's hipBLASLt, where it is installed. A plan is made once and run as often
 * as wanted, in a stream that may be captured too.
 *
 * <p>The library knows column-major matrices: of these, the row-major {@code y[m, n]} is an n by m
 * one, the product of the transposed w (k by n) and x (k by m).
 *
 * <p>Works on the calling thread's current device, for one thread at a time.
 */
public final class BlasLt implements AutoCloseable {
  /** 100,000 times the major and 100 times the minor: numbers and structs of older ones differ. */
  private static final int OLDEST = 600;

  private static final List<String> FUNCTIONS =
      List.of(
          "hipblasLtCreate",
          "hipblasLtDestroy",
          "hipblasLtGetVersion",
          "hipblasLtMatrixLayoutCreate",
          "hipblasLtMatrixLayoutDestroy",
          "hipblasLtMatmulDescCreate",
          "hipblasLtMatmulDescDestroy",
          "hipblasLtMatmulDescSetAttribute",
          "hipblasLtMatmulPreferenceCreate",
          "hipblasLtMatmulPreferenceDestroy",
          "hipblasLtMatmulPreferenceSetAttribute",
          "hipblasLtMatmulAlgoGetHeuristic",
          "hipblasLtMatmul");

  /** What a matrix holds: {@code hipDataType}. */
  public enum Type {
    /** IEEE single. */
    F32(BlasLtNative.HIP_R_32F()),
    /** IEEE half. */
    F16(BlasLtNative.HIP_R_16F()),
    /** bfloat16, {@code HIP_R_16BF}: the header of HIP 5 has no name for it. */
    BF16(14);

    private final int number;

    Type(int number) {
      this.number = number;
    }
  }

  /**
   * The product {@code y[m, n] = x[m, k] w[n, k]^T}, accumulated in F32; all three row-major.
   *
   * @param operands what x and w hold
   * @param result what y holds
   * @param m rows of x
   * @param n rows of w
   * @param k columns of both
   * @param yStride elements from one row of y to the next
   * @param accumulate whether it is added to y
   */
  public record Product(
      Type operands, Type result, long m, long n, long k, long yStride, boolean accumulate) {
    /** Compares sizes and the stride. */
    public Product {
      if (m < 1 || n < 1 || k < 1 || yStride < n) {
        throw new IllegalArgumentException(
            "product: expected sizes of 1 or more and rows that do not overlap, got m %d, n %d, k %d with stride %d"
                .formatted(m, n, k, yStride));
      }
    }
  }

  /** Opens the library, when it is first wanted: to load it takes a while. */
  @FunctionalInterface
  public interface Opener {
    /**
     * The library.
     *
     * @return empty if it is not installed
     * @throws HipException if it is but does not start
     */
    Optional<BlasLt> open() throws HipException;
  }

  private final String name;
  private final MemorySegment handle;

  private BlasLt(String name) throws HipException {
    this.name = name;
    try (Out out = new Out()) {
      check("hipblasLtCreate", BlasLtNative.hipblasLtCreate(out.memory()));
      handle = out.asPointer();
    }
    try {
      requireVersion();
    } catch (HipException e) {
      close();
      throw e;
    }
  }

  /**
   * Opens that of the runtime, on the current device.
   *
   * @param hipVersion as the runtime tells it
   * @return empty if it is not installed
   * @throws HipException if it is but does not start
   */
  public static Optional<BlasLt> open(int hipVersion) throws HipException {
    Optional<BlasLtLibrary> library = BlasLtLibrary.find(major(hipVersion));
    if (library.isEmpty()) {
      return Optional.empty();
    }
    for (String function : FUNCTIONS) {
      if (!library.get().has(function)) {
        throw HipException.unsupported(
            "%s: expected it in %s, which does not have it; install the hipBLASLt of ROCm 6 or 7"
                .formatted(function, library.get().name()));
      }
    }
    return Optional.of(new BlasLt(library.get().name()));
  }

  /**
   * What {@link #open} looks for, for people.
   *
   * @param hipVersion as the runtime tells it
   * @return a name without its folder
   */
  public static String searched(int hipVersion) {
    return BlasLtLibrary.searched(major(hipVersion));
  }

  private static int major(int hipVersion) {
    return hipVersion / 10_000_000;
  }

  private void requireVersion() throws HipException {
    try (Out out = new Out()) {
      check("hipblasLtGetVersion", BlasLtNative.hipblasLtGetVersion(handle, out.memory()));
      int version = out.asInt();
      if (version < OLDEST) {
        throw HipException.unsupported(
            "hipBLASLt: expected %d.%d or newer, whose numbers are known, got %d.%d in %s; update ROCm"
                .formatted(
                    OLDEST / 100_000, OLDEST / 100, version / 100_000, version / 100 % 1000, name));
      }
    }
  }

  private void check(String call, int status) throws HipException {
    if (status != BlasLtStatus.SUCCESS) {
      throw BlasLtStatus.failure(call, status, name);
    }
  }

  /** Fails only for a handle that is none, which is a mistake of this class. */
  private void destroyed(String call, int status) {
    if (status != BlasLtStatus.SUCCESS) {
      HipException e = BlasLtStatus.failure(call, status, name);
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  /**
   * The library's first choice of a way to compute a product.
   *
   * @param product what to compute
   * @param maxWorkspaceBytes device memory that it may need at most
   * @return for the caller to close; empty if the library has none
   * @throws HipException if it refuses
   */
  public Optional<Plan> plan(Product product, long maxWorkspaceBytes) throws HipException {
    Descriptions descriptions = new Descriptions(product);
    try (Out result = new Out(_hipblasLtMatmulHeuristicResult_t.sizeof())) {
      if (search(descriptions, maxWorkspaceBytes, result)) {
        return Optional.of(new Plan(product, descriptions, result.memory()));
      }
    } catch (HipException e) {
      descriptions.close();
      throw e;
    }
    descriptions.close();
    return Optional.empty();
  }

  /** Whether there is a way, written to the result. */
  private boolean search(Descriptions d, long maxWorkspaceBytes, Out result) throws HipException {
    try (Out out = new Out()) {
      check(
          "hipblasLtMatmulPreferenceCreate",
          BlasLtNative.hipblasLtMatmulPreferenceCreate(out.memory()));
      MemorySegment preference = out.asPointer();
      try {
        return search(d, preference, maxWorkspaceBytes, result);
      } finally {
        destroyed(
            "hipblasLtMatmulPreferenceDestroy",
            BlasLtNative.hipblasLtMatmulPreferenceDestroy(preference));
      }
    }
  }

  private boolean search(
      Descriptions d, MemorySegment preference, long maxWorkspaceBytes, Out result)
      throws HipException {
    try (Out out = new Out()) {
      out.memory().set(ValueLayout.JAVA_LONG, 0, maxWorkspaceBytes);
      check(
          "hipblasLtMatmulPreferenceSetAttribute",
          BlasLtNative.hipblasLtMatmulPreferenceSetAttribute(
              preference, HIPBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES(), out.memory(), Long.BYTES));
      int status =
          BlasLtNative.hipblasLtMatmulAlgoGetHeuristic(
              handle, d.matmul, d.w, d.x, d.y, d.y, preference, 1, result.memory(), out.memory());
      if (BlasLtStatus.isNoAlgorithm(status)) {
        return false;
      }
      check("hipblasLtMatmulAlgoGetHeuristic", status);
      return out.asInt() > 0
          && _hipblasLtMatmulHeuristicResult_t.state(result.memory()) == BlasLtStatus.SUCCESS;
    }
  }

  /** Gives the library's handle back; plans must be closed before. */
  @Override
  public void close() {
    destroyed("hipblasLtDestroy", BlasLtNative.hipblasLtDestroy(handle));
  }

  /** What a product is to the library. */
  private final class Descriptions implements AutoCloseable {
    private MemorySegment matmul = MemorySegment.NULL;
    private MemorySegment w = MemorySegment.NULL;
    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment y = MemorySegment.NULL;

    Descriptions(Product p) throws HipException {
      try {
        describe();
        w = layout(p.operands(), p.k(), p.n(), p.k());
        x = layout(p.operands(), p.k(), p.m(), p.k());
        y = layout(p.result(), p.n(), p.m(), p.yStride());
      } catch (HipException e) {
        close();
        throw e;
      }
    }

    private void describe() throws HipException {
      try (Out memory = new Out()) {
        check(
            "hipblasLtMatmulDescCreate",
            BlasLtNative.hipblasLtMatmulDescCreate(
                memory.memory(), HIPBLAS_COMPUTE_32F(), Type.F32.number));
        matmul = memory.asPointer();
        memory.memory().set(ValueLayout.JAVA_INT, 0, HIPBLAS_OP_T());
        check(
            "hipblasLtMatmulDescSetAttribute",
            BlasLtNative.hipblasLtMatmulDescSetAttribute(
                matmul, HIPBLASLT_MATMUL_DESC_TRANSA(), memory.memory(), Integer.BYTES));
      }
    }

    private MemorySegment layout(Type type, long rows, long columns, long stride)
        throws HipException {
      try (Out out = new Out()) {
        check(
            "hipblasLtMatrixLayoutCreate",
            BlasLtNative.hipblasLtMatrixLayoutCreate(
                out.memory(), type.number, rows, columns, stride));
        return out.asPointer();
      }
    }

    @Override
    public void close() {
      for (MemorySegment layout : List.of(y, x, w)) {
        if (layout.address() != 0) {
          destroyed(
              "hipblasLtMatrixLayoutDestroy", BlasLtNative.hipblasLtMatrixLayoutDestroy(layout));
        }
      }
      if (matmul.address() != 0) {
        destroyed("hipblasLtMatmulDescDestroy", BlasLtNative.hipblasLtMatmulDescDestroy(matmul));
      }
    }
  }

  /** A way to compute a product. */
  public final class Plan implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Product product;
    private final Descriptions descriptions;
    private final long workspaceBytes;
    private final MemorySegment algorithm;
    private final MemorySegment one;
    private final MemorySegment beta;

    private Plan(Product product, Descriptions descriptions, MemorySegment result) {
      this.product = product;
      this.descriptions = descriptions;
      workspaceBytes = _hipblasLtMatmulHeuristicResult_t.workspaceSize(result);
      MemorySegment found = _hipblasLtMatmulHeuristicResult_t.algo(result);
      algorithm = arena.allocate(found.byteSize(), Long.BYTES).copyFrom(found);
      one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1);
      beta = arena.allocateFrom(ValueLayout.JAVA_FLOAT, product.accumulate() ? 1 : 0);
    }

    /**
     * Submits one run.
     *
     * @param x device address, a multiple of 16
     * @param w device address, a multiple of 16
     * @param y device address, a multiple of 16
     * @param workspace device address of as much as the plan was made for, a multiple of 256
     * @param stream in whose order
     * @throws HipException if it is refused
     */
    public void run(long x, long w, long y, long workspace, long stream) throws HipException {
      MemorySegment out = MemorySegment.ofAddress(y);
      int status =
          BlasLtNative.hipblasLtMatmul(
              handle,
              descriptions.matmul,
              one,
              MemorySegment.ofAddress(w),
              descriptions.w,
              MemorySegment.ofAddress(x),
              descriptions.x,
              beta,
              out,
              descriptions.y,
              out,
              descriptions.y,
              algorithm,
              MemorySegment.ofAddress(workspace),
              workspaceBytes,
              MemorySegment.ofAddress(stream));
      if (status != BlasLtStatus.SUCCESS) {
        throw BlasLtStatus.failure("hipblasLtMatmul(" + product + ")", status, name);
      }
    }

    /** Frees the descriptions; work that was submitted goes on. */
    @Override
    public void close() {
      descriptions.close();
      arena.close();
    }
  }
}
