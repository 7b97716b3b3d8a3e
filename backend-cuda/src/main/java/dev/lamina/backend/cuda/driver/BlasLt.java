package dev.lamina.backend.cuda.driver;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Matrix products by NVIDIA's cuBLASLt, where it is installed. Plans are made once and run as often
 * as wanted, in a stream that may be captured too. A run costs the host 8 to 15 µs.
 *
 * <p>Works on the calling thread's current context. Making plans and running them is thread-safe;
 * one plan runs on one thread at a time.
 */
public interface BlasLt extends AutoCloseable {
  /** What a matrix holds: {@code cudaDataType}. */
  enum Type {
    /** IEEE single; multiplied as such, without TF32. */
    F32(0),
    /** IEEE half. */
    F16(2),
    /** bfloat16. */
    BF16(14);

    final int number;

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
   * @param xStride elements from one row of x to the next
   * @param wStride elements from one row of w to the next
   * @param yStride elements from one row of y to the next
   * @param accumulate whether something of y's dtype and strides is added, see {@link Plan#run}
   */
  record Product(
      Type operands,
      Type result,
      long m,
      long n,
      long k,
      long xStride,
      long wStride,
      long yStride,
      boolean accumulate) {
    /** Compares sizes and strides. */
    public Product {
      if (m < 1 || n < 1 || k < 1 || xStride < k || wStride < k || yStride < n) {
        throw new IllegalArgumentException(
            "product: expected sizes of 1 or more and rows that do not overlap, got m %d, n %d, k %d with strides x %d, w %d, y %d"
                .formatted(m, n, k, xStride, wStride, yStride));
      }
    }
  }

  /** A way to compute a product. */
  interface Plan extends AutoCloseable {
    /**
     * Device memory that a run needs.
     *
     * @return bytes, 0 or more
     */
    long workspaceBytes();

    /**
     * Submits one run.
     *
     * @param x device address, a multiple of 16
     * @param w device address, a multiple of 16
     * @param added device address of what the product is added to, y itself or memory apart from
     *     it, a multiple of 16; not read if the product does not accumulate
     * @param y device address, a multiple of 16
     * @param workspace device address of {@link #workspaceBytes()}, a multiple of 256
     * @param stream in whose order
     * @throws CudaException if it is refused
     */
    void run(long x, long w, long added, long y, long workspace, long stream) throws CudaException;

    /** Frees the descriptions; work that was submitted goes on. */
    @Override
    void close();
  }

  /** Opens the library, when it is first wanted: to load it takes a while. */
  @FunctionalInterface
  interface Opener {
    /**
     * The library.
     *
     * @return empty if it is not installed
     * @throws CudaException if it is but does not start
     */
    Optional<BlasLt> open() throws CudaException;
  }

  /**
   * Opens the newest that is there: by soname, then in the folders of {@code LAMINA_CUDA_PATH},
   * {@code CUDA_HOME} and {@code CUDA_PATH}.
   *
   * @return empty if it is not installed
   * @throws CudaException if it is but does not start
   */
  static Optional<BlasLt> open() throws CudaException {
    return open(KernelSettings.ofSystem().toolkits());
  }

  /**
   * The same with other folders.
   *
   * @param folders where to look after the system's loader
   * @return empty if it is not installed
   * @throws CudaException if it is but does not start
   */
  static Optional<BlasLt> open(List<Path> folders) throws CudaException {
    List<String> names =
        NativeLibrary.onWindows()
            ? List.of("cublasLt64_13.dll", "cublasLt64_12.dll")
            : List.of("libcublasLt.so.13", "libcublasLt.so.12");
    Optional<NativeLibrary> library = NativeLibrary.open(NativeLibrary.candidates(names, folders));
    return library.isEmpty() ? Optional.empty() : Optional.of(new FfmBlasLt(library.get()));
  }

  /**
   * Ways to compute a product, by the library's own estimate the quickest first. All give the same
   * bits in every run, and sums of parts of k are F32.
   *
   * @param product what to compute
   * @param maxWorkspaceBytes device memory that each may need at most
   * @param count at most as many
   * @return at least one, for the caller to close
   * @throws CudaException unsupported, if there is none
   */
  List<Plan> plans(Product product, long maxWorkspaceBytes, int count) throws CudaException;

  /** Gives the library's handle back; plans must be closed before. */
  @Override
  void close();
}
