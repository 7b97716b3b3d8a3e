package dev.lamina.backend.cuda.driver;

import static dev.lamina.backend.cuda.driver.DowncallNative.call;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * cuBLASLt through {@code java.lang.foreign}. It knows column-major matrices: of these, the
 * row-major {@code y[m, n]} is an n by m one, the product of the transposed w (k by n) and x (k by
 * m).
 */
final class FfmBlasLt implements BlasLt {
  private static final int SUCCESS = 0;
  private static final int NOT_SUPPORTED = 15;
  private static final int COMPUTE_32F = 68;
  private static final int DESC_TRANSA = 3;
  private static final int PREF_MAX_WORKSPACE_BYTES = 1;
  private static final int PREF_REDUCTION_SCHEME_MASK = 3;
  private static final int PREF_MIN_ALIGNMENT_A_BYTES = 5;
  private static final int PREF_MIN_ALIGNMENT_D_BYTES = 8;
  private static final int REDUCTION_IN_COMPUTE_TYPE = 2;
  private static final int ALIGNMENT = 16;
  private static final int TRANSPOSE = 1;

  // cublasLtMatmulHeuristicResult_t: an algorithm of 64 bytes, its workspace, status, waves, spare.
  private static final long RESULT_BYTES = 96;
  private static final long RESULT_WORKSPACE = 64;
  private static final long RESULT_STATUS = 72;

  private final NativeLibrary library;
  private final MemorySegment matmul;
  private final long handle;

  FfmBlasLt(NativeLibrary library) throws CudaException {
    this.library = library;
    this.matmul = at("cublasLtMatmul");
    this.handle = create("cublasLtCreate");
  }

  private MemorySegment at(String function) throws CudaException {
    return library.function(function, "install cuBLAS of CUDA 12 or 13");
  }

  private void check(String call, int status) throws CudaException {
    if (status != SUCCESS) {
      throw new CudaException(
          call,
          status,
          statusName(status),
          library.name(),
          switch (status) {
            case 3 -> CudaException.Kind.OUT_OF_MEMORY;
            case 8, NOT_SUPPORTED -> CudaException.Kind.UNSUPPORTED;
            default -> CudaException.Kind.OTHER;
          });
    }
  }

  /** As cublas_api.h numbers them. */
  private static String statusName(int status) {
    return switch (status) {
      case 1 -> "CUBLAS_STATUS_NOT_INITIALIZED";
      case 3 -> "CUBLAS_STATUS_ALLOC_FAILED";
      case 7 -> "CUBLAS_STATUS_INVALID_VALUE";
      case 8 -> "CUBLAS_STATUS_ARCH_MISMATCH";
      case 11 -> "CUBLAS_STATUS_MAPPING_ERROR";
      case 13 -> "CUBLAS_STATUS_EXECUTION_FAILED";
      case 14 -> "CUBLAS_STATUS_INTERNAL_ERROR";
      case NOT_SUPPORTED -> "CUBLAS_STATUS_NOT_SUPPORTED";
      default -> "a cublasStatus_t";
    };
  }

  private long create(String function) throws CudaException {
    try (Scratch out = new Scratch()) {
      check(function, call(at(function), out.address()));
      return out.asLong();
    }
  }

  private long layout(Type type, long rows, long columns, long stride) throws CudaException {
    try (Scratch out = new Scratch()) {
      check(
          "cublasLtMatrixLayoutCreate",
          call(
              at("cublasLtMatrixLayoutCreate"), out.address(), type.number, rows, columns, stride));
      return out.asLong();
    }
  }

  private long description() throws CudaException {
    try (Scratch memory = new Scratch()) {
      check(
          "cublasLtMatmulDescCreate",
          call(at("cublasLtMatmulDescCreate"), memory.address(), COMPUTE_32F, Type.F32.number));
      long description = memory.asLong();
      memory.memory().set(ValueLayout.JAVA_INT, 0, TRANSPOSE);
      check(
          "cublasLtMatmulDescSetAttribute",
          call(
              at("cublasLtMatmulDescSetAttribute"),
              description,
              DESC_TRANSA,
              memory.address(),
              Integer.BYTES));
      return description;
    }
  }

  private long preference(long maxWorkspaceBytes) throws CudaException {
    long preference = create("cublasLtMatmulPreferenceCreate");
    try {
      prefer(preference, PREF_MAX_WORKSPACE_BYTES, maxWorkspaceBytes, Long.BYTES);
      // Not in place: parts of k are added in the workspace, in one order.
      prefer(preference, PREF_REDUCTION_SCHEME_MASK, REDUCTION_IN_COMPUTE_TYPE, Integer.BYTES);
      for (int i = PREF_MIN_ALIGNMENT_A_BYTES; i <= PREF_MIN_ALIGNMENT_D_BYTES; i++) {
        prefer(preference, i, ALIGNMENT, Integer.BYTES);
      }
      return preference;
    } catch (CudaException e) {
      destroy("cublasLtMatmulPreferenceDestroy", preference);
      throw e;
    }
  }

  private void prefer(long preference, int attribute, long value, int bytes) throws CudaException {
    String function = "cublasLtMatmulPreferenceSetAttribute";
    try (Scratch in = new Scratch()) {
      in.memory().set(ValueLayout.JAVA_LONG, 0, value);
      check(function, call(at(function), preference, attribute, in.address(), bytes));
    }
  }

  @Override
  public List<Plan> plans(Product product, long maxWorkspaceBytes, int count) throws CudaException {
    List<Plan> plans = new ArrayList<>();
    long preference = preference(maxWorkspaceBytes);
    try (Descriptions descriptions = new Descriptions(product);
        Scratch results = new Scratch(RESULT_BYTES * count)) {
      int found = search(product, descriptions, preference, results, count);
      for (int i = 0; i < found; i++) {
        MemorySegment result = results.memory().asSlice(RESULT_BYTES * i, RESULT_BYTES);
        if (result.get(ValueLayout.JAVA_INT, RESULT_STATUS) == SUCCESS) {
          plans.add(new FfmPlan(product, result));
        }
      }
    } catch (CudaException e) {
      plans.forEach(Plan::close);
      throw e;
    } finally {
      destroy("cublasLtMatmulPreferenceDestroy", preference);
    }
    if (plans.isEmpty()) {
      throw CudaException.unsupported(
          "cublasLtMatmulAlgoGetHeuristic",
          "cuBLASLt: expected an algorithm for %s within %d bytes of workspace, got none; use another kernel"
              .formatted(product, maxWorkspaceBytes));
    }
    return plans;
  }

  /** Fills the results; returns how many there are, 0 if the library has no algorithm. */
  private int search(
      Product product, Descriptions descriptions, long preference, Scratch results, int count)
      throws CudaException {
    try (Scratch found = new Scratch()) {
      int status =
          call(
              at("cublasLtMatmulAlgoGetHeuristic"),
              handle,
              descriptions.description,
              descriptions.w,
              descriptions.x,
              descriptions.y,
              descriptions.y,
              preference,
              count,
              results.address(),
              found.address());
      if (status == NOT_SUPPORTED) {
        return 0;
      }
      check("cublasLtMatmulAlgoGetHeuristic(" + product + ")", status);
      return found.asInt();
    }
  }

  /** Fails only for a handle that is none, which is a mistake of this class. */
  private void destroy(String function, long object) {
    try {
      check(function, call(at(function), object));
    } catch (CudaException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    destroy("cublasLtDestroy", handle);
  }

  /** What a product is to the library. */
  private final class Descriptions implements AutoCloseable {
    private long description;
    private long w;
    private long x;
    private long y;

    Descriptions(Product p) throws CudaException {
      try {
        description = description();
        w = layout(p.operands(), p.k(), p.n(), p.wStride());
        x = layout(p.operands(), p.k(), p.m(), p.xStride());
        y = layout(p.result(), p.n(), p.m(), p.yStride());
      } catch (CudaException e) {
        close();
        throw e;
      }
    }

    @Override
    public void close() {
      for (long layout : new long[] {y, x, w}) {
        if (layout != 0) {
          destroy("cublasLtMatrixLayoutDestroy", layout);
        }
      }
      if (description != 0) {
        destroy("cublasLtMatmulDescDestroy", description);
      }
    }
  }

  private final class FfmPlan implements Plan {
    private final Arena arena = Arena.ofShared();
    private final Product product;
    private final Descriptions descriptions;
    private final long workspaceBytes;
    private final long algorithm;
    private final long one;
    private final long beta;

    FfmPlan(Product product, MemorySegment result) throws CudaException {
      this.product = product;
      this.descriptions = new Descriptions(product);
      this.workspaceBytes = result.get(ValueLayout.JAVA_LONG, RESULT_WORKSPACE);
      this.algorithm =
          arena
              .allocate(RESULT_WORKSPACE, Long.BYTES)
              .copyFrom(result.asSlice(0, RESULT_WORKSPACE))
              .address();
      this.one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1).address();
      this.beta =
          arena.allocateFrom(ValueLayout.JAVA_FLOAT, product.accumulate() ? 1 : 0).address();
    }

    @Override
    public long workspaceBytes() {
      return workspaceBytes;
    }

    @Override
    public void run(long x, long w, long added, long y, long workspace, long stream)
        throws CudaException {
      int status =
          call(
              matmul,
              handle,
              descriptions.description,
              one,
              w,
              descriptions.w,
              x,
              descriptions.x,
              beta,
              product.accumulate() ? added : y,
              descriptions.y,
              y,
              descriptions.y,
              algorithm,
              workspace,
              workspaceBytes,
              stream);
      if (status != SUCCESS) {
        check("cublasLtMatmul(" + product + ")", status);
      }
    }

    @Override
    public void close() {
      descriptions.close();
      arena.close();
    }
  }
}
