package dev.lamina.backend.reference.mutant;

import java.util.List;
import java.util.function.Predicate;
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

  /** Whether a case of this id is meant to see it. */
  Predicate<String> isMeantFor() {
    return Pattern.compile(killers.stream().map(Mutant::regex).collect(Collectors.joining("|")))
        .asMatchPredicate();
  }

  private static String regex(String pattern) {
    return Stream.of(pattern.split("\\*", -1))
        .map(Pattern::quote)
        .collect(Collectors.joining(".*"));
  }
}
