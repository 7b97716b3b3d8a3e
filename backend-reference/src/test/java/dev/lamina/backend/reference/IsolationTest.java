package dev.lamina.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.ConformanceRun;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.BackendProvider;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A backend that crashes or hangs in a process of its own loses the case that did it, only. */
class IsolationTest {
  private static final String VICTIM = "argmax/1/f32/5x257/dim=1,normal/s0";

  @TempDir Path folder;

  private Report run(BackendProvider provider, Duration timeout) throws InterruptedException {
    ConformanceOptions options =
        ConformanceOptions.of(provider)
            .withOnly("argmax/*")
            .withForked(true)
            .withReport(folder)
            .withCaseTimeout(timeout);
    return new ConformanceRun(options).run(r -> {});
  }

  private static CaseResult lost(Report report) {
    List<CaseResult> selected =
        report.results().stream().filter(r -> r.testCase().id().op().equals("argmax")).toList();
    List<CaseResult> lost = selected.stream().filter(r -> r.verdict() == Verdict.NOT_RUN).toList();
    assertThat(lost).as("cases lost of %s", report.subject()).hasSize(1);
    assertThat(report.summary().get(Verdict.PASSED)).isEqualTo(selected.size() - 1);
    assertThat(report.summary().get(Verdict.FAILED)).isZero();
    assertThat(report.remarks()).isEmpty();
    assertThat(lost.getFirst().testCase().id()).hasToString(VICTIM);
    return lost.getFirst();
  }

  @Test
  void segmentationFault_costsItsCase() throws InterruptedException {
    Report report = run(new DoomedBackend.Crashing(), Duration.ofSeconds(60));
    assertThat(lost(report).message())
        .matches("crashed: exit code \\d+.*: SIGSEGV \\(0xb\\) at pc=.* in .*Unsafe.*");
    assertThat(folder).isDirectoryContaining("glob:**/crash-*.log");
  }

  @Test
  void killInTheMiddleOfASubmit_costsItsCase() throws InterruptedException {
    Report report = run(new DoomedBackend.Killed(), Duration.ofSeconds(60));
    assertThat(lost(report).message()).startsWith("crashed: exit code 137");
  }

  @Test
  void waitWithoutEnd_costsItsCase() throws InterruptedException {
    Report report = run(new DoomedBackend.Waiting(), Duration.ofSeconds(3));
    assertThat(lost(report).message()).startsWith("timed out after 3 s at DoomedBackend.java:");
  }

  @Test
  void loopWithoutEnd_costsItsCase() throws InterruptedException {
    Report report = run(new DoomedBackend.Looping(), Duration.ofSeconds(3));
    assertThat(lost(report).message()).startsWith("timed out after 3 s at DoomedBackend.java:");
  }

  @Test
  void backendThatIsRight_isRightInAProcessOfItsOwn() throws InterruptedException {
    Report report = run(new ReferenceBackendProvider(), Duration.ofSeconds(60));
    assertThat(report.summary().get(Verdict.PASSED)).isPositive();
    assertThat(report.summary().get(Verdict.FAILED)).isZero();
    CaseResult victim =
        report.results().stream()
            .filter(r -> r.testCase().id().toString().equals(VICTIM))
            .findFirst()
            .orElseThrow();
    assertThat(victim.observed().kernels()).hasSize(1);
    assertThat(victim.observed().kernels().getFirst().kernel()).isEqualTo("argmax");
  }
}
