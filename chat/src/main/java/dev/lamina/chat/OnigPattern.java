package dev.lamina.chat;

import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Oniguruma patterns (Ruby's syntax, always Unicode), which {@code tokenizer.json} uses, as Java
 * patterns. Constructs that mean something else in Java are refused, not guessed at.
 */
final class OnigPattern {
  private static final int FLAGS =
      Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES;
  private static final Set<String> CATEGORIES =
      Set.of(
          "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",
          "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl",
          "Zp", "C", "Cc", "Cf", "Cn", "Co", "Cs");
  // Oniguruma's \w, unlike Java's, has no joiners.
  private static final String WORD = "\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}";

  private final String source;
  private final StringBuilder out = new StringBuilder();
  private int at;
  private int classDepth;

  private OnigPattern(String source) {
    this.source = source;
  }

  /**
   * Compiles a pattern.
   *
   * @throws UnsupportedPartException for a construct that Java reads otherwise or not at all
   */
  static Pattern compile(String source) {
    OnigPattern translation = new OnigPattern(source);
    translation.translate();
    try {
      return Pattern.compile(translation.out.toString(), FLAGS);
    } catch (PatternSyntaxException e) {
      throw new UnsupportedPartException("pattern " + source + " (" + e.getDescription() + ")");
    }
  }

  private void translate() {
    while (at < source.length()) {
      char c = source.charAt(at);
      switch (c) {
        case '\\' -> escape();
        case '[' -> openClass();
        case ']' -> {
          classDepth = Math.max(0, classDepth - 1);
          copy(1);
        }
        case '{' -> repeat();
        case '(' -> group();
        default -> copy(1);
      }
    }
  }

  private void escape() {
    if (at + 1 == source.length()) {
      throw unsupported("a trailing backslash");
    }
    char c = source.charAt(at + 1);
    switch (c) {
      case 'p', 'P' -> property(c);
      case 'w' -> replace(classDepth > 0 ? WORD : "[" + WORD + "]");
      case 'W' -> replace("[^" + WORD + "]");
      case 'h', 'H', 'v', 'R', 'X', 'K', 'G', 'O', 'N', 'y', 'Y', 'g', 'k', 'b', 'B', 'Q', 'E' ->
          throw unsupported("\\" + c);
      default -> copy(2);
    }
  }

  private void property(char kind) {
    int end = source.indexOf('}', at);
    if (end < 0 || source.charAt(at + 2) != '{') {
      throw unsupported("\\" + kind + " without braces");
    }
    String name = source.substring(at + 3, end);
    boolean negated = kind == 'P';
    if (name.startsWith("^")) {
      name = name.substring(1);
      negated = !negated;
    }
    String java = CATEGORIES.contains(name) ? name : "Is" + name;
    out.append(negated ? "\\P{" : "\\p{").append(java).append('}');
    at = end + 1;
  }

  private void openClass() {
    if (source.startsWith("[:", at)) {
      throw unsupported("a bracket like [:alpha:]");
    }
    classDepth++;
    copy(1);
    if (at < source.length() && source.charAt(at) == '^') {
      copy(1);
    }
    if (at < source.length() && source.charAt(at) == ']') {
      throw unsupported("a class that begins with ]");
    }
  }

  /** In Oniguruma a plus after an interval repeats it again; in Java it makes it possessive. */
  private void repeat() {
    int end = source.indexOf('}', at);
    if (classDepth > 0 || end < 0) {
      out.append("\\{");
      at++;
      return;
    }
    String interval = source.substring(at + 1, end);
    if (!interval.matches("\\d+(,\\d*)?") || source.startsWith("+", end + 1)) {
      throw unsupported("the interval " + source.substring(at, Math.min(source.length(), end + 2)));
    }
    copy(end + 1 - at);
  }

  private void group() {
    if (classDepth == 0 && source.startsWith("(?", at)) {
      int end = at + 2;
      while (end < source.length() && ":=!<>)".indexOf(source.charAt(end)) < 0) {
        end++;
      }
      String flags = source.substring(at + 2, end);
      if (!flags.isEmpty() && !flags.matches("-?i|i-")) {
        throw unsupported("the group flags " + flags);
      }
    }
    copy(1);
  }

  private void copy(int length) {
    out.append(source, at, at + length);
    at += length;
  }

  private void replace(String java) {
    out.append(java);
    at += 2;
  }

  private UnsupportedPartException unsupported(String what) {
    return new UnsupportedPartException("pattern " + source + " (" + what + ")");
  }
}
