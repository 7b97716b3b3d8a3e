package dev.lamina.conformance;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A part of the cases, the same one in every run of a seed: all below a level, and from it on one
 * in so many of each op, at least one. {@link CaseId#randomSeed} decides which, so another seed
 * asks others. The rest counts as not run.
 *
 * @param from lowest level of which a part runs
 * @param oneIn how many cases stand behind each that runs, 1 for all
 */
public record Subset(Level from, int oneIn) {
  /** Every case. */
  public static final Subset ALL = new Subset(Level.L0, 1);

  /** Checks the number. */
  public Subset {
    if (oneIn < 1) {
      throw new IllegalArgumentException("subset: expected one in at least 1, got " + oneIn);
    }
  }

  /** Ids of the cases that run, in no order. */
  Set<CaseId> of(List<Case> cases) {
    Set<CaseId> chosen = new HashSet<>();
    Map<String, List<CaseId>> parted = new HashMap<>();
    for (Case c : cases) {
      if (from.compareTo(c.level()) <= 0) {
        String group = c.level() + " " + c.id().op();
        parted.computeIfAbsent(group, g -> new ArrayList<>()).add(c.id());
      } else {
        chosen.add(c.id());
      }
    }
    for (List<CaseId> group : parted.values()) {
      group.stream()
          .sorted(Comparator.comparingLong(CaseId::randomSeed))
          .limit(Math.ceilDiv(group.size(), oneIn))
          .forEach(chosen::add);
    }
    return chosen;
  }
}
