package dev.lamina.chat;

import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Turns a conversation into the prompt text that one model was trained on. Safe for many threads.
 */
public interface ChatTemplate {

  /**
   * Renders a conversation. The text holds the special tokens in full, so encode it without adding
   * any.
   *
   * @param messages at least one message
   * @param tools the tools offered, may be empty
   * @param addGenerationPrompt whether to end with what opens the assistant's answer
   * @param kwargs further variables of the template, such as {@code enable_thinking}
   * @throws InvalidMessagesException when there are no messages or the template has no place for
   *     one
   */
  String render(
      List<Message> messages,
      List<Tool> tools,
      boolean addGenerationPrompt,
      Map<String, JsonNode> kwargs);
}
