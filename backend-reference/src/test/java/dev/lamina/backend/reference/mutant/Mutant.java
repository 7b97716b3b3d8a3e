package dev.lamina.backend.reference.mutant;

import dev.lamina.conformance.CaseId;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One bug.
 *
 * @param area part of the published table
 * @param name unique, such as {@code matmul-scaled}
 * @param bug what is wrong, in a few words
 * @param killers patterns of the ids of the cases that are meant to see it; {@code *} stands for
 *     anything
 * @param fault the bug itself
 */
record Mutant(String area, String name, String bug, List<String> killers, Fault fault) {
  /** The backend without a bug. */
  static final Mutant NONE = new Mutant("none", "right", "none", List.of("*"), new Fault.None());

  /** Copies the list. */
  Mutant {
    killers = List.copyOf(killers);
  }

  /** Whether a case is meant to see it. */
  boolean isMeantFor(CaseId id) {
    String text = id.toString();
    return killers.stream().anyMatch(k -> matches(k, text));
  }

  private static boolean matches(String pattern, String text) {
    String regex =
        Stream.of(pattern.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*"));
    return text.matches(regex);
  }
}
