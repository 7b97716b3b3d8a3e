package dev.lamina.scheduler;

/** A request outgrew the KV blocks that exist; retrying helps only with a larger pool. */
public final class CapacityExceededException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one line: what was needed, what there is, which flag changes it
   */
  public CapacityExceededException(String message) {
    super(message);
  }
}
