package dev.lamina.conformance.report;

import java.util.Locale;

/** Text as it stands in a page. */
final class Html {
  private Html() {}

  /** Escapes text for an element or a quoted attribute. */
  static String escape(String s) {
    return s.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  /** A number of two or three digits that says enough. */
  static String number(double v) {
    if (v == 0) {
      return "0";
    }
    if (Double.isInfinite(v)) {
      return "∞";
    }
    if (Double.isNaN(v)) {
      return "–";
    }
    double size = Math.abs(v);
    if (size >= 1000 || size < 0.001) {
      return String.format(Locale.ROOT, "%.1e", v).replace("e-0", "e-").replace("e+0", "e");
    }
    return String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.2g", v);
  }

  /** A part of a whole, in at most four signs. */
  static String part(double v) {
    if (v == 0) {
      return "0";
    }
    if (v > 0 && v < 0.01) {
      return "&lt;.01";
    }
    if (v <= 9.95) {
      return String.format(Locale.ROOT, v < 0.995 ? "%.2f" : "%.1f", v).replaceFirst("^0", "");
    }
    return v < 999.5 ? String.format(Locale.ROOT, "%.0f", v) : Double.isInfinite(v) ? "∞" : "≫";
  }
}
