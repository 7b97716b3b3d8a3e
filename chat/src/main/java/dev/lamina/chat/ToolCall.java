package dev.lamina.chat;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One call of a tool that an assistant message made.
 *
 * @param id the call's id, where the client gave one
 * @param name the function's name
 * @param arguments a JSON object, or a string that holds one, kept as it came: templates write the
 *     two differently
 */
public record ToolCall(@Nullable String id, String name, JsonNode arguments) {
  public ToolCall {
    if (name.isEmpty()) {
      throw new InvalidMessagesException("tool call: expected a function name, got an empty one");
    }
    if (!arguments.isObject() && !arguments.isString()) {
      throw new InvalidMessagesException(
          "tool call "
              + name
              + ": expected arguments as a JSON object or a string, got "
              + Messages.kind(arguments));
    }
  }
}
