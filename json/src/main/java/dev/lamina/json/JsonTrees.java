package dev.lamina.json;

import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON trees straight from the streaming parser, equal to those of a JsonMapper. A JsonMapper costs
 * about 0.15 s when it is first made, a sixth of what passes between start and first token; the
 * nodes alone cost next to nothing.
 */
public final class JsonTrees {
  // Interning the names would put every token of a vocabulary into the JVM's own string table.
  // Python writes Infinity and NaN into the files of its models.
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** What the parser adds for programmers: places it does not know, settings of its own. */
  private static final Pattern ASIDE =
      Pattern.compile(
          " \\(start marker at \\[[^\\]]*\\]\\)|: enable `[^`]*` to allow|, from `[^`]*`|\\R\\s*at \\[.*");

  private JsonTrees() {}

  /**
   * Why a text is not JSON, for whoever wrote the text.
   *
   * @param e what a parser threw
   * @return one line, without the parser's own settings
   */
  public static String reason(JacksonException e) {
    String message = String.valueOf(e.getOriginalMessage());
    return ASIDE.matcher(message).replaceAll("").replaceAll("\\s*\\R\\s*", " ");
  }

  /**
   * A parser before its first token.
   *
   * @param json bytes in UTF-8, UTF-16 or UTF-32; not copied
   * @return the parser; the caller closes it
   */
  public static JsonParser parser(byte[] json) {
    return FACTORY.createParser(ObjectReadContext.empty(), json);
  }

  /**
   * Reads one value.
   *
   * @param json bytes in UTF-8, UTF-16 or UTF-32
   * @return the value, a missing node if there is none
   * @throws JacksonException if it is not JSON, or more stands after the value
   */
  public static JsonNode read(byte[] json) {
    try (JsonParser parser = parser(json)) {
      return whole(parser);
    }
  }

  /**
   * Reads one value.
   *
   * @param json a text
   * @return the value, a missing node if there is none
   * @throws JacksonException if it is not JSON, or more stands after the value
   */
  public static JsonNode read(String json) {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json)) {
      return whole(parser);
    }
  }

  private static JsonNode whole(JsonParser parser) {
    if (parser.nextToken() == null) {
      return MissingNode.getInstance();
    }
    JsonNode value = value(parser);
    if (parser.nextToken() != null) {
      throw new StreamReadException(parser, "more after the end of the JSON value");
    }
    return value;
  }

  /**
   * Reads the value that the parser's current token begins.
   *
   * @param parser stands on the value's last token afterwards
   * @return the value
   * @throws JacksonException if it is not JSON
   */
  public static JsonNode value(JsonParser parser) {
    JsonToken token = parser.currentToken();
    return switch (token) {
      case START_OBJECT -> object(parser);
      case START_ARRAY -> array(parser);
      case VALUE_STRING -> NODES.stringNode(parser.getString());
      case VALUE_NUMBER_INT ->
          switch (parser.getNumberType()) {
            case INT -> NODES.numberNode(parser.getIntValue());
            case LONG -> NODES.numberNode(parser.getLongValue());
            case BIG_INTEGER, FLOAT, DOUBLE, BIG_DECIMAL ->
                NODES.numberNode(parser.getBigIntegerValue());
          };
      case VALUE_NUMBER_FLOAT -> NODES.numberNode(parser.getDoubleValue());
      case VALUE_TRUE -> NODES.booleanNode(true);
      case VALUE_FALSE -> NODES.booleanNode(false);
      case VALUE_NULL -> NODES.nullNode();
      case END_OBJECT, END_ARRAY, PROPERTY_NAME, VALUE_EMBEDDED_OBJECT, NOT_AVAILABLE ->
          throw new AssertionError("no value begins at " + token);
    };
  }

  private static ObjectNode object(JsonParser parser) {
    ObjectNode node = NODES.objectNode();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      parser.nextToken();
      node.set(name, value(parser));
    }
    return node;
  }

  private static ArrayNode array(JsonParser parser) {
    ArrayNode node = NODES.arrayNode();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      node.add(value(parser));
    }
    return node;
  }
}
