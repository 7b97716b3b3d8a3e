package dev.lamina.backend.rocm.driver;

import dev.lamina.backend.rocm.generated.HipNative;
import dev.lamina.backend.sdk.grid.KernelSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeMap;

/**
 * HIP's run-time compiler: C++ to a code object, in this process and without a GPU. It knows HIP's
 * own headers by itself; what else a kernel includes is handed over with it. Thread-safe.
 */
final class Hiprtc {
  private static final int SUCCESS = 0;

  private final Architectures known;

  /**
   * That of this process's library.
   *
   * @param known what it may be asked to compile for
   */
  Hiprtc(Architectures known) {
    this.known = known;
  }

  /**
   * Options of a compilation. Products and sums are rounded one by one, as the kernels are written.
   *
   * @param arch such as {@code gfx90a}
   */
  static List<String> options(String arch) {
    return List.of("--offload-arch=" + arch, "-std=c++17", "-O3", "-ffp-contract=off");
  }

  /**
   * Compiles one file.
   *
   * @param source its text, and that of what it includes
   * @param arch such as {@code gfx90a}
   * @return the code object
   * @throws HipException with the first error of the compiler's log; unsupported, if hiprtc is not
   *     asked to compile for it
   */
  byte[] compile(KernelSource source, String arch) throws HipException {
    known.require(arch);
    TreeMap<String, String> headers = new TreeMap<>(source.headers());
    try (Out out = new Out()) {
      check(
          "hiprtcCreateProgram",
          HipNative.hiprtcCreateProgram(
              out.memory(),
              out.string(source.text()),
              out.string(source.name()),
              headers.size(),
              out.strings(List.copyOf(headers.values())),
              out.strings(List.copyOf(headers.keySet()))));
      MemorySegment program = out.asPointer();
      try {
        List<String> options = options(arch);
        int result = HipNative.hiprtcCompileProgram(program, options.size(), out.strings(options));
        if (result != SUCCESS) {
          String what = source.name() + ", " + String.join(" ", options);
          throw failure("hiprtcCompileProgram(" + what + ")", result, firstError(log(program)));
        }
        return code(program);
      } finally {
        check("hiprtcDestroyProgram", HipNative.hiprtcDestroyProgram(out.memory()));
      }
    }
  }

  private static byte[] code(MemorySegment program) throws HipException {
    try (Out size = new Out()) {
      check("hiprtcGetCodeSize", HipNative.hiprtcGetCodeSize(program, size.memory()));
      try (Out code = new Out(Math.max(1, size.asLong()))) {
        check("hiprtcGetCode", HipNative.hiprtcGetCode(program, code.memory()));
        return code.memory().asSlice(0, size.asLong()).toArray(ValueLayout.JAVA_BYTE);
      }
    }
  }

  private static String log(MemorySegment program) throws HipException {
    try (Out size = new Out()) {
      check("hiprtcGetProgramLogSize", HipNative.hiprtcGetProgramLogSize(program, size.memory()));
      try (Out log = new Out(size.asLong() + 1)) {
        check("hiprtcGetProgramLog", HipNative.hiprtcGetProgramLog(program, log.memory()));
        return log.memory().getString(0, StandardCharsets.UTF_8).strip();
      }
    }
  }

  /** The line of a log that names the first error, or all of it if none does. */
  private static String firstError(String log) {
    return log.lines()
        .filter(line -> line.contains("error"))
        .findFirst()
        .orElse(log.replace('\n', ' '));
  }

  private static void check(String call, int result) throws HipException {
    if (result != SUCCESS) {
      throw failure(call, result, "no description");
    }
  }

  private static HipException failure(String call, int result, String text) {
    return new HipException(call, result, name(result), text, HipException.Kind.OTHER);
  }

  /** As hiprtc.h numbers those that compiling a whole file may return. */
  private static String name(int result) {
    return switch (result) {
      case 1 -> "HIPRTC_ERROR_OUT_OF_MEMORY";
      case 2 -> "HIPRTC_ERROR_PROGRAM_CREATION_FAILURE";
      case 3 -> "HIPRTC_ERROR_INVALID_INPUT";
      case 4 -> "HIPRTC_ERROR_INVALID_PROGRAM";
      case 5 -> "HIPRTC_ERROR_INVALID_OPTION";
      case 6 -> "HIPRTC_ERROR_COMPILATION";
      case 7 -> "HIPRTC_ERROR_BUILTIN_OPERATION_FAILURE";
      case 11 -> "HIPRTC_ERROR_INTERNAL_ERROR";
      default -> "a hiprtcResult";
    };
  }
}
