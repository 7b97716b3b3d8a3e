package dev.lamina.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplingParamsTest {
  private static SamplingParams.Builder set(SamplingParams.Builder b, String param, float value) {
    return switch (param) {
      case "temperature" -> b.temperature(value);
      case "top_p" -> b.topP(value);
      case "top_k" -> b.topK((int) value);
      case "min_p" -> b.minP(value);
      case "presence_penalty" -> b.presencePenalty(value);
      case "frequency_penalty" -> b.frequencyPenalty(value);
      case "repetition_penalty" -> b.repetitionPenalty(value);
      case "max_tokens" -> b.maxTokens((int) value);
      case "min_tokens" -> b.minTokens((int) value);
      case "logprobs" -> b.logprobs((int) value);
      case "stop_token_ids" -> b.stopTokenIds((int) value);
      default -> throw new IllegalArgumentException(param);
    };
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "temperature|2.5|temperature: expected 0..2, got 2.5",
        "temperature|-0.1|temperature: expected 0..2, got -0.1",
        "temperature|NaN|temperature: expected 0..2, got NaN",
        "top_p|0|top_p: expected above 0 and at most 1, got 0.0",
        "top_p|1.1|top_p: expected above 0 and at most 1, got 1.1",
        "top_k|-2|top_k: expected at least 1, or 0 or -1 for all, got -2",
        "min_p|1.5|min_p: expected 0..1, got 1.5",
        "presence_penalty|3|presence_penalty: expected -2..2, got 3.0",
        "frequency_penalty|-3|frequency_penalty: expected -2..2, got -3.0",
        "repetition_penalty|0|repetition_penalty: expected above 0, got 0.0",
        "max_tokens|0|max_tokens: expected at least 1, got 0",
        "min_tokens|17|min_tokens: expected 0 to max_tokens (16), got 17",
        "logprobs|21|logprobs: expected 0 to 20, got 21",
        "stop_token_ids|-1|stop_token_ids: expected ids of at least 0, got -1",
      })
  void build_refusesWhatIsOutOfRange_namingTheField(String param, float value, String message) {
    assertThatThrownBy(() -> set(SamplingParams.builder(), param, value).build())
        .isInstanceOfSatisfying(
            InvalidRequestException.class, e -> assertThat(e.param()).isEqualTo(param))
        .hasMessage(message);
  }

  @Test
  void build_takesTheEnds() {
    UnaryOperator<SamplingParams.Builder> ends =
        b -> b.temperature(2).topP(1).topK(-1).minP(1).maxTokens(1).minTokens(1).logprobs(20);
    SamplingParams params = ends.apply(SamplingParams.builder()).build();
    assertThat(params.isGreedy()).isFalse();
    assertThat(params.wantsLogprobs()).isTrue();
    assertThat(params.hasPenalties()).isFalse();
  }

  @Test
  void config_changesOneLimitAtATime() {
    EngineConfig config =
        EngineConfig.DEFAULT
            .withLongPrefillTokenThreshold(6)
            .withSchedulingPolicy(SchedulingPolicy.PRIORITY)
            .withMaxModelLen(5)
            .withPrefixCaching(false)
            .withKvMemoryBytes(4)
            .withNumKvBlocks(3)
            .withMaxNumBatchedTokens(2)
            .withMaxNumSeqs(1);
    assertThat(config)
        .isEqualTo(new EngineConfig(1, 2, 3, 4, 16, false, 5, SchedulingPolicy.PRIORITY, 6));
  }

  @Test
  void config_refusesWhatIsOutOfRange_namingTheFlag() {
    assertThatThrownBy(() -> EngineConfig.DEFAULT.withMaxNumSeqs(0))
        .hasMessage("--max-num-seqs: expected at least 1, got 0");
    assertThatThrownBy(() -> EngineConfig.DEFAULT.withMaxNumBatchedTokens(0))
        .hasMessage("--max-num-batched-tokens: expected at least 1, got 0");
    assertThatThrownBy(() -> EngineConfig.DEFAULT.withNumKvBlocks(-1))
        .hasMessage("--num-kv-blocks: expected at least 0, got -1");
    assertThatThrownBy(() -> new EngineConfig(1, 1, 0, 0, 24, true, 0, SchedulingPolicy.FCFS, 0))
        .hasMessage("--block-size: expected a multiple of 16, got 24");
    assertThatThrownBy(() -> new KvGroup("kv.0", 0, 16, new KvGroup.Lifetime.UntilFinished()))
        .hasMessage("--num-kv-blocks: expected at least 1 block in pool kv.0, got 0");
  }
}
