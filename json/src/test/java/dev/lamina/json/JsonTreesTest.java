package dev.lamina.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
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
}
