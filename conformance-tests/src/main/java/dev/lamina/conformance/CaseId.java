package dev.lamina.conformance;

import java.util.regex.Pattern;

/**
 * Identity of a case: {@code op/version/dtype/shape/attrs/seed}. A case runs again alone from it.
 *
 * @param op op mnemonic, or the area of a lifecycle case
 * @param version of the case's meaning; grows when the case changes
 * @param dtype dtype the case is about, or {@code -}
 * @param shape sizes joined by {@code x}, or {@code -}
 * @param attrs what sets it apart from its neighbours, or {@code -}
 * @param seed seed of the run
 */
public record CaseId(String op, int version, String dtype, String shape, String attrs, long seed) {
  private static final Pattern PART = Pattern.compile("[A-Za-z0-9_.,=+*<>:@~-]+");

  /** Checks that the id can be written and read back. */
  public CaseId {
    for (String part : new String[] {op, dtype, shape, attrs}) {
      if (!PART.matcher(part).matches()) {
        throw new IllegalArgumentException(
            "case id: expected letters, digits and .,=+*<>:@~- only, got '" + part + "'");
      }
    }
  }

  /**
   * Reads an id.
   *
   * @param text as {@link #toString()} writes it
   * @return the id
   * @throws IllegalArgumentException if it has another form
   */
  public static CaseId parse(String text) {
    String[] p = text.split("/", -1);
    if (p.length != 6 || !p[1].matches("\\d{1,6}") || !p[5].matches("s-?\\d{1,18}")) {
      throw new IllegalArgumentException(
          "case id: expected op/version/dtype/shape/attrs/sSEED, got '" + text + "'");
    }
    return new CaseId(
        p[0], Integer.parseInt(p[1]), p[2], p[3], p[4], Long.parseLong(p[5].substring(1)));
  }

  /**
   * A number that depends on every part but is the same in every process.
   *
   * @return seed of the case's own random numbers
   */
  public long randomSeed() {
    long h = seed * 0x9E3779B97F4A7C15L + 0x632BE59BD9B4E019L;
    String text = op + '/' + version + '/' + dtype + '/' + shape + '/' + attrs;
    for (int i = 0; i < text.length(); i++) {
      h = (h ^ text.charAt(i)) * 0x100000001B3L;
    }
    return h ^ (h >>> 32);
  }

  @Override
  public String toString() {
    return op + '/' + version + '/' + dtype + '/' + shape + '/' + attrs + "/s" + seed;
  }
}
