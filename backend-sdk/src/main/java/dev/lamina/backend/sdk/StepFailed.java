package dev.lamina.backend.sdk;

/** A kernel threw something that is not a {@link ProgramError}. */
final class StepFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  StepFailed(String step, RuntimeException cause) {
    super(step + ": " + cause, cause);
  }
}
