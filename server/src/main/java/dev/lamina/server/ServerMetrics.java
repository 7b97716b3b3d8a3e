package dev.lamina.server;

import dev.lamina.ModelInfo;
import dev.lamina.scheduler.EngineObserver;
import dev.lamina.scheduler.EngineStats;
import dev.lamina.scheduler.FinishReason;
import dev.lamina.scheduler.RequestOutput;
import dev.lamina.scheduler.RequestTiming;
import dev.lamina.scheduler.SamplingParams;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * What {@code /metrics} shows: vLLM's names, labels and buckets, so that dashboards and autoscalers
 * made for it read this server too. Histograms are fed on the engine thread, counters and gauges
 * read from the engine when they are asked for.
 */
final class ServerMetrics implements EngineObserver {
  static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  private static final String[] LABELS = {"model_name", "engine"};
  private static final double NANOS = 1e9;

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
  private final String[] labels;
  private final ModelInfo model;
  private final Counter success;
  private final DistributionDataPoint iterationTokens;
  private final DistributionDataPoint promptTokens;
  private final DistributionDataPoint generationTokens;
  private final DistributionDataPoint maxGenerationTokens;
  private final DistributionDataPoint paramsN;
  private final DistributionDataPoint paramsMaxTokens;
  private final DistributionDataPoint timeToFirstToken;
  private final DistributionDataPoint interToken;
  private final DistributionDataPoint timePerOutputToken;
  private final DistributionDataPoint endToEnd;
  private final DistributionDataPoint queue;
  private final DistributionDataPoint inference;
  private final DistributionDataPoint prefill;
  private final DistributionDataPoint decode;

  ServerMetrics(ModelInfo model) {
    this.model = model;
    this.labels = new String[] {model.name(), "0"};
    double[] tokens = Buckets.oneTwoFive(model.maxModelLen());
    this.success = successCounter();
    this.iterationTokens =
        histogram("vllm:iteration_tokens_total", "Tokens of an engine step.", Buckets.STEP_TOKENS);
    this.promptTokens =
        histogram("vllm:request_prompt_tokens", "Prompt tokens of a request.", tokens);
    this.generationTokens =
        histogram("vllm:request_generation_tokens", "Tokens generated for a request.", tokens);
    this.maxGenerationTokens =
        histogram(
            "vllm:request_max_num_generation_tokens",
            "Most tokens generated for one choice of a request.",
            tokens);
    this.paramsN = histogram("vllm:request_params_n", "n of a request.", Buckets.CHOICES);
    this.paramsMaxTokens =
        histogram("vllm:request_params_max_tokens", "max_tokens of a request.", tokens);
    this.timeToFirstToken =
        histogram(
            "vllm:time_to_first_token_seconds",
            "Arrival to first token of a request.",
            Buckets.FIRST_TOKEN);
    this.interToken =
        histogram(
            "vllm:inter_token_latency_seconds",
            "Time between two tokens of a request.",
            Buckets.TOKEN);
    this.timePerOutputToken =
        histogram(
            "vllm:time_per_output_token_seconds",
            "Older name of vllm:inter_token_latency_seconds.",
            Buckets.TOKEN);
    this.endToEnd = seconds("vllm:e2e_request_latency_seconds", "Arrival to end of a request.");
    this.queue = seconds("vllm:request_queue_time_seconds", "Arrival to first step of a request.");
    this.inference =
        seconds("vllm:request_inference_time_seconds", "First step to end of a request.");
    this.prefill =
        seconds("vllm:request_prefill_time_seconds", "First step to first token of a request.");
    this.decode = seconds("vllm:request_decode_time_seconds", "First token to end of a request.");
  }

  /**
   * Shows the engine's own counters too.
   *
   * @param stats a snapshot, asked for at each reading
   * @param blockSize tokens of a KV block
   * @param prefixCaching whether equal prompt beginnings share KV
   */
  void showEngine(Supplier<EngineStats> stats, int blockSize, boolean prefixCaching) {
    EngineView view = new EngineView(stats);
    view.gauge("vllm:num_requests_running", "Requests that run.", EngineStats::numRunning);
    view.gauge("vllm:num_requests_waiting", "Requests that wait.", EngineStats::numWaiting);
    view.gauge(
        "vllm:kv_cache_usage_perc",
        "Share of KV blocks in use, 0 to 1.",
        EngineStats::kvCacheUsage);
    view.counter(
        "vllm:num_preemptions_total", "Requests put back to waiting.", EngineStats::preemptions);
    view.counter(
        "vllm:prefix_cache_queries_total",
        "Prompt tokens looked up in the prefix cache.",
        EngineStats::prefixQueryTokens);
    view.counter(
        "vllm:prefix_cache_hits_total",
        "Prompt tokens found in the prefix cache.",
        EngineStats::prefixHitTokens);
    view.counter("vllm:prompt_tokens_total", "Prompt tokens admitted.", EngineStats::promptTokens);
    view.counter(
        "vllm:prompt_tokens_cached_total",
        "Prompt tokens that were not computed again.",
        EngineStats::prefixHitTokens);
    view.counter(
        "vllm:generation_tokens_total", "Tokens generated.", EngineStats::generationTokens);
    view.tokensBySource();
    cacheConfig(stats, blockSize, prefixCaching);
  }

  private void cacheConfig(Supplier<EngineStats> stats, int blockSize, boolean prefixCaching) {
    GaugeWithCallback.builder()
        .name("vllm:cache_config_info")
        .help("How the KV cache is set up.")
        .labelNames("model_name", "engine", "block_size", "enable_prefix_caching", "num_gpu_blocks")
        .callback(point ->
            point.call(
                1,
                labels[0],
                labels[1],
                String.valueOf(blockSize),
                prefixCaching ? "True" : "False",
                String.valueOf(stats.get().numKvBlocks())))
        .register(registry);
  }

  /** Time between two tokens of one request. */
  void interToken(long nanos) {
    interToken.observe(nanos / NANOS);
    timePerOutputToken.observe(nanos / NANOS);
  }

  @Override
  public void onStep(int numTokens, int numSeqs) {
    iterationTokens.observe(numTokens);
  }

  @Override
  public void onRequestFinished(RequestOutput output) {
    success.labelValues(labels[0], labels[1], AnswerFormat.name(output.finishReason())).inc();
    int generated = output.tokenIds().length;
    promptTokens.observe(output.numPromptTokens());
    generationTokens.observe(generated);
    maxGenerationTokens.observe(generated);
    paramsN.observe(1);
    int maxTokens = output.request().sampling().maxTokens();
    paramsMaxTokens.observe(
        maxTokens == SamplingParams.NO_LIMIT
            ? model.maxModelLen() - output.numPromptTokens()
            : maxTokens);
    observe(output.timing());
  }

  private void observe(RequestTiming timing) {
    endToEnd.observe(timing.endToEndNanos() / NANOS);
    queue.observe(timing.queueNanos() / NANOS);
    if (timing.scheduledNanos() != 0) {
      inference.observe(timing.inferenceNanos() / NANOS);
    }
    if (timing.firstTokenNanos() != 0) {
      timeToFirstToken.observe(timing.timeToFirstTokenNanos() / NANOS);
      prefill.observe(timing.prefillNanos() / NANOS);
      decode.observe(timing.decodeNanos() / NANOS);
    }
  }

  /** Everything in Prometheus' text format. */
  byte[] text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream(16 << 10);
    try {
      writer.write(out, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private Counter successCounter() {
    Counter counter =
        Counter.builder()
            .name("vllm:request_success_total")
            .help("Requests that ended, by reason.")
            .labelNames("model_name", "engine", "finished_reason")
            .register(registry);
    for (FinishReason reason : FinishReason.values()) {
      counter.initLabelValues(labels[0], labels[1], AnswerFormat.name(reason));
    }
    return counter;
  }

  private DistributionDataPoint seconds(String name, String help) {
    return histogram(name, help, Buckets.REQUEST);
  }

  private DistributionDataPoint histogram(String name, String help, double[] buckets) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .classicOnly()
        .classicUpperBounds(buckets)
        .labelNames(LABELS)
        .register(registry)
        .labelValues(labels);
  }

  /** Gauges and counters that are read from the engine. */
  private final class EngineView {
    private final Supplier<EngineStats> stats;

    EngineView(Supplier<EngineStats> stats) {
      this.stats = stats;
    }

    void gauge(String name, String help, ToDoubleFunction<EngineStats> value) {
      GaugeWithCallback.builder()
          .name(name)
          .help(help)
          .labelNames(LABELS)
          .callback(point -> point.call(value.applyAsDouble(stats.get()), labels))
          .register(registry);
    }

    void counter(String name, String help, ToDoubleFunction<EngineStats> value) {
      CounterWithCallback.builder()
          .name(name)
          .help(help)
          .labelNames(LABELS)
          .callback(point -> point.call(value.applyAsDouble(stats.get()), labels))
          .register(registry);
    }

    void tokensBySource() {
      CounterWithCallback.builder()
          .name("vllm:prompt_tokens_by_source_total")
          .help("Prompt tokens by where their KV came from.")
          .labelNames("model_name", "engine", "source")
          .callback(point -> {
            EngineStats now = stats.get();
            long hits = now.prefixHitTokens();
            point.call((double) (now.promptTokens() - hits), labels[0], labels[1], "local_compute");
            point.call((double) hits, labels[0], labels[1], "local_cache_hit");
            point.call(0, labels[0], labels[1], "external_kv_transfer");
          })
          .register(registry);
    }
  }
}
