package dev.lamina.models.checkpoint;

/**
 * A model cannot be used. The message is one line: what was being done, what was expected, what
 * came, where, and what to do about it.
 */
public final class ModelException extends Exception {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST = 2000;

  /**
   * A refusal.
   *
   * @param message the line; line breaks and other control characters (a tensor may be named with
   *     any) become spaces
   */
  public ModelException(String message) {
    super(oneLine(message));
  }

  /**
   * A refusal with the exception that led to it.
   *
   * @param message the line
   * @param cause what a debugger wants to see
   */
  public ModelException(String message, Throwable cause) {
    super(oneLine(message), cause);
  }

  private static String oneLine(String text) {
    String line = text.replaceAll("\\p{Cntrl}+", " ");
    return line.length() <= LONGEST ? line : line.substring(0, LONGEST - 3) + "...";
  }
}
