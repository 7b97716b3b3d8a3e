package dev.lamina;

import dev.lamina.models.Precision;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.EngineObserver;
import dev.lamina.spi.ir.DType;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a model is opened.
 *
 * @param backend {@code ID} or {@code ID:N}, or null for the best available
 * @param threads host threads for computing, 0 = the backend's choice
 * @param precision of activations and KV
 * @param kvDtype of stored keys and values, or null for what {@code precision} says
 * @param engine the scheduler's limits
 * @param observer told of steps and finished requests, on the engine thread
 * @param progress told in one line of each phase of opening, on the opening thread
 */
public record LaminaOptions(
    @Nullable String backend,
    int threads,
    Precision precision,
    @Nullable DType kvDtype,
    EngineConfig engine,
    EngineObserver observer,
    Consumer<String> progress) {

  /** The best backend, default precision, vLLM's engine defaults, silent. */
  public static final LaminaOptions DEFAULT =
      new LaminaOptions(
          null, 0, Precision.DEFAULT, null, EngineConfig.DEFAULT, EngineObserver.NONE, line -> {});

  /** On another backend. */
  public LaminaOptions withBackend(@Nullable String value) {
    return new LaminaOptions(value, threads, precision, kvDtype, engine, observer, progress);
  }

  /** With so many host threads. */
  public LaminaOptions withThreads(int value) {
    return new LaminaOptions(backend, value, precision, kvDtype, engine, observer, progress);
  }

  /** With another precision. */
  public LaminaOptions withPrecision(Precision value) {
    return new LaminaOptions(backend, threads, value, kvDtype, engine, observer, progress);
  }

  /** With another KV dtype. */
  public LaminaOptions withKvDtype(@Nullable DType value) {
    return new LaminaOptions(backend, threads, precision, value, engine, observer, progress);
  }

  /** With other engine limits. */
  public LaminaOptions withEngine(EngineConfig value) {
    return new LaminaOptions(backend, threads, precision, kvDtype, value, observer, progress);
  }

  /** With an observer. */
  public LaminaOptions withObserver(EngineObserver value) {
    return new LaminaOptions(backend, threads, precision, kvDtype, engine, value, progress);
  }

  /** With progress lines. */
  public LaminaOptions withProgress(Consumer<String> value) {
    return new LaminaOptions(backend, threads, precision, kvDtype, engine, observer, value);
  }
}
