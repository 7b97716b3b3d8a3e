package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(SharedServer.class)
class MetricsTest {
  private static final String LABELS = "{engine=\"0\",model_name=\"micro-chat\"}";

  private final TestServer server;

  MetricsTest(TestServer server) {
    this.server = server;
  }

  private double value(String sample) throws Exception {
    for (String line : server.get("/metrics").body().split("\n")) {
      if (line.startsWith(sample + " ")) {
        return Double.parseDouble(line.substring(sample.length() + 1));
      }
    }
    throw new AssertionError("no sample " + sample);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "vllm:kv_cache_usage_perc",
        "vllm:prefix_cache_queries_total",
        "vllm:prefix_cache_hits_total",
        "vllm:num_preemptions_total",
        "vllm:prompt_tokens_total",
        "vllm:prompt_tokens_cached_total",
        "vllm:generation_tokens_total",
        "vllm:iteration_tokens_total_count",
        "vllm:request_prompt_tokens_count",
        "vllm:request_generation_tokens_count",
        "vllm:request_max_num_generation_tokens_count",
        "vllm:request_params_n_count",
        "vllm:request_params_max_tokens_count",
        "vllm:time_to_first_token_seconds_count",
        "vllm:inter_token_latency_seconds_count",
        "vllm:time_per_output_token_seconds_count",
        "vllm:e2e_request_latency_seconds_count",
        "vllm:request_queue_time_seconds_count",
        "vllm:request_inference_time_seconds_count",
        "vllm:request_prefill_time_seconds_count",
        "vllm:request_decode_time_seconds_count",
      })
  void everyName_isThereWithVllmsLabels(String name) throws Exception {
    assertThat(value(name + LABELS)).isNotNegative();
  }

  @Test
  void text_isPrometheusFormat() throws Exception {
    HttpResponse<String> response = server.get("/metrics");

    assertThat(response.headers().firstValue("content-type").orElseThrow())
        .startsWith("text/plain; version=0.0.4");
    assertThat(response.body())
        .contains("# TYPE vllm:request_success_total counter")
        .contains("# TYPE vllm:iteration_tokens_total histogram")
        .contains("vllm:cache_config_info{block_size=\"16\",enable_prefix_caching=\"True\"")
        .contains("source=\"local_compute\"");
  }

  @Test
  void request_isCountedInEveryHistogram() throws Exception {
    server.awaitIdle();
    String success =
        "vllm:request_success_total"
            + "{engine=\"0\",finished_reason=\"length\",model_name=\"micro-chat\"}";
    double ended = value(success);
    double prompt = value("vllm:request_prompt_tokens_sum" + LABELS);
    double tokens = value("vllm:generation_tokens_total" + LABELS);
    double between = value("vllm:inter_token_latency_seconds_count" + LABELS);
    double first = value("vllm:time_to_first_token_seconds_count" + LABELS);
    double seconds = value("vllm:e2e_request_latency_seconds_sum" + LABELS);

    server.ask("/v1/completions", "{\"prompt\":[5,6,7],\"max_tokens\":5,\"ignore_eos\":true}");
    server.awaitIdle();

    assertThat(value(success)).isEqualTo(ended + 1);
    assertThat(value("vllm:request_prompt_tokens_sum" + LABELS)).isEqualTo(prompt + 3);
    assertThat(value("vllm:generation_tokens_total" + LABELS)).isEqualTo(tokens + 5);
    assertThat(value("vllm:inter_token_latency_seconds_count" + LABELS)).isEqualTo(between + 4);
    assertThat(value("vllm:time_to_first_token_seconds_count" + LABELS)).isEqualTo(first + 1);
    assertThat(value("vllm:e2e_request_latency_seconds_sum" + LABELS)).isGreaterThan(seconds);
  }

  @Test
  void buckets_goUpInOneTwoFive() {
    assertThat(Buckets.oneTwoFive(40)).containsExactly(1, 2, 5, 10, 20);
  }
}
