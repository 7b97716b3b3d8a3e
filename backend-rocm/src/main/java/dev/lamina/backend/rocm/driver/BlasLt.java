package dev.lamina.backend.rocm.driver;

import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLASLT_MATMUL_DESC_TRANSA;
import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLAS_COMPUTE_32F;
import static dev.lamina.backend.rocm.generated.BlasLtNative.HIPBLAS_OP_T;

import dev.lamina.backend.rocm.generated.BlasLtNative;
import dev.lamina.backend.rocm.generated._hipblasLtMatmulHeuristicResult_t;
import dev.lamina.backend.rocm.library.BlasLtLibrary;
import dev.lamina.backend.sdk.grid.ProductLibrary;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Matrix products by AMD's hipBLASLt, where it is installed. A plan is made once and run as often
 * as wanted, in a stream that may be captured too.
 *
 * <p>The library knows column-major matrices: of these, the row-major {@code y[m, n]} is an n by m
 * one, the product of the transposed w (k by n) and x (k by m).
 *
 * <p>Works on the calling thread's current device, for one thread at a time.
 */
public final class BlasLt implements ProductLibrary {
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

  private final String name;
  private final LongSupplier stream;
  private final MemorySegment handle;

  private BlasLt(String name, LongSupplier stream) throws HipException {
    this.name = name;
    this.stream = stream;
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
   * @param stream in whose order products are submitted, asked at each
   * @return empty if it is not installed
   * @throws HipException if it is but does not start
   */
  public static Optional<BlasLt> open(int hipVersion, LongSupplier stream) throws HipException {
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
    return Optional.of(new BlasLt(library.get().name(), stream));
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

  @Override
  public Optional<BlasPlan> plan(Product product, long maxWorkspaceBytes) throws BackendException {
    try (Out result = new Out(_hipblasLtMatmulHeuristicResult_t.sizeof())) {
      Descriptions descriptions = new Descriptions(product);
      try {
        if (search(descriptions, maxWorkspaceBytes, result)) {
          return Optional.of(new BlasPlan(product, descriptions, result.memory()));
        }
      } catch (HipException e) {
        descriptions.close();
        throw e;
      }
      descriptions.close();
      return Optional.empty();
    } catch (HipException e) {
      throw Failures.of("linear", e);
    }
  }

  /** A {@code hipDataType}. Of BF16, {@code HIP_R_16BF}, the header of HIP 5 has no name. */
  private static int number(DType dtype) {
    return switch (dtype) {
      case F32 -> BlasLtNative.HIP_R_32F();
      case F16 -> BlasLtNative.HIP_R_16F();
      case BF16 -> 14;
      default ->
          throw new IllegalArgumentException("product: expected f32, f16 or bf16, got " + dtype);
    };
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
                memory.memory(), HIPBLAS_COMPUTE_32F(), number(DType.F32)));
        matmul = memory.asPointer();
        memory.memory().set(ValueLayout.JAVA_INT, 0, HIPBLAS_OP_T());
        check(
            "hipblasLtMatmulDescSetAttribute",
            BlasLtNative.hipblasLtMatmulDescSetAttribute(
                matmul, HIPBLASLT_MATMUL_DESC_TRANSA(), memory.memory(), Integer.BYTES));
      }
    }

    private MemorySegment layout(DType type, long rows, long columns, long stride)
        throws HipException {
      try (Out out = new Out()) {
        check(
            "hipblasLtMatrixLayoutCreate",
            BlasLtNative.hipblasLtMatrixLayoutCreate(
                out.memory(), number(type), rows, columns, stride));
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
  final class BlasPlan implements Plan {
    private final Arena arena = Arena.ofShared();
    private final Product product;
    private final Descriptions descriptions;
    private final long workspaceBytes;
    private final MemorySegment algorithm;
    private final MemorySegment one;
    private final MemorySegment beta;

    private BlasPlan(Product product, Descriptions descriptions, MemorySegment result) {
      this.product = product;
      this.descriptions = descriptions;
      workspaceBytes = _hipblasLtMatmulHeuristicResult_t.workspaceSize(result);
      MemorySegment found = _hipblasLtMatmulHeuristicResult_t.algo(result);
      algorithm = arena.allocate(found.byteSize(), Long.BYTES).copyFrom(found);
      one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1);
      beta = arena.allocateFrom(ValueLayout.JAVA_FLOAT, product.accumulate() ? 1 : 0);
    }

    @Override
    public void run(long x, long w, long y, long workspace) throws BackendException {
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
              MemorySegment.ofAddress(stream.getAsLong()));
      if (status != BlasLtStatus.SUCCESS) {
        String call = "hipblasLtMatmul(" + product + ")";
        throw Failures.of("linear", BlasLtStatus.failure(call, status, name));
      }
    }

    @Override
    public void close() {
      descriptions.close();
      arena.close();
    }
  }
}
