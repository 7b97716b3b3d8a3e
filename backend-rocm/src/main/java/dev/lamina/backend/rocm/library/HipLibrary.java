package dev.lamina.backend.rocm.library;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * AMD's HIP runtime, which may be there, and its run-time compiler, which older ones hold and newer
 * ones bring as a library of its own. One of each in a process: the newest that the system's loader
 * finds, then those in ROCm's folder, or the one that {@code lamina.rocm.library} (or {@code
 * LAMINA_ROCM_LIBRARY} in the environment) names.
 */
public final class HipLibrary {
  private static final List<String> VERSIONS = List.of("7", "6", "5");

  /** Looked for when it is first asked for. */
  private static final class Found {
    static final Optional<HipLibrary> LIBRARY =
        open(System.getProperty("lamina.rocm.library"), System.getenv());
  }

  private final String name;
  private final SymbolLookup runtime;
  private final List<String> compilers;
  private @Nullable SymbolLookup compiler;

  private HipLibrary(String name, SymbolLookup runtime, List<String> compilers) {
    this.name = name;
    this.runtime = runtime;
    this.compilers = compilers;
  }

  /**
   * The library of this process.
   *
   * @return empty if there is none
   */
  public static Optional<HipLibrary> find() {
    return Found.LIBRARY;
  }

  /**
   * The functions of the library of this process.
   *
   * @return never asked unless {@link #find} found one
   */
  public static SymbolLookup symbols() {
    HipLibrary library = find().orElseThrow();
    return library::symbol;
  }

  /**
   * Opens the first library that is there.
   *
   * @param file the only one to try, or null
   * @param env of the process
   * @return empty if the loader can open none
   */
  static Optional<HipLibrary> open(@Nullable String file, Map<String, String> env) {
    String named = file == null ? env.get("LAMINA_ROCM_LIBRARY") : file;
    if (named != null) {
      return load(named).map(l -> new HipLibrary(named, l, List.of()));
    }
    for (String version : VERSIONS) {
      for (String candidate : candidates("libamdhip64.so." + version, env)) {
        Optional<SymbolLookup> runtime = load(candidate);
        if (runtime.isPresent()) {
          List<String> compilers = candidates("libhiprtc.so." + version, env);
          return Optional.of(new HipLibrary(candidate, runtime.get(), compilers));
        }
      }
    }
    return Optional.empty();
  }

  /**
   * What was looked for, for people.
   *
   * @return names without folders, the preferred one first
   */
  public static String searched() {
    return "libamdhip64.so." + String.join(", .", VERSIONS);
  }

  /** A bare soname, which the system's loader looks for, then the file in ROCm's folder. */
  static List<String> candidates(String soname, Map<String, String> env) {
    List<String> names = new ArrayList<>(List.of(soname));
    String rocm = env.getOrDefault("ROCM_PATH", "/opt/rocm");
    names.add(Path.of(rocm, "lib", soname).toString());
    return names;
  }

  @SuppressWarnings("restricted")
  static Optional<SymbolLookup> load(String name) {
    try {
      return Optional.of(SymbolLookup.libraryLookup(name, Arena.global()));
    } catch (IllegalArgumentException notThere) {
      return Optional.empty();
    }
  }

  /**
   * How it was opened.
   *
   * @return a bare soname or a path
   */
  public String name() {
    return name;
  }

  /**
   * Whether a function is there.
   *
   * @param function its name
   * @return also for those of the compiler
   */
  public boolean has(String function) {
    return symbol(function).isPresent();
  }

  private Optional<MemorySegment> symbol(String function) {
    Optional<MemorySegment> found = runtime.find(function);
    return found.isPresent() || !function.startsWith("hiprtc") ? found : compiler().find(function);
  }

  private synchronized SymbolLookup compiler() {
    if (compiler == null) {
      compiler = function -> Optional.empty();
      for (String candidate : compilers) {
        Optional<SymbolLookup> opened = load(candidate);
        if (opened.isPresent()) {
          compiler = opened.get();
          break;
        }
      }
    }
    return compiler;
  }
}
