package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.SamplingParams;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class RequestFieldsTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private static RequestFields fields(String json) {
    return new RequestFields(JSON.readTree(json));
  }

  private static SamplingParams sampling(String json) {
    return fields(json).sampling(1, 16, SamplingParams.NO_LOGPROBS);
  }

  @Test
  void sampling_readsEveryField() {
    SamplingParams s =
        sampling(
            """
            {"temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.1,"presence_penalty":1,
             "frequency_penalty":-1,"repetition_penalty":1.5,"seed":42,"max_tokens":3,
             "min_tokens":2,"ignore_eos":true,"stop_token_ids":[5,6]}\
            """);
    assertThat(s.temperature()).isEqualTo(0.5f);
    assertThat(s.topP()).isEqualTo(0.9f);
    assertThat(s.topK()).isEqualTo(7);
    assertThat(s.minP()).isEqualTo(0.1f);
    assertThat(s.presencePenalty()).isEqualTo(1);
    assertThat(s.frequencyPenalty()).isEqualTo(-1);
    assertThat(s.repetitionPenalty()).isEqualTo(1.5f);
    assertThat(s.seed()).isEqualTo(42L);
    assertThat(s.maxTokens()).isEqualTo(3);
    assertThat(s.minTokens()).isEqualTo(2);
    assertThat(s.ignoreEos()).isTrue();
    assertThat(s.stopTokenIds()).containsExactly(5, 6);
  }

  @Test
  void sampling_takesDefaultsForWhatIsAbsentOrNull() {
    SamplingParams s = sampling("{\"temperature\":null}");
    assertThat(s.temperature()).isEqualTo(1);
    assertThat(s.maxTokens()).isEqualTo(16);
    assertThat(s.seed()).isNull();
    assertThat(sampling("{\"max_completion_tokens\":9}").maxTokens()).isEqualTo(9);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"temperature\":3}|temperature: expected 0..2, got 3.0",
        "{\"temperature\":\"hot\"}|temperature: expected a number, got a string",
        "{\"max_tokens\":0}|max_tokens: expected at least 1, got 0",
        "{\"max_tokens\":1.5}|max_tokens: expected an integer, got 1.5",
        "{\"seed\":\"x\"}|seed: expected an integer, got a string",
        "{\"ignore_eos\":1}|ignore_eos: expected true or false, got the number 1",
        "{\"stop_token_ids\":[true]}|stop_token_ids[0]: expected a token id, got a boolean",
      })
  void sampling_refusesInOneLine(String json, String message) {
    assertThatThrownBy(() -> sampling(json))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessage(message);
  }

  @Test
  void stops_areAStringOrAnArray() {
    assertThat(fields("{}").stops().stops()).isEmpty();
    assertThat(fields("{\"stop\":\"a\"}").stops().stops()).containsExactly("a");
    assertThat(fields("{\"stop\":[\"a\",\"b\"]}").stops().stops()).containsExactly("a", "b");
    assertThatThrownBy(() -> fields("{\"stop\":[\"\"]}").stops())
        .hasMessage("stop: expected non-empty strings, got a string");
    String many = "\"x\",".repeat(17);
    assertThatThrownBy(
            () -> fields("{\"stop\":[" + many.substring(0, many.length() - 1) + "]}").stops())
        .hasMessage("stop: expected at most 16 strings, got 17");
  }

  @Test
  void refuse_namesWhatIsNotBuilt() {
    assertThatThrownBy(() -> fields("{\"logit_bias\":{}}").refuse(Set.of("logit_bias")))
        .hasMessage("logit_bias: not supported yet; leave it out");
    fields("{\"logit_bias\":null}").refuse(Set.of("logit_bias"));
    assertThatThrownBy(() -> fields("{\"n\":2}").refuseSeveralChoices())
        .hasMessage("n: more than 1 is not supported yet; send 1");
  }

  @Test
  void prompts_areReadOrRefused() {
    assertThat(((Prompt.Tokens) fields("{\"tokens\":[1,2]}").tokens("tokens")).ids())
        .containsExactly(1, 2);
    assertThatThrownBy(() -> fields("{\"tokens\":[]}").tokens("tokens"))
        .hasMessage("tokens: expected a non-empty array of token ids, got an empty array");
    assertThatThrownBy(() -> fields("[1]"))
        .hasMessage("request: expected a JSON object, got an array");
    assertThatThrownBy(() -> fields("{\"x\":1}").string("x"))
        .hasMessage("x: expected a string, got the number 1");
  }
}
