package dev.lamina.backend.rocm.library;

import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * AMD's hipBLASLt, which may be there. One in a process: that of the HIP runtime's own major
 * version, since another one would bring a second runtime with it, by the system's loader or from
 * ROCm's folder; or the file that {@code lamina.rocm.blaslt} (or {@code LAMINA_ROCM_BLASLT} in the
 * environment) names, where {@code none} is for none.
 */
public final class BlasLtLibrary {
  /** By the runtime's major version. ROCm 5's numbers and structs are others than those bound. */
  private static final Map<Integer, String> SONAMES =
      Map.of(6, "libhipblaslt.so.0", 7, "libhipblaslt.so.1");

  private static final String NONE = "none";

  /** The one of this process, once it was found. */
  private static @Nullable BlasLtLibrary found;

  private final String name;
  private final SymbolLookup symbols;

  private BlasLtLibrary(String name, SymbolLookup symbols) {
    this.name = name;
    this.symbols = symbols;
  }

  /**
   * The library of this process, opened by the first call that finds it.
   *
   * @param hipMajor major version of the runtime
   * @return empty if it is not there
   */
  public static synchronized Optional<BlasLtLibrary> find(int hipMajor) {
    if (found == null) {
      found =
          open(System.getProperty("lamina.rocm.blaslt"), System.getenv(), hipMajor).orElse(null);
    }
    return Optional.ofNullable(found);
  }

  /**
   * The functions of the library of this process.
   *
   * @return never asked unless {@link #find} found one
   */
  public static synchronized SymbolLookup symbols() {
    return Optional.ofNullable(found).orElseThrow().symbols;
  }

  /**
   * Opens it.
   *
   * @param file the only one to try, or null
   * @param env of the process
   * @param hipMajor major version of the runtime
   * @return empty if the loader can't
   */
  static Optional<BlasLtLibrary> open(
      @Nullable String file, Map<String, String> env, int hipMajor) {
    for (String candidate : candidates(file, env, hipMajor)) {
      Optional<SymbolLookup> symbols = HipLibrary.load(candidate);
      if (symbols.isPresent()) {
        return symbols.map(s -> new BlasLtLibrary(candidate, s));
      }
    }
    return Optional.empty();
  }

  private static List<String> candidates(
      @Nullable String file, Map<String, String> env, int hipMajor) {
    String named = file == null ? env.get("LAMINA_ROCM_BLASLT") : file;
    if (named != null) {
      return named.equals(NONE) ? List.of() : List.of(named);
    }
    String soname = SONAMES.get(hipMajor);
    return soname == null ? List.of() : HipLibrary.candidates(soname, env);
  }

  /**
   * What is looked for, for people.
   *
   * @param hipMajor major version of the runtime
   * @return a name without its folder
   */
  public static String searched(int hipMajor) {
    return SONAMES.getOrDefault(hipMajor, "a hipBLASLt for HIP " + hipMajor);
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
   */
  public boolean has(String function) {
    return symbols.find(function).isPresent();
  }
}
