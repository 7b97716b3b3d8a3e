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
 * <p>Several processes share the cases of a level as shards: each case is in one of them, and each
 * has cases of about as many ops.
 *
 * @param from lowest level of which a part runs
 * @param oneIn how many cases stand behind each that runs, 1 for all
 * @param shard number of the shard that runs, 1-based
 * @param shards how many share the cases, 1 for no sharing
 */
public record Subset(Level from, int oneIn, int shard, int shards) {
  /** Every case. */
  public static final Subset ALL = new Subset(Level.L0, 1);

  /** Checks the number. */
  public Subset {
    if (oneIn < 1) {
      throw new IllegalArgumentException("subset: expected one in at least 1, got " + oneIn);
    }
    if (shard < 1 || shard > shards) {
      throw new IllegalArgumentException(
          "subset: expected a shard from 1 to %d, got %d".formatted(shards, shard));
    }
  }

  /**
   * A part that nobody shares.
   *
   * @param from lowest level of which a part runs
   * @param oneIn how many cases stand behind each that runs, 1 for all
   */
  public Subset(Level from, int oneIn) {
    this(from, oneIn, 1, 1);
  }

  /**
   * One shard of the same cases.
   *
   * @param number of the shard, 1-based
   * @param of how many share them
   * @return a new subset
   */
  public Subset shard(int number, int of) {
    return new Subset(from, oneIn, number, of);
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
    return shards == 1 ? chosen : shardOf(chosen, cases);
  }

  /** Deals the cases out level by level and op by op, in the order of their hashes. */
  private Set<CaseId> shardOf(Set<CaseId> chosen, List<Case> cases) {
    List<CaseId> dealt =
        cases.stream()
            .filter(c -> chosen.contains(c.id()))
            .sorted(
                Comparator.comparing(Case::level)
                    .thenComparing(c -> c.id().op())
                    .thenComparingLong(c -> c.id().randomSeed()))
            .map(Case::id)
            .toList();
    Set<CaseId> own = new HashSet<>();
    for (int i = shard - 1; i < dealt.size(); i += shards) {
      own.add(dealt.get(i));
    }
    return own;
  }
}
