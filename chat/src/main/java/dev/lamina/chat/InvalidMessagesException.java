package dev.lamina.chat;

/** The caller's messages or tools cannot be used; the message is one line that names the field. */
public final class InvalidMessagesException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  InvalidMessagesException(String message) {
    super(message);
  }
}
