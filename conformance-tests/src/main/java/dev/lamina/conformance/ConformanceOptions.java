package dev.lamina.conformance;

import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
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
 * @param subset part of these that runs
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
    Subset subset,
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
        Subset.ALL,
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
    return with(f -> f.ordinal = deviceOrdinal);
  }

  /**
   * The same, opened another way.
   *
   * @param options threads and properties
   * @return new options
   */
  public ConformanceOptions withBackendOptions(BackendOptions options) {
    return with(f -> f.backendOptions = options);
  }

  /**
   * The same to another depth.
   *
   * @param deepest deepest level that runs
   * @return new options
   */
  public ConformanceOptions withLevel(Level deepest) {
    return with(f -> f.level = deepest);
  }

  /**
   * The same with other random numbers.
   *
   * @param newSeed of all random numbers
   * @return new options
   */
  public ConformanceOptions withSeed(long newSeed) {
    return with(f -> f.seed = newSeed);
  }

  /**
   * The same for some cases; the id of a single case brings its seed with it.
   *
   * @param pattern a case id, in which {@code *} stands for any run of characters, or null for all
   * @return new options
   */
  public ConformanceOptions withOnly(@Nullable String pattern) {
    return with(f -> {
      f.only = pattern;
      if (pattern != null && pattern.indexOf('*') < 0) {
        f.seed = CaseId.parse(pattern).seed();
      }
    });
  }

  /**
   * The same for a part of the cases.
   *
   * @param part which, for a build that has no time for all
   * @return new options
   */
  public ConformanceOptions withSubset(Subset part) {
    return with(f -> f.subset = part);
  }

  /**
   * The same with a report.
   *
   * @param folder for {@code report.json} and {@code index.html}, or null for none
   * @return new options
   */
  public ConformanceOptions withReport(@Nullable Path folder) {
    return with(f -> f.report = folder);
  }

  /**
   * The same with another limit.
   *
   * @param timeout longest time of one case
   * @return new options
   */
  public ConformanceOptions withCaseTimeout(Duration timeout) {
    return with(f -> f.caseTimeout = timeout);
  }

  /**
   * The same with lists of what fails for now and of what is refused.
   *
   * @param expectations what the backend says of itself
   * @return new options
   */
  public ConformanceOptions withExpected(Expectations expectations) {
    return with(f -> f.expected = expectations);
  }

  /**
   * The same with the backend in a process of its own or in this one.
   *
   * @param isForked whether a crash of the backend may cost no more than its case
   * @return new options
   */
  public ConformanceOptions withForked(boolean isForked) {
    return with(f -> f.forked = isForked);
  }

  /** The components, one of which may change. */
  private static final class Fields {
    final BackendProvider provider;
    int ordinal;
    BackendOptions backendOptions;
    Level level;
    long seed;
    @Nullable String only;
    Subset subset;
    @Nullable Path report;
    Duration caseTimeout;
    Expectations expected;
    boolean forked;

    Fields(ConformanceOptions from) {
      provider = from.provider;
      ordinal = from.ordinal;
      backendOptions = from.backendOptions;
      level = from.level;
      seed = from.seed;
      only = from.only;
      subset = from.subset;
      report = from.report;
      caseTimeout = from.caseTimeout;
      expected = from.expected;
      forked = from.forked;
    }
  }

  private ConformanceOptions with(Consumer<Fields> change) {
    Fields f = new Fields(this);
    change.accept(f);
    return new ConformanceOptions(
        f.provider,
        f.ordinal,
        f.backendOptions,
        f.level,
        f.seed,
        f.only,
        f.subset,
        f.report,
        f.caseTimeout,
        f.expected,
        f.forked);
  }
}
