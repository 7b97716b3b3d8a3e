package dev.lamina.cli;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** JSON in and out of the command line. */
final class Json {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private Json() {}

  static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  static ArrayNode array() {
    return MAPPER.createArrayNode();
  }

  /** Reads one document; the caller turns the exception into a line. */
  static JsonNode read(String text) throws JacksonException {
    return MAPPER.readTree(text);
  }

  /** One line. */
  static String line(JsonNode node) {
    return MAPPER.writeValueAsString(node);
  }

  static ArrayNode of(int[] values) {
    ArrayNode array = array();
    for (int v : values) {
      array.add(v);
    }
    return array;
  }
}
