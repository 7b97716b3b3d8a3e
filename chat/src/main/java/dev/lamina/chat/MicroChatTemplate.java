package dev.lamina.chat;

import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The chat template of the built-in models, written out: ChatML with tools listed in the system
 * message, calls between {@code <tool_call>} tags and tool results inside a user message. It has no
 * further variables and ignores them, and writes a system message only where it is the first, as
 * the template's text does.
 */
final class MicroChatTemplate implements ChatTemplate {

  @Override
  public String render(
      List<Message> messages,
      List<Tool> tools,
      boolean addGenerationPrompt,
      Map<String, JsonNode> kwargs) {
    if (messages.isEmpty()) {
      throw new InvalidMessagesException(
          "messages: expected a non-empty array, got an empty array; send at least one message");
    }
    StringBuilder out = new StringBuilder();
    system(messages.getFirst(), tools, out);
    for (Message message : messages) {
      message(message, out);
    }
    if (addGenerationPrompt) {
      out.append("<|im_start|>assistant\n");
    }
    return out.toString();
  }

  private static void system(Message first, List<Tool> tools, StringBuilder out) {
    boolean hasSystem = first.role() == Role.SYSTEM;
    if (tools.isEmpty()) {
      if (hasSystem) {
        out.append("<|im_start|>system\n").append(first.content()).append("<|im_end|>\n");
      }
      return;
    }
    out.append("<|im_start|>system\n");
    if (hasSystem) {
      out.append(first.content()).append("\n\n");
    }
    out.append("Tools:");
    for (Tool tool : tools) {
      out.append('\n');
      PythonJson.write(tool.definition(), out);
    }
    out.append(
        "\nReply with <tool_call>{\"name\": ..., \"arguments\": {...}}</tool_call> to call one."
            + "<|im_end|>\n");
  }

  private static void message(Message message, StringBuilder out) {
    switch (message.role()) {
      case SYSTEM -> {}
      case USER ->
          out.append("<|im_start|>user\n").append(message.content()).append("<|im_end|>\n");
      case ASSISTANT -> {
        out.append("<|im_start|>assistant\n");
        if (message.content() != null) {
          out.append(message.content());
        }
        for (ToolCall call : message.toolCalls()) {
          toolCall(call, out);
        }
        out.append("<|im_end|>\n");
      }
      case TOOL ->
          out.append("<|im_start|>user\n<tool_response>\n")
              .append(message.content())
              .append("\n</tool_response><|im_end|>\n");
    }
  }

  private static void toolCall(ToolCall call, StringBuilder out) {
    out.append("<tool_call>\n{\"name\": \"").append(call.name()).append("\", \"arguments\": ");
    if (call.arguments().isString()) {
      out.append(call.arguments().stringValue());
    } else {
      PythonJson.write(call.arguments(), out);
    }
    out.append("}\n</tool_call>");
  }
}
