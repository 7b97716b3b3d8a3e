package dev.lamina.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JsonTreesTest {
  private static final String JSON =
      """
      {"text": "a\\u00e9\\n", "int": -7, "long": 12345678901, "big": 123456789012345678901234567890,
       "float": 1e-06, "list": [true, false, null, [], {}], "again": 1, "again": 2}
      """;

  @Test
  void trees_equalThoseOfAMapper() {
    JsonNode expected = JsonMapper.builder().build().readTree(JSON);

    assertThat(JsonTrees.read(JSON)).isEqualTo(expected);
    assertThat(JsonTrees.read(JSON.getBytes(StandardCharsets.UTF_8))).isEqualTo(expected);
    assertThat(JsonTrees.read(JSON.getBytes(StandardCharsets.UTF_16))).isEqualTo(expected);
  }

  @Test
  void numbersThatPythonWrites_areRead() {
    JsonNode list = JsonTrees.read("[Infinity, -Infinity, NaN]");

    assertThat(list.get(0).doubleValue()).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(list.get(1).doubleValue()).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(list.get(2).doubleValue()).isNaN();
  }

  @Test
  void nothing_isAMissingNode() {
    assertThat(JsonTrees.read(" ").isMissingNode()).isTrue();
  }

  @Test
  void moreAfterTheValue_isRefused() {
    assertThatThrownBy(() -> JsonTrees.read("{} {}"))
        .isInstanceOfSatisfying(
            JacksonException.class,
            e ->
                assertThat(e.getOriginalMessage())
                    .isEqualTo("more after the end of the JSON value"));
  }

  @Test
  void aTextCutShort_isRefused() {
    assertThatThrownBy(() -> JsonTrees.read("{\"a\": [1, 2"))
        .isInstanceOf(JacksonException.class)
        .hasMessageContaining("Unexpected end-of-input");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "[1,|Unexpected end-of-input within/between Array entries",
        "{\"a\": nan}|Unrecognized token 'nan': was expecting (JSON String, Number (or"
            + " 'NaN'/'+INF'/'-INF'), Array, Object or token 'null', 'true' or 'false')",
        "{} {}|more after the end of the JSON value",
      })
  void reason_namesNoSettingOfTheParser(String json, String reason) {
    assertThatThrownBy(() -> JsonTrees.read(json))
        .isInstanceOfSatisfying(
            JacksonException.class,
            e -> assertThat(JsonTrees.reason(e)).startsWith(reason).doesNotContain("Source", "`"));
    assertThatThrownBy(() -> JsonTrees.read("[".repeat(600)))
        .isInstanceOfSatisfying(
            JacksonException.class,
            e ->
                assertThat(JsonTrees.reason(e))
                    .isEqualTo("Document nesting depth (501) exceeds the maximum allowed (500)"));
    assertThatThrownBy(() -> JsonMapper.builder().build().readTree("[NaN]"))
        .isInstanceOfSatisfying(
            JacksonException.class,
            e -> assertThat(JsonTrees.reason(e)).isEqualTo("Non-standard token 'NaN'"));
  }
}
