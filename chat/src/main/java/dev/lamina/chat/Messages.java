package dev.lamina.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads the {@code messages} and {@code tools} of an OpenAI-style request. Every refusal is an
 * {@link InvalidMessagesException} that names the field by its path.
 */
public final class Messages {
  private Messages() {}

  /**
   * Reads a non-empty array of messages.
   *
   * @param messages the request's {@code messages}, null where the field is absent
   */
  public static List<Message> read(@Nullable JsonNode messages) {
    if (messages == null || !messages.isArray() || messages.isEmpty()) {
      throw new InvalidMessagesException(
          "messages: expected a non-empty array, got "
              + kind(messages)
              + "; send at least one message");
    }
    List<Message> read = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      read.add(message(messages.get(i), "messages[" + i + "]"));
    }
    return List.copyOf(read);
  }

  /**
   * Reads an array of tools; absent, null and empty all mean no tools.
   *
   * @param tools the request's {@code tools}, null where the field is absent
   */
  public static List<Tool> readTools(@Nullable JsonNode tools) {
    if (tools == null || tools.isNull()) {
      return List.of();
    }
    if (!tools.isArray()) {
      throw new InvalidMessagesException("tools: expected an array, got " + kind(tools));
    }
    List<Tool> read = new ArrayList<>();
    for (int i = 0; i < tools.size(); i++) {
      if (!(tools.get(i) instanceof ObjectNode definition)) {
        throw new InvalidMessagesException(
            "tools[" + i + "]: expected an object, got " + kind(tools.get(i)));
      }
      Tool tool = new Tool(definition);
      if (tool.name().isEmpty()) {
        throw new InvalidMessagesException(
            "tools[" + i + "].function.name: expected a string, got nothing");
      }
      read.add(tool);
    }
    return List.copyOf(read);
  }

  private static Message message(JsonNode node, String path) {
    if (!node.isObject()) {
      throw new InvalidMessagesException(path + ": expected an object, got " + kind(node));
    }
    Role role = role(node.get("role"), path + ".role");
    List<ToolCall> calls = toolCalls(node.get("tool_calls"), path + ".tool_calls");
    if (!calls.isEmpty() && role != Role.ASSISTANT) {
      throw new InvalidMessagesException(
          path
              + ".tool_calls: only an assistant message can have them, got role "
              + role.wireName());
    }
    String content = content(node.get("content"), path + ".content");
    if (content == null && calls.isEmpty()) {
      throw new InvalidMessagesException(path + ".content: expected a string, got nothing");
    }
    return new Message(
        role,
        content,
        calls,
        text(node.get("tool_call_id"), path + ".tool_call_id"),
        text(node.get("name"), path + ".name"));
  }

  private static Role role(@Nullable JsonNode node, String path) {
    if (node != null && node.isString()) {
      for (Role role : Role.values()) {
        if (role.wireName().equals(node.stringValue())) {
          return role;
        }
      }
    }
    String got = node != null && node.isString() ? PythonJson.write(node) : kind(node);
    throw new InvalidMessagesException(
        path + ": expected system, user, assistant or tool, got " + got);
  }

  /** A string, or OpenAI's array of text parts, which are joined. */
  private static @Nullable String content(@Nullable JsonNode node, String path) {
    if (node == null || node.isNull()) {
      return null;
    }
    if (node.isString()) {
      return node.stringValue();
    }
    if (!node.isArray()) {
      throw new InvalidMessagesException(path + ": expected a string, got " + kind(node));
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < node.size(); i++) {
      JsonNode part = node.get(i);
      if (!part.path("type").asString("").equals("text") || !part.path("text").isString()) {
        throw new InvalidMessagesException(
            path + "[" + i + "]: only parts of type text are supported, got " + partType(part));
      }
      text.append(part.path("text").stringValue());
    }
    return text.toString();
  }

  private static List<ToolCall> toolCalls(@Nullable JsonNode calls, String path) {
    if (calls == null || calls.isNull()) {
      return List.of();
    }
    if (!calls.isArray()) {
      throw new InvalidMessagesException(path + ": expected an array, got " + kind(calls));
    }
    List<ToolCall> read = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      JsonNode call = calls.get(i);
      String at = path + "[" + i + "]";
      JsonNode function = call.path("function").isObject() ? call.path("function") : call;
      String name = text(function.get("name"), at + ".function.name");
      if (name == null || name.isEmpty()) {
        throw new InvalidMessagesException(at + ".function.name: expected a string, got nothing");
      }
      JsonNode arguments = function.get("arguments");
      if (arguments == null || !(arguments.isObject() || arguments.isString())) {
        throw new InvalidMessagesException(
            at + ".function.arguments: expected an object or a string, got " + kind(arguments));
      }
      read.add(new ToolCall(text(call.get("id"), at + ".id"), name, arguments));
    }
    return read;
  }

  private static @Nullable String text(@Nullable JsonNode node, String path) {
    if (node == null || node.isNull()) {
      return null;
    }
    if (!node.isString()) {
      throw new InvalidMessagesException(path + ": expected a string, got " + kind(node));
    }
    return node.stringValue();
  }

  private static String partType(JsonNode part) {
    return part.path("type").isString() ? part.path("type").stringValue() : kind(part);
  }

  /** What a value is, in an error's words. */
  static String kind(@Nullable JsonNode node) {
    if (node == null) {
      return "nothing";
    }
    return switch (node.getNodeType()) {
      case ARRAY -> node.isEmpty() ? "an empty array" : "an array";
      case OBJECT, POJO -> "an object";
      case NULL, MISSING -> node.getNodeType().name().toLowerCase(Locale.ROOT);
      case STRING, BINARY -> "a string";
      case NUMBER -> "a number";
      case BOOLEAN -> "a boolean";
    };
  }
}
