package dev.lamina.spi.ir;

/**
 * A graph, or a piece of graph text, that breaks the rules of the IR.
 *
 * <p>The message is one line: operation, what was expected, what came, where.
 */
public final class GraphException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   */
  public GraphException(String message) {
    super(message);
  }
}
