package dev.lamina.conformance;

import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What to run against which device.
 *
 * @param provider the backend under test
 * @param ordinal its device, 0-based
 * @param backendOptions how to open it
 * @param level deepest level that runs
 * @param seed of all random numbers
 * @param only a case id, in which {@code *} stands for any run of characters, or null for all
 * @param report folder for {@code report.json} and {@code index.html}, or null for none
 * @param caseTimeout longest time of one case: processor time while it computes, time of day while
 *     it waits
 * @param expected cases that fail for now or are refused
 * @param forked whether the backend runs in a process of its own, so that a crash costs one case;
 *     needs a provider with a constructor without parameters
 */
public record ConformanceOptions(
    BackendProvider provider,
    int ordinal,
    BackendOptions backendOptions,
    Level level,
    long seed,
    @Nullable String only,
    @Nullable Path report,
    Duration caseTimeout,
    Expectations expected,
    boolean forked) {

  /**
   * All of L0 and L1 with seed 0, without a report.
   *
   * @param provider the backend under test
   * @return the options
   */
  public static ConformanceOptions of(BackendProvider provider) {
    return new ConformanceOptions(
        provider,
        0,
        BackendOptions.DEFAULT,
        Level.L1,
        0,
        null,
        null,
        Duration.ofSeconds(120),
        Expectations.NONE,
        false);
  }

  /**
   * The same for another device.
   *
   * @param deviceOrdinal 0-based
   * @return new options
   */
  public ConformanceOptions withOrdinal(int deviceOrdinal) {
    return new ConformanceOptions(
        provider,
        deviceOrdinal,
        backendOptions,
        level,
        seed,
        only,
        report,
        caseTimeout,
        expected,
        forked);
  }

  /**
   * The same, opened another way.
   *
   * @param options threads and properties
   * @return new options
   */
  public ConformanceOptions withBackendOptions(BackendOptions options) {
    return new ConformanceOptions(
        provider, ordinal, options, level, seed, only, report, caseTimeout, expected, forked);
  }

  /**
   * The same to another depth.
   *
   * @param deepest deepest level that runs
   * @return new options
   */
  public ConformanceOptions withLevel(Level deepest) {
    return new ConformanceOptions(
        provider,
        ordinal,
        backendOptions,
        deepest,
        seed,
        only,
        report,
        caseTimeout,
        expected,
        forked);
  }

  /**
   * The same with other random numbers.
   *
   * @param newSeed of all random numbers
   * @return new options
   */
  public ConformanceOptions withSeed(long newSeed) {
    return new ConformanceOptions(
        provider,
        ordinal,
        backendOptions,
        level,
        newSeed,
        only,
        report,
        caseTimeout,
        expected,
        forked);
  }

  /**
   * The same for some cases; the id of a single case brings its seed with it.
   *
   * @param pattern a case id, in which {@code *} stands for any run of characters, or null for all
   * @return new options
   */
  public ConformanceOptions withOnly(@Nullable String pattern) {
    long s = seed;
    if (pattern != null && pattern.indexOf('*') < 0) {
      s = CaseId.parse(pattern).seed();
    }
    return new ConformanceOptions(
        provider,
        ordinal,
        backendOptions,
        level,
        s,
        pattern,
        report,
        caseTimeout,
        expected,
        forked);
  }

  /**
   * The same with a report.
   *
   * @param folder for {@code report.json} and {@code index.html}, or null for none
   * @return new options
   */
  public ConformanceOptions withReport(@Nullable Path folder) {
    return new ConformanceOptions(
        provider,
        ordinal,
        backendOptions,
        level,
        seed,
        only,
        folder,
        caseTimeout,
        expected,
        forked);
  }

  /**
   * The same with another limit.
   *
   * @param timeout longest time of one case
   * @return new options
   */
  public ConformanceOptions withCaseTimeout(Duration timeout) {
    return new ConformanceOptions(
        provider, ordinal, backendOptions, level, seed, only, report, timeout, expected, forked);
  }

  /**
   * The same with lists of what fails for now and of what is refused.
   *
   * @param expectations what the backend says of itself
   * @return new options
   */
  public ConformanceOptions withExpected(Expectations expectations) {
    return new ConformanceOptions(
        provider,
        ordinal,
        backendOptions,
        level,
        seed,
        only,
        report,
        caseTimeout,
        expectations,
        forked);
  }

  /**
   * The same with the backend in a process of its own or in this one.
   *
   * @param isForked whether a crash of the backend may cost no more than its case
   * @return new options
   */
  public ConformanceOptions withForked(boolean isForked) {
    return new ConformanceOptions(
        provider,
        ordinal,
        backendOptions,
        level,
        seed,
        only,
        report,
        caseTimeout,
        expected,
        isForked);
  }
}
