package dev.lamina.backend.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lamina.backend.reference.DisorderlyBackend.Disorder;
import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.ConformanceRun;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Verdict;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each bug in the order of things must fail the short programs of L0, at every seed. */
class DisorderlyBackendTest {
  private static CaseResult run(Disorder disorder, long seed) throws InterruptedException {
    List<CaseResult> ran = run(disorder, seed, Level.L0, "fuzz/*");
    assertThat(ran).hasSize(1);
    return ran.getFirst();
  }

  private static List<CaseResult> run(Disorder disorder, long seed, Level level, String only)
      throws InterruptedException {
    ConformanceOptions options =
        ConformanceOptions.of(new DisorderlyBackend(disorder))
            .withLevel(level)
            .withSeed(seed)
            .withOnly(only);
    return new ConformanceRun(options)
        .run(r -> {}).results().stream().filter(r -> r.verdict() != Verdict.NOT_RUN).toList();
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"NONE", "LEFTOVER_OF_FAILURE", "HIDDEN_LEAK"})
  void aBug_isFoundAtThreeSeedsAndShownByAShortProgram(Disorder disorder)
      throws InterruptedException {
    for (long seed = 1; seed <= 3; seed++) {
      CaseResult result = run(disorder, seed);
      assertThat(result.verdict()).as("%s, seed %d", disorder, seed).isEqualTo(Verdict.FAILED);
      assertThat(result.message())
          .startsWith("program of seed ")
          .matches(".*shrunk from 100 to \\d{1,2} steps: .*");
      int steps =
          Integer.parseInt(result.message().replaceFirst(".*from 100 to (\\d+) steps.*", "$1"));
      assertThat(steps).as(result.message()).isLessThan(25);
    }
  }

  @Test
  void wrappingAlone_isRight() throws InterruptedException {
    CaseResult result = run(Disorder.NONE, 1);
    assertThat(result.verdict()).as(result.message()).isEqualTo(Verdict.PASSED);
  }

  @Test
  void memoryLeftByAFailedAllocation_isFound() throws InterruptedException {
    List<CaseResult> failed =
        run(Disorder.LEFTOVER_OF_FAILURE, 1, Level.L0, "memory/*").stream()
            .filter(r -> r.verdict() == Verdict.FAILED)
            .toList();
    assertThat(failed).anyMatch(r -> r.message().startsWith("live objects after running out"));
  }

  @Test
  void memoryThatNoCountTells_isFound() throws InterruptedException {
    assumeTrue(Files.isReadable(Path.of("/proc/self/status")), "memory of a process is not told");
    List<CaseResult> ran = run(Disorder.HIDDEN_LEAK, 1, Level.L3, "leak/*/10000-compiles*");
    assertThat(ran).hasSize(1);
    assertThat(ran.getFirst().message()).startsWith("leak.compile.rest: expected a part of");
  }
}
