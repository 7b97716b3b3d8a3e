package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.ProbeResult;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Test;

/** The kit as a backend's own test. */
class BackendConformanceTest {
  private static final class Subject extends BackendConformance {
    private final ProbeResult probe;

    Subject(ProbeResult probe) {
      this.probe = probe;
    }

    @Override
    protected BackendProvider provider() {
      return new CaseRunnerTest.Probe(probe);
    }

    @Override
    protected ConformanceOptions options() {
      return super.options().withLevel(Level.L3);
    }
  }

  private static Stream<String> names(DynamicNode node) {
    return node instanceof DynamicContainer c
        ? c.getChildren().flatMap(BackendConformanceTest::names)
        : Stream.of(node.getDisplayName());
  }

  private static List<String> names(ProbeResult probe) {
    try (Stream<DynamicNode> tests = new Subject(probe).conforms()) {
      return tests.flatMap(BackendConformanceTest::names).toList();
    }
  }

  @Test
  void eachCase_isATestWhoseNameSaysWhatIsAsked() {
    List<String> names = names(new ProbeResult.Available(List.of()));
    assertThat(names).hasSameSizeAs(CaseCatalog.of(0).cases());
    assertThat(names)
        .contains(
            "perf_CAPABILITY speed/1/f32/-/linear,rows=1/s0",
            "declared_R5 run_to_run/1/f32/-/model=gqa/s0",
            "declared_R5 batch_invariant/1/q4_0/-/model=q4_0/s0",
            "required_R2 model/1/f32/37x5x18/gqa,whole/s0");
    assertThat(names).allMatch(n -> n.matches("(required|declared|perf)_[A-Z0-9_]+ .*/s0"));
  }

  @Test
  void withoutADevice_thereIsOneTestThatSkips() {
    assertThat(names(new ProbeResult.Absent("no such chip"))).containsExactly("absent");
  }
}
