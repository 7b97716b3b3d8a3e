package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Observed;
import dev.lamina.conformance.Verdict;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a device does with an op of a dtype, from the cases of both.
 *
 * @param results at least one
 */
record Cell(List<CaseResult> results) {
  /** How it does it; the worst of the cases decides. */
  enum Kind {
    FAILED("×", "failed"),
    LOST("!", "crashed or timed out"),
    XFAIL("x", "fails as expected"),
    NATIVE("●", "native"),
    PARTLY("◐", "native or decomposed, by shape and attributes"),
    DECOMPOSED("○", "decomposed into core ops"),
    UNSUPPORTED("–", "declared unsupported"),
    NOT_RUN("·", "not run");

    /** One sign, so that color is not needed. */
    final String sign;

    final String text;

    Kind(String sign, String text) {
      this.sign = sign;
      this.text = text;
    }

    String css() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  int count(Verdict verdict) {
    return (int) results.stream().filter(r -> r.verdict() == verdict).count();
  }

  Kind kind() {
    if (count(Verdict.FAILED) > 0) {
      return Kind.FAILED;
    }
    if (results.stream().anyMatch(CaseResult::isLost)) {
      return Kind.LOST;
    }
    if (count(Verdict.XFAIL) > 0) {
      return Kind.XFAIL;
    }
    if (count(Verdict.PASSED) > 0) {
      return how();
    }
    return count(Verdict.DECLARED_UNSUPPORTED) > 0 ? Kind.UNSUPPORTED : Kind.NOT_RUN;
  }

  private Kind how() {
    boolean decomposed = false;
    boolean whole = false;
    for (CaseResult r : results) {
      if (r.verdict() == Verdict.PASSED) {
        boolean any = r.observed().kernels().stream().anyMatch(Observed.KernelUse::decomposed);
        decomposed |= any;
        whole |= !any;
      }
    }
    return !decomposed ? Kind.NATIVE : whole ? Kind.PARTLY : Kind.DECOMPOSED;
  }

  /** Largest error as a part of what is allowed. */
  double worstRatio() {
    return results.stream()
        .mapToDouble(CaseResult::worstRatio)
        .filter(r -> !Double.isNaN(r))
        .max()
        .orElse(0);
  }

  boolean ran() {
    return results.stream().anyMatch(r -> r.verdict() != Verdict.NOT_RUN);
  }

  /** Names of the kernels that ran, at most a few. */
  String kernels() {
    Set<String> names = new LinkedHashSet<>();
    results.forEach(r -> r.observed().kernels().forEach(k -> names.add(k.kernel())));
    String first = names.stream().limit(6).collect(Collectors.joining(", "));
    return names.size() > 6 ? first + ", …" : first;
  }
}
