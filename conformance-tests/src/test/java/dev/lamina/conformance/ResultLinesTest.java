package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.conformance.Timing.FloorVerdict;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Results between the processes. */
class ResultLinesTest {
  private static final Case CASE = CaseCatalog.of(0).cases().getFirst();

  private static CaseResult throughLines(CaseResult sent) {
    ResultLines reader = new ResultLines();
    CaseResult read = null;
    for (String line : ResultLines.of(sent)) {
      assertThat(line).startsWith(ResultLines.MARK).doesNotContain("\n");
      assertThat(read).isNull();
      read = reader.read(line.substring(ResultLines.MARK.length()), sent.testCase());
    }
    assertThat(read).isNotNull();
    return read;
  }

  @Test
  void resultsArriveAsTheyWereSent() {
    Observed seen =
        new Observed(
            List.of(
                new Observed.KernelUse("linear", "dot", false, "FAST STRICT"),
                new Observed.KernelUse("rope", "decomposition", true, "no kernel")),
            List.of(new Measurement("drift.rope", 1e-7, "parts", "")),
            List.of(
                new Timing("linear.rows1", "dot", 1e-3, 64e6, 32e6, 2e10, 0, 0, FloorVerdict.NONE),
                new Timing("linear.rows1", "a+b", 2e-3, 1, 2, 3, 4, 0.6, FloorVerdict.UNDECIDED)));
    CaseResult passed = new CaseResult(CASE, Verdict.PASSED, 0.25, "", 7, seen);
    assertThat(throughLines(passed)).isEqualTo(passed);
    CaseResult failed = new CaseResult(CASE, Verdict.FAILED, Double.NaN, "off by 2", 0);
    assertThat(throughLines(failed)).isEqualTo(failed);
  }

  @Test
  void tabsInAMessage_endNoField() {
    CaseResult sent = new CaseResult(CASE, Verdict.FAILED, 3, "a\tb\nc", 1);
    assertThat(throughLines(sent).message()).isEqualTo("a b c");
  }

  @Test
  void aLineOfAnotherKind_isRefused() {
    assertThatThrownBy(() -> new ResultLines().read("nonsense\t1", CASE))
        .hasMessage("conformance: unknown line 'nonsense\t1'");
  }
}
