package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Verdict;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The cases of one op and dtype together. */
final class OpSummary {
  private final String op;
  private final String dtype;
  private final Map<Verdict, Integer> counts = new EnumMap<>(Verdict.class);
  private final List<CaseResult> results = new ArrayList<>();
  private double worstRatio;

  private OpSummary(String op, String dtype) {
    this.op = op;
    this.dtype = dtype;
  }

  static List<OpSummary> of(List<CaseResult> results) {
    Map<String, OpSummary> found = new LinkedHashMap<>();
    for (CaseResult r : results) {
      String op = r.testCase().id().op();
      String dtype = r.testCase().id().dtype();
      found.computeIfAbsent(op + "/" + dtype, k -> new OpSummary(op, dtype)).add(r);
    }
    return List.copyOf(found.values());
  }

  private void add(CaseResult r) {
    counts.merge(r.verdict(), 1, Integer::sum);
    results.add(r);
    if (!Double.isNaN(r.worstRatio())) {
      worstRatio = Math.max(worstRatio, r.worstRatio());
    }
  }

  String op() {
    return op;
  }

  String dtype() {
    return dtype;
  }

  int count(Verdict verdict) {
    return counts.getOrDefault(verdict, 0);
  }

  int total() {
    return results.size();
  }

  /** Largest error as a part of what is allowed; infinite if an exact result was wrong. */
  double worstRatio() {
    return worstRatio;
  }
}
