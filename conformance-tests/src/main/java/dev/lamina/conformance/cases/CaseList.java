package dev.lamina.conformance.cases;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseId;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** Collects cases in a fixed order. */
public final class CaseList {
  private final long seed;
  private final Map<String, Case> cases = new LinkedHashMap<>();

  /**
   * An empty list.
   *
   * @param seed goes into every id
   */
  public CaseList(long seed) {
    this.seed = seed;
  }

  /** The cases so far. */
  public List<Case> cases() {
    return List.copyOf(cases.values());
  }

  /** What a lifecycle case does; it is right if this returns. */
  @FunctionalInterface
  interface Body {
    void run(Context context) throws Exception;
  }

  /** What a case does that can be declared unsupported. */
  @FunctionalInterface
  interface OutcomeBody {
    Outcome run(Context context) throws Exception;
  }

  /** What a case does with random numbers of its own. */
  @FunctionalInterface
  interface SeededBody {
    Outcome run(Context context, long seed) throws Exception;
  }

  /** Adds a case of any level with its own body. */
  void seeded(
      Level level,
      String area,
      String dtype,
      String shape,
      String attrs,
      Rule rule,
      SeededBody body) {
    CaseId id = new CaseId(area, 1, dtype, shape, attrs, seed);
    add(new PlainCase(id, level, Set.of(rule), c -> body.run(c, id.randomSeed())));
  }

  /** Adds a lifecycle case. */
  void lifecycle(String area, String name, Rule rule, Body body) {
    lifecycle(
        area,
        "-",
        name,
        rule,
        context -> {
          body.run(context);
          return Outcome.EXACT;
        });
  }

  /** Adds a lifecycle case of a dtype. */
  void lifecycle(String area, String dtype, String name, Rule rule, OutcomeBody body) {
    CaseId id = new CaseId(area, 1, dtype, "-", name, seed);
    add(new PlainCase(id, Level.L0, Set.of(rule), body));
  }

  /** Adds a case of a graph against the oracle. */
  void graph(
      String op,
      String dtype,
      String shape,
      String attrs,
      Consumer<GraphSpec> body,
      Rule... rules) {
    CaseId id = new CaseId(op, 1, dtype, shape, attrs, seed);
    GraphSpec spec = new GraphSpec(op, id.randomSeed());
    body.accept(spec);
    add(new GraphCase(id, Level.L1, Set.of(rules), spec));
  }

  /** Adds a case of composites against their formulas. */
  void composite(
      String op,
      String dtype,
      String shape,
      String attrs,
      Consumer<CompositeSpec> body,
      Rule... rules) {
    add(new CompositeCase(new CaseId(op, 1, dtype, shape, attrs, seed), Set.of(rules), body));
  }

  /** Adds a case of ops with its own body. */
  void op(String op, String dtype, String attrs, Rule rule, OutcomeBody body) {
    CaseId id = new CaseId(op, 1, dtype, "-", attrs, seed);
    add(new PlainCase(id, Level.L1, Set.of(rule), body));
  }

  private void add(Case c) {
    if (cases.putIfAbsent(c.id().toString(), c) != null) {
      throw new AssertionError("two cases with the id " + c.id());
    }
  }

  private record PlainCase(CaseId id, Level level, Set<Rule> rules, OutcomeBody body)
      implements Case {
    @Override
    public Outcome run(Context context) throws Exception {
      return body.run(context);
    }
  }
}
