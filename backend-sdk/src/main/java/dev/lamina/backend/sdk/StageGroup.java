package dev.lamina.backend.sdk;

/**
 * Stages in a row that a provider may run at once.
 *
 * @param from position of the first stage
 * @param to position after the last one
 * @param kernel runs those of them that launch something; views and constants among them do not
 */
public record StageGroup(int from, int to, GroupKernel kernel) {
  /** Checks the range. */
  public StageGroup {
    if (from < 0 || to <= from) {
      throw new IllegalArgumentException(
          "stage group: expected at least one stage, got %d to %d".formatted(from, to));
    }
  }
}
