package dev.lamina.backend.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A library of NVIDIA's that may be there.
 *
 * @param name as it was opened: a bare soname, which the system's loader looks for, or a path
 * @param symbols its functions, never unloaded
 */
record NativeLibrary(String name, SymbolLookup symbols) {
  private static final List<String> FOLDERS = List.of("", "lib64", "lib", "bin");

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

  /**
   * Where to look for a library that the system's loader may not know.
   *
   * @param sonames the preferred one first
   * @param folders a toolkit's, or that of the library itself
   * @return the sonames, then all paths in the folders
   */
  static List<String> candidates(List<String> sonames, List<Path> folders) {
    List<String> names = new ArrayList<>(sonames);
    for (Path folder : folders) {
      for (String part : FOLDERS) {
        for (String soname : sonames) {
          names.add(folder.resolve(part).resolve(soname).toString());
        }
      }
    }
    return names;
  }

  /**
   * A function's address.
   *
   * @param function its name
   * @param advice what to do if it is missing
   * @return the address
   * @throws CudaException unsupported, if the library does not have it
   */
  MemorySegment function(String function, String advice) throws CudaException {
    MemorySegment address = symbols.find(function).orElse(null);
    if (address == null) {
      throw CudaException.unsupported(
          function,
          "%s: expected it in %s, which does not have it; %s".formatted(function, name, advice));
    }
    return address;
  }

  static boolean onWindows() {
    return System.getProperty("os.name").startsWith("Windows");
  }
}
