package dev.lamina.backend.cuda.driver;

import static dev.lamina.backend.cuda.driver.DowncallNative.call;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * NVIDIA's run-time compiler: CUDA C++ to a cubin, in this process and without a GPU. It brings no
 * headers, so a kernel may include only what is handed over with it. Thread-safe.
 */
final class Nvrtc {
  private static final int SUCCESS = 0;
  private static final List<String> LINUX_NAMES = List.of("libnvrtc.so.13", "libnvrtc.so.12");
  private static final List<String> WINDOWS_NAMES =
      List.of("nvrtc64_130_0.dll", "nvrtc64_120_0.dll");

  private final NativeLibrary library;
  private final String version;

  private Nvrtc(NativeLibrary library) throws CudaException {
    this.library = library;
    try (Scratch out = new Scratch()) {
      check("nvrtcVersion", call(at("nvrtcVersion"), out.address(), out.address() + Integer.BYTES));
      version = out.asInt() + "." + out.memory().get(ValueLayout.JAVA_INT, Integer.BYTES);
    }
  }

  /**
   * Opens the newest that is there: by soname, then in folders.
   *
   * @param folders where else to look, each also in {@code lib64}, {@code lib} and {@code bin}
   * @return the compiler
   * @throws CudaException unsupported, if there is none; it says what was searched
   */
  static Nvrtc open(List<Path> folders) throws CudaException {
    List<String> names = NativeLibrary.onWindows() ? WINDOWS_NAMES : LINUX_NAMES;
    List<String> searched = NativeLibrary.candidates(names, folders);
    Optional<NativeLibrary> library = NativeLibrary.open(searched);
    if (library.isEmpty()) {
      throw absent(searched);
    }
    Nvrtc nvrtc = new Nvrtc(library.get());
    nvrtc.openBuiltins(folders);
    return nvrtc;
  }

  /**
   * Opens the library that NVRTC opens by its bare soname when it compiles: the loader then knows
   * it, also where both lie in a folder that it does not search. If it is nowhere, compiling says
   * so.
   */
  private void openBuiltins(List<Path> folders) {
    String soname = "libnvrtc-builtins.so." + version;
    NativeLibrary.open(NativeLibrary.candidates(List.of(soname), folders));
  }

  /** What is said where no NVRTC was found. */
  static CudaException absent(List<String> searched) {
    return CudaException.unsupported(
        "nvrtc",
        "kernels: expected NVRTC as one of %s, found none; install the CUDA toolkit or pip's nvidia-cuda-nvrtc and name its folder in LAMINA_CUDA_PATH, or use a build whose jar has cubins"
            .formatted(String.join(", ", searched)));
  }

  /** Version as a part of cache keys, such as {@code 13.0}. */
  String version() {
    return version;
  }

  /**
   * Compiles one file.
   *
   * @param name the file's, for messages
   * @param source its text
   * @param headers text of what it may include, by the name it does so
   * @param options of NVRTC, the architecture among them
   * @return the cubin
   * @throws CudaException with the first error of the compiler's log
   */
  byte[] compile(String name, String source, Map<String, String> headers, List<String> options)
      throws CudaException {
    TreeMap<String, String> sorted = new TreeMap<>(headers);
    try (Scratch memory = new Scratch()) {
      long texts = memory.strings(List.copyOf(sorted.values()));
      long names = memory.strings(List.copyOf(sorted.keySet()));
      check(
          "nvrtcCreateProgram",
          call(
              at("nvrtcCreateProgram"),
              memory.address(),
              memory.string(source),
              memory.string(name),
              sorted.size(),
              texts,
              names));
      long program = memory.asLong();
      try {
        int result =
            call(at("nvrtcCompileProgram"), program, options.size(), memory.strings(options));
        if (result != SUCCESS) {
          throw new CudaException(
              "nvrtcCompileProgram(%s, %s)".formatted(name, String.join(" ", options)),
              result,
              errorName(result),
              firstError(log(program)),
              CudaException.Kind.OTHER);
        }
        return bytes(program, "nvrtcGetCUBINSize", "nvrtcGetCUBIN");
      } finally {
        check("nvrtcDestroyProgram", call(at("nvrtcDestroyProgram"), memory.address()));
      }
    }
  }

  private String log(long program) throws CudaException {
    byte[] log = bytes(program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog");
    return new String(log, StandardCharsets.UTF_8).replace("\0", "").strip();
  }

  /** The line of a log that names the first error, or all of it if none does. */
  private static String firstError(String log) {
    List<String> errors = log.lines().filter(line -> line.contains("error")).toList();
    return errors.isEmpty() ? log.replace('\n', ' ') : errors.getFirst();
  }

  private byte[] bytes(long program, String sizeFunction, String function) throws CudaException {
    long size;
    try (Scratch out = new Scratch()) {
      check(sizeFunction, call(at(sizeFunction), program, out.address()));
      size = out.asLong();
    }
    try (Scratch out = new Scratch(Math.max(1, size))) {
      check(function, call(at(function), program, out.address()));
      return out.memory().asSlice(0, size).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private MemorySegment at(String function) throws CudaException {
    return library.function(function, "install NVRTC of CUDA 12 or 13");
  }

  private void check(String function, int result) throws CudaException {
    if (result != SUCCESS) {
      throw new CudaException(
          function, result, errorName(result), library.name(), CudaException.Kind.OTHER);
    }
  }

  /** As nvrtc.h numbers those that compiling a whole file may return. */
  private static String errorName(int result) {
    return switch (result) {
      case 1 -> "NVRTC_ERROR_OUT_OF_MEMORY";
      case 2 -> "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
      case 3 -> "NVRTC_ERROR_INVALID_INPUT";
      case 4 -> "NVRTC_ERROR_INVALID_PROGRAM";
      case 5 -> "NVRTC_ERROR_INVALID_OPTION";
      case 6 -> "NVRTC_ERROR_COMPILATION";
      case 7 -> "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
      case 11 -> "NVRTC_ERROR_INTERNAL_ERROR";
      default -> "an nvrtcResult";
    };
  }
}
