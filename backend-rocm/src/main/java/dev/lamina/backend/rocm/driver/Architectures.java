package dev.lamina.backend.rocm.driver;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a hiprtc is asked to compile for. It must not be asked for what it does not have: that of
 * ROCm 5.2 takes the process down for gfx1100.
 *
 * @param version of HIP, 100 times the major and the minor
 * @param more that {@code lamina.rocm.architectures} (or {@code LAMINA_ROCM_ARCHITECTURES} in the
 *     environment) names, separated by commas: whoever sets it has tried them
 */
record Architectures(int version, List<String> more) {
  /** The oldest HIP whose compiler the kernels were compiled by. */
  static final int OLDEST = 502;

  /**
   * By the first HIP that is taken to have them. Tried were gfx90a and gfx1030, with the hiprtc of
   * HIP 5.2. The rest is assumed: nothing of HIP 6 or 7 has compiled a kernel here.
   */
  private static final TreeMap<Integer, List<String>> SINCE =
      new TreeMap<>(
          Map.of(
              OLDEST,
              List.of("gfx900", "gfx906", "gfx908", "gfx90a", "gfx1030"),
              507,
              List.of("gfx1100"),
              600,
              List.of("gfx942"),
              603,
              List.of("gfx1101", "gfx1102"),
              604,
              List.of("gfx1200", "gfx1201"),
              700,
              List.of("gfx950", "gfx1150", "gfx1151")));

  /**
   * Those of a HIP.
   *
   * @param hipVersion as the runtime tells it
   * @param more what the user names, or null
   */
  static Architectures of(int hipVersion, @Nullable String more) {
    return new Architectures(
        hipVersion / 100_000 / 100 * 100 + hipVersion / 100_000 % 100,
        more == null || more.isBlank() ? List.of() : List.of(more.strip().split("\\s*,\\s*")));
  }

  /** Those of this process's setting. */
  static Architectures ofSystem(int hipVersion) {
    String property = System.getProperty("lamina.rocm.architectures");
    return of(hipVersion, property == null ? System.getenv("LAMINA_ROCM_ARCHITECTURES") : property);
  }

  /** All that may be asked for. */
  List<String> known() {
    List<String> known = new ArrayList<>();
    SINCE.headMap(version, true).values().forEach(known::addAll);
    known.addAll(more);
    return known;
  }

  /**
   * Makes sure that one may be asked for.
   *
   * @param arch without features
   * @throws HipException unsupported, if it is not known
   */
  void require(String arch) throws HipException {
    if (!known().contains(arch)) {
      throw HipException.unsupported(
          "kernels: expected one of %s, which the hiprtc of HIP %d.%d is asked to compile for, got %s; install a newer ROCm, or if this one has it, name it in LAMINA_ROCM_ARCHITECTURES"
              .formatted(String.join(", ", known()), version / 100, version % 100, arch));
    }
  }
}
