package dev.lamina.chat;

/** A model's chat template cannot be rendered; text and token prompts still work. */
public final class UnsupportedTemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * A refusal.
   *
   * @param message one line
   */
  public UnsupportedTemplateException(String message) {
    super(message);
  }
}
