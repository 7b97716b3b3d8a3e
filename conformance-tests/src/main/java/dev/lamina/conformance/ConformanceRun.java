package dev.lamina.conformance;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Runs the cases of a catalog that the options ask for, in order, against one device. */
public final class ConformanceRun {
  private final ConformanceOptions options;
  private final CaseCatalog catalog;
  private final Set<CaseId> subset;
  private Instant began = Instant.EPOCH;

  /**
   * A run of the whole catalog of the options' seed.
   *
   * @param options what to run against which device
   */
  public ConformanceRun(ConformanceOptions options) {
    this(options, CaseCatalog.of(options.seed()));
  }

  /**
   * A run of a catalog.
   *
   * @param options what to run against which device
   * @param catalog the cases
   */
  public ConformanceRun(ConformanceOptions options, CaseCatalog catalog) {
    this.options = options;
    this.catalog = catalog;
    this.subset = options.subset().of(catalog.cases());
  }

  /**
   * Whether the options ask for a case.
   *
   * @param c a case
   * @return true if its level and its id are asked for and the subset has it
   */
  public boolean selects(Case c) {
    String only = options.only();
    return options.level().includes(c.level())
        && subset.contains(c.id())
        && (only == null || Selection.matches(only, c.id().toString()));
  }

  /**
   * How many cases will run.
   *
   * @return cases that are asked for
   */
  public int selected() {
    return (int) catalog.cases().stream().filter(this::selects).count();
  }

  /** Patterns of the lists of expectations that no case matches. */
  List<String> idleExpectations() {
    return options.expected().idle(catalog.cases());
  }

  /**
   * Runs them.
   *
   * @param progress told each result of a case that was asked for
   * @return one result for every case of the catalog, asked for or not
   * @throws InterruptedException if this thread is interrupted
   */
  public Report run(Consumer<CaseResult> progress) throws InterruptedException {
    began = Instant.now();
    return options.forked() ? runForked(progress) : runHere(progress);
  }

  private Report runHere(Consumer<CaseResult> progress) throws InterruptedException {
    Report.Subject subject;
    try (Context context = newContext()) {
      subject = Report.Subject.of(context);
    }
    try (CaseRunner runner = new CaseRunner(this::newContext, options.caseTimeout())) {
      return report(subject, results(runner, progress), List.of());
    }
  }

  private Report runForked(Consumer<CaseResult> progress) throws InterruptedException {
    Report.Subject subject = Report.Subject.probed(options.provider(), options.ordinal());
    try (ForkedRunner runner = new ForkedRunner(options)) {
      List<CaseResult> results = results(runner, progress);
      runner.finish();
      return report(subject, results, runner.remarks());
    }
  }

  private Report report(Report.Subject subject, List<CaseResult> results, List<String> remarks) {
    Report.Setting setting =
        new Report.Setting(
            options.level(),
            options.seed(),
            options.only(),
            began,
            Duration.between(began, Instant.now()));
    return new Report(subject, setting, results, remarks);
  }

  private List<CaseResult> results(CaseExecutor executor, Consumer<CaseResult> progress)
      throws InterruptedException {
    List<CaseResult> results = new ArrayList<>();
    for (Case c : catalog.cases()) {
      if (selects(c)) {
        CaseResult result = options.expected().judge(executor.run(c));
        results.add(result);
        progress.accept(result);
      } else {
        boolean above = !options.level().includes(c.level());
        results.add(CaseResult.notRun(c, above ? CaseResult.ABOVE : CaseResult.UNSELECTED));
      }
    }
    return results;
  }

  /** What runs the cases; the caller closes it. */
  CaseExecutor executor() {
    return options.forked()
        ? new ForkedRunner(options)
        : new CaseRunner(this::newContext, options.caseTimeout());
  }

  private Context newContext() {
    return new Context(options.provider(), options.ordinal(), options.backendOptions());
  }
}
