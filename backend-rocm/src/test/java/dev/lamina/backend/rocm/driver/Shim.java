package dev.lamina.backend.rocm.driver;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * HIP for tests, of {@code src/test/native}, over backend-cuda's stub of NVIDIA's driver: a GPU of
 * 512 MiB whose memory is the host's and whose kernels g++ compiles, and hipBLASLt by such a
 * kernel. There is one in a process; opening it begins anew.
 */
public final class Shim {
  /** What {@link #live} counts, in the order of the stub's {@code state.c}. */
  public enum Kind {
    CONTEXT,
    STREAM,
    EVENT,
    MODULE,
    FUNCTION,
    GRAPH,
    EXEC,
    DEVICE_MEMORY,
    PINNED
  }

  private static final Path OWN = Path.of("src/test/native");
  private static final Path CUDA = Path.of("../backend-cuda/src/test/native");
  private static final Path KERNELS = Path.of("../backend-cuda/src/main/cuda");
  private static final Path FOLDER = Path.of(System.getProperty("lamina.rocm.library")).getParent();
  private static final long MEMORY_BYTES = 512L << 20;

  private static final class Loaded {
    static final SymbolLookup DRIVER = library(CUDA.resolve("stub/libcuda.c"), "libcuda.so.1");
    static final SymbolLookup COMPILER = library(OWN.resolve("libnvrtc.c"), "libnvrtc.so");
    static final SymbolLookup HIP = library(OWN.resolve("libamdhip64.c"), "libamdhip64.so");
    static final SymbolLookup BLAS = library(OWN.resolve("libhipblaslt.c"), "libhipblaslt.so");

    static {
      call(
          COMPILER,
          "host_compiler",
          text(CUDA.resolve("emulate.h").toAbsolutePath().normalize()),
          text(FOLDER.resolve("emulated")),
          emulatorHash());
      call(
          HIP,
          "shim_libraries",
          text(FOLDER.resolve("libcuda.so.1")),
          text(FOLDER.resolve("libnvrtc.so")));
      call(
          BLAS,
          "shim_plain",
          text(FOLDER.resolve("libamdhip64.so")),
          text(KERNELS.resolve("lamina.cuh")));
    }
  }

  private Shim() {}

  /**
   * Compiles the libraries if need be, and resets them. Skips the test that asks where there is no
   * C compiler.
   *
   * @return with one GPU
   */
  public static Shim open() {
    Shim shim = new Shim();
    call(Loaded.DRIVER, "stub_reset");
    call(Loaded.HIP, "shim_reset");
    call(Loaded.BLAS, "shim_blaslt_reset");
    shim.memory(MEMORY_BYTES);
    return shim;
  }

  /** Sets the GPU's memory. */
  public void memory(long bytes) {
    call(Loaded.DRIVER, "stub_memory", bytes);
  }

  /** Sets how many GPUs there are, the compute capability of all, and what initializing returns. */
  public void machine(int numDevices, int major, int initResult) {
    call(Loaded.DRIVER, "stub_machine", 13_000L, numDevices, major, 0L, initResult);
  }

  /**
   * Lets a later call fail, once; a code that the driver calls sticky loses the device for good.
   *
   * @param function the driver's function under HIP's
   * @param after how many calls of it succeed first
   * @param code what it returns
   */
  public void fail(String function, int after, int code) {
    call(Loaded.DRIVER, "stub_fail", text(function), after, code);
  }

  /** How many there are that were not freed, destroyed or unloaded. */
  public int live(Kind kind) {
    return call(Loaded.DRIVER, "stub_live", kind.ordinal());
  }

  /** How often a function of the driver was called since the reset. */
  public int calls(String function) {
    return call(Loaded.DRIVER, "stub_calls", text(function));
  }

  /** How many of hipBLASLt's handles, descriptions and layouts were not given back. */
  public int liveOfBlas() {
    return call(Loaded.BLAS, "shim_live");
  }

  /** How many products hipBLASLt submitted since the reset. */
  public int products() {
    return call(Loaded.BLAS, "shim_products");
  }

  /** Lets hipBLASLt's next start, search or product return a hipblasStatus_t. */
  public void failBlas(int status) {
    call(Loaded.BLAS, "shim_status", status);
  }

  /** The same of its next product. */
  public void failBlasProduct(int status) {
    call(Loaded.BLAS, "shim_product_status", status);
  }

  /** Sets hipBLASLt's version: 100,000 times the major, 100 times the minor. */
  public void versionOfBlas(int version) {
    call(Loaded.BLAS, "shim_version", version);
  }

  private static long text(Object text) {
    return Arena.global().allocateFrom(text.toString()).address();
  }

  @SuppressWarnings("restricted")
  private static int call(SymbolLookup library, String function, long... args) {
    MemoryLayout[] longs = new MemoryLayout[args.length];
    Arrays.fill(longs, ValueLayout.JAVA_LONG);
    MemorySegment at = library.find(function).orElseThrow();
    try {
      return (int)
          Linker.nativeLinker()
              .downcallHandle(at, FunctionDescriptor.of(ValueLayout.JAVA_INT, longs))
              .invokeWithArguments(Arrays.stream(args).boxed().toList());
    } catch (Throwable thrown) {
      throw new AssertionError(function, thrown);
    }
  }

  private static long emulatorHash() {
    try (Stream<Path> all = Files.walk(CUDA)) {
      long hash = 0;
      for (Path header : all.filter(file -> file.toString().endsWith(".h")).sorted().toList()) {
        hash = 31 * hash + Arrays.hashCode(Files.readAllBytes(header));
      }
      return hash;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @SuppressWarnings("restricted")
  private static SymbolLookup library(Path source, String name) {
    try {
      Path library = FOLDER.resolve(name);
      Files.createDirectories(FOLDER);
      Path fresh = Files.createTempFile(FOLDER, name, ".tmp");
      List<String> command = new ArrayList<>(List.of("cc"));
      command.addAll(List.of("-std=c11", "-DOWN_TYPES", "-O1", "-Wall"));
      command.addAll(List.of("-Wextra", "-Werror", "-fvisibility=hidden", "-shared", "-fPIC"));
      command.addAll(List.of("-pthread", source.toString(), "-ldl", "-o", fresh.toString()));
      run(command);
      Files.move(fresh, library, StandardCopyOption.REPLACE_EXISTING);
      return SymbolLookup.libraryLookup(library, Arena.global());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void run(List<String> command) throws IOException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      Assumptions.abort("no C compiler (cc), so no HIP for tests: " + e.getMessage());
      return;
    }
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ":\n" + text);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
