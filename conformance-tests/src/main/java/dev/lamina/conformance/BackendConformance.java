package dev.lamina.conformance;

import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.ProbeResult;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/**
 * The kit as a JUnit test: a backend extends it, names its provider, and gets one test a case.
 *
 * <p>An absent device skips with its reason; a broken one fails. What the device declares
 * unsupported is skipped with its reason too, and counted in a report of the command line.
 */
public abstract class BackendConformance {
  /** For subclasses. */
  protected BackendConformance() {}

  /**
   * The backend under test.
   *
   * @return its provider
   */
  protected abstract BackendProvider provider();

  /**
   * What to run; the default is L0 and L1 on the first device with seed 0, in this process.
   *
   * <p>A backend with native code that may crash sets {@link ConformanceOptions#withForked}.
   *
   * @return the options
   */
  protected ConformanceOptions options() {
    return ConformanceOptions.of(provider());
  }

  /**
   * One test a case, in a container an op.
   *
   * @return the tests
   */
  @TestFactory
  Stream<DynamicNode> conforms() {
    return switch (ProbeResult.of(provider())) {
      case ProbeResult.Absent(String why) ->
          single("absent", () -> Assumptions.abort(provider().id() + " is absent: " + why));
      case ProbeResult.Broken(String why, var cause) ->
          single("broken", () -> Assertions.fail(provider().id() + " is broken: " + why, cause));
      case ProbeResult.Available a -> tests();
    };
  }

  private static Stream<DynamicNode> single(String name, Runnable body) {
    return Stream.of(dynamicTest(name, body::run));
  }

  private Stream<DynamicNode> tests() {
    ConformanceOptions options = options();
    CaseCatalog catalog = CaseCatalog.of(options.seed());
    ConformanceRun run = new ConformanceRun(options, catalog);
    CaseExecutor runner = run.executor();
    Map<String, List<Case>> byOp =
        catalog.cases().stream()
            .filter(run::selects)
            .collect(
                Collectors.groupingBy(c -> c.id().op(), LinkedHashMap::new, Collectors.toList()));
    Stream<DynamicNode> containers =
        byOp.entrySet().stream()
            .map(e ->
                dynamicContainer(
                    e.getKey(),
                    e.getValue().stream()
                        .map(c ->
                            dynamicTest(
                                name(c),
                                () -> assertPasses(options.expected().judge(runner.run(c)))))));
    return containers.onClose(runner::close);
  }

  private static String name(Case c) {
    String rules = c.rules().stream().sorted().map(Rule::name).collect(Collectors.joining("_"));
    return kind(c) + "_" + rules + " " + c.id();
  }

  /**
   * Whether a case asks what every backend owes, what this one declares, or only how fast it is.
   */
  private static String kind(Case c) {
    return switch (c.id().op()) {
      case "speed" -> "perf";
      case "run_to_run", "batch_invariant" -> "declared";
      default -> c.rules().contains(Rule.CAPABILITY) ? "declared" : "required";
    };
  }

  private static void assertPasses(CaseResult result) {
    switch (result.verdict()) {
      case PASSED -> {}
      case FAILED, NOT_RUN -> Assertions.fail(result.testCase().id() + ": " + result.message());
      case DECLARED_UNSUPPORTED, XFAIL -> Assumptions.abort(result.message());
    }
  }
}
