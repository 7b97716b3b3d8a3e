package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.ProbeResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConformanceOptionsTest {
  private static final BackendProvider PROVIDER =
      new CaseRunnerTest.Probe(new ProbeResult.Absent("no such chip"));

  @Test
  void each_changesItsOwnComponentAlone() {
    BackendOptions opened = new BackendOptions(3, Map.of("k", "v"));
    Expectations expected =
        new Expectations(List.of(), List.of(new Expectations.Refusal("debug/*", "no checks")));
    ConformanceOptions all =
        ConformanceOptions.of(PROVIDER)
            .withForked(true)
            .withOrdinal(1)
            .withBackendOptions(opened)
            .withExpected(expected)
            .withLevel(Level.L3)
            .withSeed(7)
            .withOnly("matmul/*")
            .withSubset(new Subset(Level.L2, 4))
            .withReport(Path.of("out"))
            .withCaseTimeout(Duration.ofSeconds(5));
    assertThat(all)
        .isEqualTo(
            new ConformanceOptions(
                PROVIDER,
                1,
                opened,
                Level.L3,
                7,
                "matmul/*",
                new Subset(Level.L2, 4),
                Path.of("out"),
                Duration.ofSeconds(5),
                expected,
                true));
  }

  @Test
  void oneCase_bringsItsSeed() {
    ConformanceOptions options = ConformanceOptions.of(PROVIDER).withSeed(7);
    assertThat(options.withOnly("matmul/1/f32/5x3x7/-/s9").seed()).isEqualTo(9);
    assertThat(options.withOnly("matmul/1/f32/*/s9").seed()).isEqualTo(7);
    assertThat(options.withOnly(null).seed()).isEqualTo(7);
  }
}
