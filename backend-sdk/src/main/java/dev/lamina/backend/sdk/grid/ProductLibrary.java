package dev.lamina.backend.sdk.grid;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.ir.DType;
import java.util.Optional;

/**
 * A vendor's library of matrix products on one device, such as {@link LibraryProducts} asks for
 * projections. Plans are made once and run as often as wanted, in what is captured too. For one
 * thread at a time.
 */
public interface ProductLibrary extends AutoCloseable {
  /**
   * The product {@code y[m, n] = x[m, k] w[n, k]^T}, accumulated in F32; all three row-major.
   *
   * @param operands what x and w hold: F32, F16 or BF16
   * @param result what y holds: F32, F16 or BF16
   * @param m rows of x
   * @param n rows of w
   * @param k columns of both
   * @param yStride elements from one row of y to the next
   * @param accumulate whether it is added to y
   */
  record Product(
      DType operands, DType result, long m, long n, long k, long yStride, boolean accumulate) {
    /** Compares sizes and the stride. */
    public Product {
      if (m < 1 || n < 1 || k < 1 || yStride < n) {
        throw new IllegalArgumentException(
            "product: expected sizes of 1 or more and rows that do not overlap, got m %d, n %d, k %d with stride %d"
                .formatted(m, n, k, yStride));
      }
    }
  }

  /** A way to compute a product. */
  interface Plan extends AutoCloseable {
    /**
     * Submits one run in the device's order of work.
     *
     * @param x device address, a multiple of 16
     * @param w device address, a multiple of 16
     * @param y device address, a multiple of 16
     * @param workspace device address of as much as the plan was made for, a multiple of 256
     * @throws BackendException if it is refused
     */
    void run(long x, long w, long y, long workspace) throws BackendException;

    /** Frees the plan; work that was submitted goes on. */
    @Override
    void close();
  }

  /** Opens a library, when it is first wanted: to load one takes a while. */
  @FunctionalInterface
  interface Opener {
    /**
     * The library, on the calling thread's current device.
     *
     * @return empty if it is not installed
     * @throws BackendException if it is but does not start
     */
    Optional<? extends ProductLibrary> open() throws BackendException;
  }

  /**
   * The library's first choice of a way to compute a product.
   *
   * @param product what to compute
   * @param maxWorkspaceBytes device memory that it may need at most
   * @return for the caller to close; empty if the library has none
   * @throws BackendException if it refuses
   */
  Optional<? extends Plan> plan(Product product, long maxWorkspaceBytes) throws BackendException;

  /** Gives the library back; plans must be closed before. */
  @Override
  void close();
}
