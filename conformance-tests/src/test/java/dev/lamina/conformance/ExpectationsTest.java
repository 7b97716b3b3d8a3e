package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lists of cases that fail for now and of cases that are refused. */
class ExpectationsTest {
  private static final LocalDate TODAY = LocalDate.of(2026, 1, 10);

  @TempDir Path folder;

  private Path file(String... lines) throws IOException {
    return Files.write(folder.resolve("list"), List.of(lines));
  }

  @Test
  void lists_areReadLineByLine() throws IOException {
    Path xfail = file("# our driver", "", "linear/* | 2026-04-10 | rounds twice  # ticket 17");
    Expectations read = Expectations.read(xfail, null, TODAY);
    assertThat(read.failures())
        .containsExactly(
            new Expectations.Failure("linear/*", LocalDate.of(2026, 4, 10), "rounds twice"));
    Path unsupported = file("debug/* | no checks on this chip");
    assertThat(Expectations.read(null, unsupported, TODAY).refusals())
        .containsExactly(new Expectations.Refusal("debug/*", "no checks on this chip"));
  }

  @Test
  void lineWithoutAReason_isRefused() throws IOException {
    Path xfail = file("linear/* | 2026-02-01 |");
    assertThatThrownBy(() -> Expectations.read(xfail, null, TODAY))
        .hasMessageStartingWith(xfail + ":1: expected CASE | LAST DAY | REASON, got 'linear/*");
    Path unsupported = file("", "debug/*");
    assertThatThrownBy(() -> Expectations.read(null, unsupported, TODAY))
        .hasMessageStartingWith(unsupported + ":2: expected CASE | REASON, got 'debug/*'");
  }

  @Test
  void dayThatIsNoneOrFarAway_isRefused() throws IOException {
    Path none = file("linear/* | soon | rounds twice");
    assertThatThrownBy(() -> Expectations.read(none, null, TODAY))
        .hasMessage(none + ":1: expected a day such as 2026-03-01, got 'soon'");
    Path far = file("linear/* | 2026-04-11 | rounds twice");
    assertThatThrownBy(() -> Expectations.read(far, null, TODAY))
        .hasMessage(
            far + ":1: expected a day at most 90 days ahead, got 2026-04-11; look again by then");
  }

  private static CaseResult judged(Verdict verdict, String message) {
    Case any = CaseCatalog.of(0).cases().getFirst();
    Expectations refused =
        new Expectations(
            List.of(new Expectations.Failure("*", LocalDate.MAX, "known")),
            List.of(new Expectations.Refusal(any.id().toString(), "lacks it")));
    return refused.judge(new CaseResult(any, verdict, Double.NaN, message, 1));
  }

  @Test
  void caseListedAsUnsupported_mustBeRefused() {
    CaseResult refused = judged(Verdict.FAILED, Expectations.REFUSED + "compile: no");
    assertThat(refused.verdict()).isEqualTo(Verdict.DECLARED_UNSUPPORTED);
    assertThat(refused.message()).isEqualTo("lacks it (refused: compile: no)");
    CaseResult wrong = judged(Verdict.FAILED, "off");
    assertThat(wrong.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(wrong.message())
        .isEqualTo("off (listed as unsupported, which allows no other error)");
    CaseResult passed = judged(Verdict.PASSED, "");
    assertThat(passed.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(passed.message()).isEqualTo("passed though it is listed as unsupported (lacks it)");
    assertThat(judged(Verdict.NOT_RUN, "crashed").verdict()).isEqualTo(Verdict.NOT_RUN);
  }

  @Test
  void patternThatMatchesNoCase_isNamed() {
    Expectations some =
        new Expectations(List.of(), List.of(new Expectations.Refusal("no/such/*", "lacks it")));
    assertThat(some.idle(CaseCatalog.of(0).cases())).containsExactly("no/such/*");
  }
}
