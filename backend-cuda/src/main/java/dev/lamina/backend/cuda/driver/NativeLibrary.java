package dev.lamina.backend.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Optional;

/**
 * A library of NVIDIA's that may be there.
 *
 * @param name as it was opened: a bare soname, which the system's loader looks for, or a path
 * @param symbols its functions, never unloaded
 */
record NativeLibrary(String name, SymbolLookup symbols) {
  /**
   * Opens the first that is there.
   *
   * @param names sonames or paths, the preferred one first
   * @return empty if the loader can open none of them
   */
  @SuppressWarnings("restricted")
  static Optional<NativeLibrary> open(List<String> names) {
    for (String name : names) {
      try {
        return Optional.of(
            new NativeLibrary(name, SymbolLookup.libraryLookup(name, Arena.global())));
      } catch (IllegalArgumentException notThere) {
        continue;
      }
    }
    return Optional.empty();
  }

  static boolean onWindows() {
    return System.getProperty("os.name").startsWith("Windows");
  }
}
