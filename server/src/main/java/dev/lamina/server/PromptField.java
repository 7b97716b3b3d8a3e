package dev.lamina.server;

import dev.lamina.Prompt;
import tools.jackson.databind.JsonNode;

/** The {@code prompt} of a completion: text, token ids, or an array of one of them. */
final class PromptField {
  private static final String FIELD = "prompt";

  private PromptField() {}

  /**
   * Reads it.
   *
   * @throws ApiException if it is empty, holds several prompts or something else
   */
  static Prompt read(JsonNode prompt) {
    if (prompt.isString()) {
      return text(prompt.stringValue());
    }
    if (!prompt.isArray()) {
      throw invalid("expected a string or an array of token ids, got " + kind(prompt));
    }
    if (prompt.isEmpty()) {
      throw invalid("expected at least one token, got an empty array");
    }
    JsonNode first = prompt.get(0);
    if (first.isNumber()) {
      return ids(prompt);
    }
    if (!first.isString() && !first.isArray()) {
      throw invalid("expected a string or an array of token ids, got an array of " + kind(first));
    }
    if (prompt.size() > 1) {
      throw invalid("several prompts are not supported yet, got " + prompt.size() + "; send one");
    }
    if (first.isString()) {
      return text(first.stringValue());
    }
    if (first.isEmpty()) {
      throw invalid("expected at least one token, got an empty array");
    }
    return ids(first);
  }

  private static Prompt text(String text) {
    if (text.isEmpty()) {
      throw invalid("expected at least one token, got an empty string");
    }
    return new Prompt.Text(text);
  }

  private static Prompt ids(JsonNode array) {
    int[] ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = array.get(i);
      if (!id.isIntegralNumber() || !id.canConvertToInt()) {
        String got = id.isNumber() ? id.toString() : kind(id);
        throw invalid("expected token ids, got " + got + " at index " + i);
      }
      ids[i] = id.intValue();
    }
    return new Prompt.Tokens(ids);
  }

  private static ApiException invalid(String what) {
    return ApiException.badRequest(FIELD, FIELD + ": " + what);
  }

  private static String kind(JsonNode v) {
    return switch (v.getNodeType()) {
      case ARRAY -> "an array";
      case OBJECT, POJO -> "an object";
      case STRING, BINARY -> "a string";
      case NUMBER -> "a number";
      case BOOLEAN -> "a boolean";
      case NULL -> "null";
      case MISSING -> "nothing";
    };
  }
}
