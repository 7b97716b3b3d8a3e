package dev.lamina.backend.cuda.driver;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The cuBLASLt of {@code src/test/native/stub}, which multiplies on the host when it is called.
 * There is one in a process.
 */
public final class StubBlasLt {
  private final NativeLibrary library;

  private StubBlasLt(NativeLibrary library) {
    this.library = library;
  }

  /** Compiles it if need be. Skips the test that asks where there is no C compiler. */
  public static StubBlasLt load() {
    Path file = StubCompiler.compile("libcublasLt", "libcublasLt.so.13");
    return new StubBlasLt(NativeLibrary.open(List.of(file.toString())).orElseThrow());
  }

  /** The library as the binding sees it. */
  NativeLibrary library() {
    return library;
  }

  /**
   * The binding over it.
   *
   * @return never empty
   */
  public Optional<BlasLt> open() throws CudaException {
    return Optional.of(new FfmBlasLt(library));
  }

  /**
   * The algorithm of the last product; asking forgets it.
   *
   * @return 100 for the first choice, 0 if there was no product since
   */
  public int lastAlgorithm() {
    return StubDriver.call(library, "stub_algorithm");
  }

  /**
   * How many handles, descriptions and layouts were not given back.
   *
   * @return 0 or more
   */
  public int live() {
    return StubDriver.call(library, "stub_live");
  }

  /**
   * Lets the next start or product fail.
   *
   * @param status the cublasStatus_t
   */
  public void fail(int status) {
    StubDriver.call(library, "stub_status", status);
  }
}
