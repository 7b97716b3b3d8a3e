package dev.lamina.chat;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One message of a conversation.
 *
 * @param role who speaks
 * @param content the text; null only for an assistant message that is nothing but tool calls
 * @param toolCalls the calls an assistant message made, else empty
 * @param toolCallId in a tool message the id of the call it answers, where known
 * @param name the speaker's or tool's name, where given
 */
public record Message(
    Role role,
    @Nullable String content,
    List<ToolCall> toolCalls,
    @Nullable String toolCallId,
    @Nullable String name) {

  public Message {
    toolCalls = List.copyOf(toolCalls);
    if (content == null && toolCalls.isEmpty()) {
      throw new InvalidMessagesException(
          role.wireName() + " message: content is missing, expected a string");
    }
    if (!toolCalls.isEmpty() && role != Role.ASSISTANT) {
      throw new InvalidMessagesException(
          role.wireName() + " message: only an assistant message can have tool_calls");
    }
  }

  /** Instructions that stand before the conversation. */
  public static Message system(String content) {
    return new Message(Role.SYSTEM, content, List.of(), null, null);
  }

  /** What the user says. */
  public static Message user(String content) {
    return new Message(Role.USER, content, List.of(), null, null);
  }

  /** What the model said. */
  public static Message assistant(String content) {
    return new Message(Role.ASSISTANT, content, List.of(), null, null);
  }

  /** What a tool returned. */
  public static Message tool(String content) {
    return new Message(Role.TOOL, content, List.of(), null, null);
  }
}
