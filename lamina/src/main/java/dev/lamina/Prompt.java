package dev.lamina;

import dev.lamina.chat.Message;
import dev.lamina.chat.Tool;
import java.util.List;

/** What a model is asked to go on from. */
public sealed interface Prompt {
  /**
   * A conversation, rendered by the model's own chat template.
   *
   * @param messages at least one
   * @param tools tools the model may call, or none
   */
  record Chat(List<Message> messages, List<Tool> tools) implements Prompt {
    /** Copies the lists. */
    public Chat {
      messages = List.copyOf(messages);
      tools = List.copyOf(tools);
    }
  }

  /**
   * Plain text, without a template; the tokenizer adds what its configuration says.
   *
   * @param text not empty
   */
  record Text(String text) implements Prompt {}

  /**
   * Token ids as they are.
   *
   * @param ids at least one; not copied, must not change
   */
  record Tokens(int[] ids) implements Prompt {}

  /** A conversation of one question. */
  static Prompt user(String question) {
    return new Chat(List.of(Message.user(question)), List.of());
  }

  /** A conversation. */
  static Prompt chat(List<Message> messages) {
    return new Chat(messages, List.of());
  }

  /** Plain text. */
  static Prompt text(String text) {
    return new Text(text);
  }

  /** Token ids. */
  static Prompt tokens(int... ids) {
    return new Tokens(ids);
  }
}
