package dev.lamina;

import dev.lamina.models.Precision;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.EngineObserver;
import dev.lamina.spi.ir.DType;
import java.util.List;
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
 * @param adapters LoRA adapters to load at once
 * @param adapterLimits how many and how large
 * @param progress told in one line of each phase of opening, on the opening thread
 */
public record LaminaOptions(
    @Nullable String backend,
    int threads,
    Precision precision,
    @Nullable DType kvDtype,
    EngineConfig engine,
    EngineObserver observer,
    List<AdapterSource> adapters,
    AdapterLimits adapterLimits,
    Consumer<String> progress) {

  /** The best backend, default precision, vLLM's engine defaults, silent. */
  public static final LaminaOptions DEFAULT =
      new LaminaOptions(
          null,
          0,
          Precision.DEFAULT,
          null,
          EngineConfig.DEFAULT,
          EngineObserver.NONE,
          List.of(),
          AdapterLimits.DEFAULT,
          line -> {});

  /** Copies the list. */
  public LaminaOptions {
    adapters = List.copyOf(adapters);
  }

  /** On another backend. */
  public LaminaOptions withBackend(@Nullable String value) {
    return new LaminaOptions(
        value, threads, precision, kvDtype, engine, observer, adapters, adapterLimits, progress);
  }

  /** With so many host threads. */
  public LaminaOptions withThreads(int value) {
    return new LaminaOptions(
        backend, value, precision, kvDtype, engine, observer, adapters, adapterLimits, progress);
  }

  /** With another precision. */
  public LaminaOptions withPrecision(Precision value) {
    return new LaminaOptions(
        backend, threads, value, kvDtype, engine, observer, adapters, adapterLimits, progress);
  }

  /** With another KV dtype. */
  public LaminaOptions withKvDtype(@Nullable DType value) {
    return new LaminaOptions(
        backend, threads, precision, value, engine, observer, adapters, adapterLimits, progress);
  }

  /** With other engine limits. */
  public LaminaOptions withEngine(EngineConfig value) {
    return new LaminaOptions(
        backend, threads, precision, kvDtype, value, observer, adapters, adapterLimits, progress);
  }

  /** With an observer. */
  public LaminaOptions withObserver(EngineObserver value) {
    return new LaminaOptions(
        backend, threads, precision, kvDtype, engine, value, adapters, adapterLimits, progress);
  }

  /** With progress lines. */
  public LaminaOptions withProgress(Consumer<String> value) {
    return new LaminaOptions(
        backend, threads, precision, kvDtype, engine, observer, adapters, adapterLimits, value);
  }

  /** With LoRA adapters. */
  public LaminaOptions withAdapters(List<AdapterSource> value) {
    return new LaminaOptions(
        backend, threads, precision, kvDtype, engine, observer, value, adapterLimits, progress);
  }

  /** With other limits of adapters. */
  public LaminaOptions withAdapterLimits(AdapterLimits value) {
    return new LaminaOptions(
        backend, threads, precision, kvDtype, engine, observer, adapters, value, progress);
  }
}
