package dev.lamina.backend.cuda.driver;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;

/**
 * The driver of {@code src/test/native/stub}: a GPU of 8 GiB and compute capability 9.0 whose
 * memory is the host's, through the binding that {@code lamina.cuda.binding} names, that of users
 * if none is named. There is one in a process; opening it begins anew.
 */
public final class StubDriver {
  /** What {@link #live} counts, in the order of {@code state.c}. */
  public enum Kind {
    CONTEXT,
    STREAM,
    EVENT,
    MODULE,
    FUNCTION,
    GRAPH,
    EXEC,
    DEVICE_MEMORY,
    PINNED,
    REGISTERED
  }

  private final NativeLibrary library;
  private final Driver driver;

  private StubDriver(NativeLibrary library) {
    this.library = library;
    this.driver = System.getProperty("lamina.cuda.binding") == null ? ffm() : named();
  }

  private Driver ffm() {
    return new FfmDriver(library);
  }

  /** Another binding looks for the soname, which the loader knows once the stub is loaded. */
  private static Driver named() {
    String machine = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    Assumptions.assumeTrue(
        machine.equals("Linux amd64"), "bindings that bring natives are tested on Linux on x86-64");
    try {
      return Bindings.open().orElseThrow();
    } catch (CudaException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Compiles it if need be, and resets it. Skips the test that asks where there is no C compiler.
   *
   * @return not initialized, without a context
   */
  public static StubDriver open() {
    Path file = StubCompiler.compile("libcuda", "libcuda.so.1");
    StubDriver stub = new StubDriver(NativeLibrary.open(List.of(file.toString())).orElseThrow());
    stub.call("stub_reset");
    return stub;
  }

  /**
   * The binding over it.
   *
   * @return the same at each call
   */
  public Driver driver() {
    return driver;
  }

  /**
   * Another binding over the same, to which functions are missing.
   *
   * @param missing their names
   * @return as if the driver were older
   */
  public Driver driverWithout(String... missing) {
    SymbolLookup all = library.symbols();
    List<String> names = List.of(missing);
    SymbolLookup some = name -> names.contains(name) ? Optional.empty() : all.find(name);
    return new FfmDriver(new NativeLibrary("libcuda.so.1", some));
  }

  /**
   * A current context on the calling thread.
   *
   * @return the driver, initialized
   */
  public Driver withContext() throws CudaException {
    driver.init();
    driver.use(driver.primaryContextRetain(driver.device(0)));
    return driver;
  }

  /**
   * Lets a later call fail, once; a code that the driver calls sticky loses the device for good.
   *
   * @param function the C function
   * @param after how many calls of it succeed first
   * @param code the CUresult
   */
  public void fail(String function, int after, int code) {
    try (Scratch in = new Scratch()) {
      call("stub_fail", in.string(function), after, code);
    }
  }

  /**
   * Sets what the probe sees.
   *
   * @param driverVersion 1000 times the major version of CUDA and 10 times the minor
   * @param numDevices GPUs; the second is of compute capability 7.5
   * @param major compute capability of the first
   * @param minor its last digit
   * @param initResult what initializing returns
   */
  public void machine(int driverVersion, int numDevices, int major, int minor, int initResult) {
    call("stub_machine", driverVersion, numDevices, major, minor, initResult, 0);
  }

  /**
   * Sets the device's memory.
   *
   * @param bytes all of it
   */
  public void memory(long bytes) {
    call("stub_memory", bytes);
  }

  /**
   * Sets what kernels say that they were compiled for.
   *
   * @param architecture such as 80
   */
  public void compiledFor(int architecture) {
    call("stub_compiled_for", architecture);
  }

  /**
   * Lets the next queries of streams and events say that work still runs.
   *
   * @param queries how many
   */
  public void notReady(int queries) {
    call("stub_not_ready", queries);
  }

  /**
   * How often a function was called since the reset.
   *
   * @param function the C function
   * @return 0 or more
   */
  public int calls(String function) {
    try (Scratch in = new Scratch()) {
      return call("stub_calls", in.string(function));
    }
  }

  /**
   * How many there are that were not freed, destroyed or unloaded.
   *
   * @param kind of what
   * @return 0 or more
   */
  public int live(Kind kind) {
    return call("stub_live", kind.ordinal());
  }

  /**
   * The last kernel that ran.
   *
   * @param field 0 to 2 the grid, 3 to 5 the block, 6 dynamic shared memory, 7 whether programmatic
   *     dependent launch was allowed, 8 to 10 the cluster
   * @return the number
   */
  public int lastLaunch(int field) {
    return call("stub_last_launch", field);
  }

  /**
   * The image of a module whose kernels were compiled for the host.
   *
   * @param library the shared object; empty for the stub's own kernels
   * @return what a module is loaded from
   */
  public static byte[] image(String library) {
    return ("stub:" + library + "\0").getBytes(StandardCharsets.UTF_8);
  }

  private int call(String function, long... args) {
    return call(library, function, args);
  }

  /** Calls what a stub exports for tests. */
  static int call(NativeLibrary library, String function, long... args) {
    MemorySegment at = library.symbols().find(function).orElseThrow();
    return switch (args.length) {
      case 0 -> DowncallNative.call(at);
      case 1 -> DowncallNative.call(at, args[0]);
      case 3 -> DowncallNative.call(at, args[0], args[1], args[2]);
      case 6 -> DowncallNative.call(at, args[0], args[1], args[2], args[3], args[4], args[5]);
      default -> throw new AssertionError(function);
    };
  }
}
