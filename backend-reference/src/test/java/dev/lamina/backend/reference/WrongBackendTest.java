package dev.lamina.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseCatalog;
import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.ConformanceRun;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** A kit that passes everything proves nothing: each bug must fail a case of the op it is in. */
class WrongBackendTest {
  @TestFactory
  Stream<DynamicTest> everyBugIsSeen() {
    return WrongBackend.all().stream()
        .map(wrong -> DynamicTest.dynamicTest(wrong.id(), () -> assertSeen(wrong)));
  }

  private static void assertSeen(WrongBackend wrong) throws InterruptedException {
    ConformanceOptions options = ConformanceOptions.of(wrong).withSeed(1);
    CaseCatalog catalog = CaseCatalog.of(1);
    List<CaseResult> failed =
        new ConformanceRun(options, new CaseCatalog(1, casesOf(wrong, catalog)))
            .run(r -> {}).results().stream().filter(r -> r.verdict() == Verdict.FAILED).toList();
    assertThat(failed).as("failures of %s, seed 1", wrong.id()).isNotEmpty();
    assertThat(failed)
        .as("failures of %s are wrong results, not crashes", wrong.id())
        .noneMatch(r -> r.message().startsWith("unexpected"));
  }

  /** The cases whose op the bug is in, so that it is caught where it should be. */
  private static List<Case> casesOf(WrongBackend wrong, CaseCatalog all) {
    List<String> ops =
        switch (wrong.id().substring(0, wrong.id().indexOf('-'))) {
          case "sum" -> List.of("reduce_sum");
          case "scan" -> List.of("scan_sum");
          case "elementwise" -> List.of("add", "mul");
          case "scatter" -> List.of("scatter_set", "scatter_add");
          case String op -> List.of(op);
        };
    return all.cases().stream()
        .filter(c -> c.level() == Level.L1 && ops.contains(c.id().op()))
        .toList();
  }

  @Test
  void rightBackend_passesTheSameCases() throws InterruptedException {
    ConformanceOptions options =
        ConformanceOptions.of(new ReferenceBackendProvider()).withSeed(1).withOnly("matmul/*");
    Report report = new ConformanceRun(options).run(r -> {});
    assertThat(report.summary().get(Verdict.FAILED)).isZero();
    assertThat(report.summary().get(Verdict.PASSED)).isPositive();
  }
}
