package dev.lamina.conformance;

import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Case ids by pattern. */
final class Selection {
  private Selection() {}

  /** Whether an id matches a pattern in which {@code *} stands for any run of characters. */
  static boolean matches(String pattern, String id) {
    String regex =
        Stream.of(pattern.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*"));
    return id.matches(regex);
  }
}
