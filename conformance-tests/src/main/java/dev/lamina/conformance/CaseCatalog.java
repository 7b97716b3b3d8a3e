package dev.lamina.conformance;

import dev.lamina.conformance.cases.AllCases;
import java.util.List;

/**
 * Every case there is, in a fixed order. The same for every backend and level, so that the counts
 * of two reports have one denominator.
 *
 * @param seed of all random numbers
 * @param cases the cases
 */
public record CaseCatalog(long seed, List<Case> cases) {
  /** Copies the list. */
  public CaseCatalog {
    cases = List.copyOf(cases);
  }

  /**
   * The catalog of a seed.
   *
   * @param seed of all random numbers
   * @return all cases
   */
  public static CaseCatalog of(long seed) {
    return new CaseCatalog(seed, AllCases.of(seed));
  }
}
